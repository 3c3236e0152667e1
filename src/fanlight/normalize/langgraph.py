"""
Where in a LangGraph graph a run sits, told from the metadata that LangGraph gives its runs.
"""

from __future__ import annotations

from typing import Any, Final

from fanlight.event import LangGraph, Operation
from fanlight.normalize.arguments import identifier

_GRAPHS: Final = frozenset({"langgraph", "langchain_create_agent", "deepagents"})
"""What `ls_integration` says on a graph's own run. Runs below inherit it or say something else."""


def position_of(metadata: dict[str, Any]) -> LangGraph | None:
    """Return the graph position in *metadata*; `None` outside of every graph."""
    node = metadata.get("langgraph_node")
    if node is None and identifier(metadata.get("ls_integration")) not in _GRAPHS:
        return None
    step = metadata.get("langgraph_step")
    return LangGraph(
        node=identifier(node),
        step=step if type(step) is int and 0 <= step < 2**63 else None,
        thread_id=identifier(metadata.get("thread_id")),
        checkpoint_id=identifier(metadata.get("checkpoint_id")),
        checkpoint_ns=identifier(metadata.get("langgraph_checkpoint_ns")) or identifier(metadata.get("checkpoint_ns")),
        graph_id=identifier(metadata.get("graph_id")),
    )


def thread_of(position: LangGraph | None) -> tuple[str, str] | None:
    """Return thread and checkpoint namespace of a graph's own run; `None` for its nodes, and without a thread."""
    if position is None or position.node is not None or position.thread_id is None:
        return None
    return position.thread_id, position.checkpoint_ns or ""


def is_graph(metadata: dict[str, Any]) -> bool:
    """Whether the run is a graph that no other graph runs as a node."""
    return metadata.get("langgraph_node") is None and identifier(metadata.get("ls_integration")) in _GRAPHS


def superstep_of(position: LangGraph) -> tuple[str, int] | None:
    """Return which superstep of which (sub)graph a run belongs to."""
    if position.step is None:
        return None
    return (position.checkpoint_ns or "").rpartition("|")[0], position.step


def chain_operation(name: str, metadata: dict[str, Any], *, is_top: bool) -> Operation:
    """
    Return the operation of a chain's run.

    An agent is what was built as one (`create_agent` names it in `lc_agent_name`; the classic `AgentExecutor`), and
    a graph that is not below another run and calls itself agent. Other such graphs are workflows.
    """
    if name == identifier(metadata.get("lc_agent_name")) or name == "AgentExecutor":
        return "invoke_agent"
    if is_graph(metadata):
        if identifier(metadata.get("ls_integration")) != "langgraph" or "agent" in name.lower():
            return "invoke_agent"
        if is_top:
            return "invoke_workflow"
    return "chain"


def resumes(inputs: Any) -> bool:
    """Whether a graph that gets *inputs* goes on from an interrupt: `Command(resume=…)`, or nothing at all."""
    if inputs is None:
        return True
    return type(inputs).__name__ == "Command" and getattr(inputs, "resume", None) is not None
