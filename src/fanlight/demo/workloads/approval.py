"""A graph that stops to ask a person, and goes on when the answer comes."""

from __future__ import annotations

import uuid
from typing import Any, TypedDict

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from fanlight.demo.workloads.model import Reply, ScriptedChat

_DRAFT = Reply(text="I would refund 129.00 EUR for order A-1042.", input_tokens=150, output_tokens=22)


class Refund(TypedDict, total=False):
    """The graph's state."""

    order_id: str
    draft: str
    outcome: str


def _graph(pace: float) -> Runnable[Any, Any]:
    model = ScriptedChat(replies=(_DRAFT,), pace=pace)

    def draft(state: Refund, config: RunnableConfig) -> Refund:
        return {"draft": str(model.invoke(f"Draft a refund for {state['order_id']}.", config).content)}

    def approve(state: Refund) -> Refund:
        answer = interrupt({"question": "Refund it?", "draft": state["draft"]})
        return {"outcome": "refunded" if answer == "yes" else "kept"}

    builder = StateGraph(Refund)
    builder.add_node("draft", draft)
    builder.add_node("approve", approve)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "approve")
    builder.add_edge("approve", END)
    return builder.compile(name="refund_approval", checkpointer=InMemorySaver())


def _on_thread(config: RunnableConfig) -> RunnableConfig:
    thread = {"thread_id": f"refund-{uuid.uuid4().hex[:8]}", **config.get("configurable", {})}
    return {**config, "configurable": thread}


def approval(config: RunnableConfig, pace: float = 0.0) -> str:
    """Stop at an `interrupt`, resume with `Command(resume=...)` and finish: two roots on one thread."""
    graph, on_thread = _graph(pace), _on_thread(config)
    graph.invoke({"order_id": "A-1042"}, on_thread)
    return str(graph.invoke(Command(resume="yes"), on_thread)["outcome"])


async def aapproval(config: RunnableConfig, pace: float = 0.0) -> str:
    """Stop at an `interrupt`, resume and finish, in async code."""
    graph, on_thread = _graph(pace), _on_thread(config)
    await graph.ainvoke({"order_id": "A-1042"}, on_thread)
    return str((await graph.ainvoke(Command(resume="yes"), on_thread))["outcome"])
