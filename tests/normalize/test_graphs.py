"""LangGraph: where a run sits, interrupts, resumes, handoffs, agents."""

from __future__ import annotations

import operator
from typing import Annotated, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from .models import Scripted, asks, said


class State(TypedDict):
    x: Annotated[list, operator.add]


def graph(name="workflow", checkpointer=None, interrupt_before=None, **nodes):
    """A line of nodes."""
    builder = StateGraph(State)
    before = START
    for node, action in nodes.items():
        builder.add_node(node, action)
        builder.add_edge(before, node)
        before = node
    return builder.compile(name=name, checkpointer=checkpointer, interrupt_before=interrupt_before)


def ask(_state):
    return {"x": [interrupt("really?")]}


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@tool
def approve(q: str) -> str:
    """Ask a human."""
    return interrupt(q)


def threaded(handler, thread="T1"):
    return {"callbacks": [handler], "configurable": {"thread_id": thread}}


def test_a_nodes_place_is_known(traced):
    """Node, step, thread and checkpoint namespace are fields; nodes are chains, the graph is a workflow."""
    app = graph(a=lambda s: {"x": [1]}, b=lambda s: {"x": [2]}, checkpointer=InMemorySaver())
    app.invoke({"x": []}, threaded(traced.handler))
    node = traced.one("chain.end", name="b")
    assert (node.langgraph.node, node.langgraph.step, node.langgraph.thread_id) == ("b", 2, "T1")
    assert node.langgraph.checkpoint_ns.startswith("b:")
    assert (node.operation, node.session_id) == ("chain", "T1")
    assert node.lc_tags == ("graph:step:2",)
    assert (traced.root.name, traced.root.operation, traced.root.outputs) == (
        "workflow",
        "invoke_workflow",
        {"x": [1, 2]},
    )
    assert traced.root.rollup.steps == 2


def test_steps_of_a_subgraph_are_steps_too(traced):
    """Supersteps are told apart by graph and number; two nodes of one step are one step."""
    inner = graph(name="inner", i=lambda s: {"x": [1]})
    builder = StateGraph(State)
    for node in ("a", "b"):
        builder.add_node(node, lambda s: {"x": [0]})
        builder.add_edge(START, node)
        builder.add_edge(node, "inner")
    builder.add_node("inner", inner)
    builder.compile().invoke({"x": []}, traced.config)
    assert traced.root.rollup.steps == 3


@pytest.mark.parametrize("way", ["handler", "plain_handler"])
def test_an_interrupt_is_no_error_by_any_way_of_attaching(traced, way):
    """The node and the graph are `interrupted`, told from the tree: not every handler hears of the interrupt itself."""
    app = graph(first=lambda s: {"x": [0]}, n=ask, checkpointer=InMemorySaver())
    app.invoke({"x": []}, threaded(getattr(traced, way)))
    node = traced.one("chain.error", name="n")
    assert (node.status, node.error) == ("interrupted", None)
    assert node.custom["interrupts"][0]["value"] == "really?"
    assert (traced.root.type, traced.root.status, traced.root.error) == ("chain.end", "interrupted", None)
    assert traced.root.rollup.errors == 0
    assert traced.one("chain.end", name="first").status == "ok"
    assert len(traced.all("interrupt")) == (1 if way == "handler" else 0)


def test_the_interrupt_itself_is_an_event(traced):
    """Where LangGraph tells of it: what was asked and at which checkpoint, and again with the run that paused."""
    graph(n=ask, checkpointer=InMemorySaver()).invoke({"x": []}, threaded(traced.handler))
    event = traced.one("interrupt")
    assert event.run_id == traced.root.run_id
    assert event.custom["interrupts"][0]["value"] == "really?"
    assert event.custom["checkpoint_id"]
    assert event.inputs is None
    assert [(e.type, e.data) for e in traced.root.run_events] == [("interrupt", event.custom)]
    assert [e.sequence for e in traced.events if e.run_id == traced.root.run_id] == [0, 1, 2]


@pytest.mark.parametrize("way", ["handler", "plain_handler"])
def test_a_resumed_run_links_to_the_one_that_paused(traced, way):
    """A resume is a new trace; it links to the span that was interrupted, once."""
    app = graph(n=ask, checkpointer=InMemorySaver())
    config = threaded(getattr(traced, way))
    app.invoke({"x": []}, config)
    app.invoke(Command(resume="yes"), config)
    app.invoke({"x": []}, threaded(getattr(traced, way), "T2"))
    paused, resumed, other = [e for e in traced.events if e.is_root and e.ends_run]
    assert (paused.status, resumed.status, other.status) == ("interrupted", "ok", "interrupted")
    (link,) = resumed.links
    assert (link.kind, link.trace_id, link.span_id) == ("resumes", paused.trace_id, paused.span_id)
    assert paused.trace_id != resumed.trace_id
    assert other.links == ()
    assert resumed.inputs["resume"] == "yes"
    assert len(traced.all("resume")) == (1 if way == "handler" else 0)


def test_new_input_on_a_paused_thread_resumes_nothing(traced):
    """LangGraph starts anew then, and so does the trace, without a link."""
    app = graph(n=ask, checkpointer=InMemorySaver())
    app.invoke({"x": []}, threaded(traced.handler))
    app.invoke({"x": [1]}, threaded(traced.handler))
    assert [e.links for e in traced.events if e.is_root and e.ends_run] == [(), ()]


def test_an_interrupt_deep_below_reaches_the_root(traced):
    """A tool in a subgraph in a graph in a chain: everything above it is interrupted, nothing failed."""

    def inner(_state):
        return {"x": [approve.invoke({"q": "hm"})]}

    app = graph(name="outer", s=graph(name="sub", i=inner), checkpointer=InMemorySaver())
    (RunnableLambda(lambda x: x) | app).invoke({"x": []}, threaded(traced.plain_handler))
    ended = {e.name: e.status for e in traced.events if e.ends_run}
    assert ended == {
        "RunnableLambda": "ok",
        "approve": "interrupted",
        "i": "interrupted",
        "sub": "interrupted",
        "s": "interrupted",
        "outer": "interrupted",
        "RunnableSequence": "interrupted",
    }
    assert traced.root.rollup.errors == 0


def test_an_interrupt_that_the_application_resumes_itself_is_over(traced):
    """A chain that interrupts and resumes within one trace ends ok."""
    app = graph(n=ask, checkpointer=InMemorySaver())

    def both(_):
        app.invoke({"x": []}, {"configurable": {"thread_id": "T1"}})
        return app.invoke(Command(resume="yes"), {"configurable": {"thread_id": "T1"}})

    RunnableLambda(both).invoke("x", {"callbacks": [traced.plain_handler]})
    assert [e.status for e in traced.all("chain.end", name="workflow")] == ["interrupted", "ok"]
    assert traced.root.status == "ok"


def test_a_handoff_is_no_error(traced):
    """A node that sends the parent graph elsewhere says where; nothing failed."""

    def leave(_state):
        return Command(graph=Command.PARENT, goto="other", update={"x": ["h"]})

    builder = StateGraph(State)
    builder.add_node("s", graph(name="sub", i=leave))
    builder.add_node("other", lambda s: {"x": ["o"]})
    builder.add_edge(START, "s")
    builder.compile(name="outer").invoke({"x": []}, traced.config)
    node = traced.one("chain.error", name="i")
    assert (node.status, node.error, node.outputs["goto"]) == ("handoff", None, "other")
    assert (traced.root.status, traced.root.rollup.errors) == ("ok", 0)


def test_a_node_that_fails_is_an_error(traced):
    """An error travels from the node through the graph to the root, and is counted once."""
    with pytest.raises(ZeroDivisionError):
        graph(n=lambda s: 1 / 0).invoke({"x": []}, traced.config)
    assert [e.status for e in traced.events if e.ends_run] == ["error", "error"]
    assert traced.root.rollup.errors == 1


def test_an_agent_is_an_agent(traced):
    """`create_agent`'s graph is invoke_agent; its model and tool calls are linked and counted."""
    agent = create_agent(Scripted(answers=[asks("add", a=1, b=2), said("3")]), [add], name="calc")
    agent.invoke({"messages": [("user", "1+2")]}, traced.config)
    root = traced.root
    assert (root.name, root.operation, root.status) == ("calc", "invoke_agent", "ok")
    assert [
        e.operation for e in traced.events if e.starts_run and e.run_id != root.run_id and e.run_type == "chain"
    ] == ["chain"] * 3
    asked = traced.all("llm.end")[0]
    (link,) = traced.one("tool.end").links
    assert (link.kind, link.span_id, link.trace_id) == ("requested_by", asked.span_id, root.trace_id)
    rollup = root.rollup
    assert (rollup.llm_calls, rollup.tool_calls, rollup.steps) == (2, 1, 3)
    assert (rollup.input_tokens, rollup.output_tokens) == (30, 12)
    assert asked.tool_definitions[0]["function"]["name"] == "add"


def test_a_tool_approved_later_links_to_the_call_that_asked_for_it(traced):
    """After an approval the tool runs in the resumed trace, and links back to the model call of the first."""
    agent = create_agent(
        Scripted(answers=[asks("approve", q="sure?"), said("fine")]),
        [approve],
        name="hitl",
        checkpointer=InMemorySaver(),
    )
    agent.invoke({"messages": [("user", "go")]}, threaded(traced.plain_handler))
    agent.invoke(Command(resume="yes"), threaded(traced.plain_handler))
    asked = traced.all("llm.end")[0]
    (tool_run,) = traced.all("tool.end")
    assert tool_run.trace_id != asked.trace_id
    assert [(link.trace_id, link.span_id) for link in tool_run.links] == [(asked.trace_id, asked.span_id)]


@pytest.mark.parametrize(("name", "operation"), [("LangGraph", "invoke_workflow"), ("research_agent", "invoke_agent")])
def test_a_graph_is_a_workflow_unless_it_calls_itself_agent(traced, name, operation):
    """Conservative: only what says so is an agent."""
    graph(name=name, n=lambda s: {"x": [1]}).invoke({"x": []}, traced.config)
    assert traced.root.operation == operation


def test_a_static_breakpoint_looks_the_same_by_each_way(traced):
    """`interrupt_before` raises nothing anywhere; the run is ok, whoever hears of the pause as an event."""
    app = graph(n=lambda s: {"x": [1]}, checkpointer=InMemorySaver(), interrupt_before=["n"])
    app.invoke({"x": []}, threaded(traced.handler, "T1"))
    app.invoke({"x": []}, threaded(traced.plain_handler, "T2"))
    assert [e.status for e in traced.events if e.is_root and e.ends_run] == ["ok", "ok"]
    assert traced.one("interrupt").custom["status"] == "interrupt_before"


async def test_an_async_graph_is_the_same_tree(traced):
    """Awaited, the graph has the same runs, parents and status."""
    app = graph(a=lambda s: {"x": [1]}, n=ask, checkpointer=InMemorySaver())
    await app.ainvoke({"x": []}, threaded(traced.plain_handler))
    assert {e.name: (e.status, e.parent_run_id == traced.root.run_id) for e in traced.events if e.ends_run} == {
        "a": ("ok", True),
        "n": ("interrupted", True),
        "workflow": ("interrupted", False),
    }


def test_messages_in_the_state_are_short(traced):
    """A graph's state of messages reads as role and content."""
    builder = StateGraph(MessagesState)
    builder.add_node("n", lambda s: {"messages": [said("hello")]})
    builder.add_edge(START, "n")
    builder.compile().invoke({"messages": [("user", "hi")]}, traced.config)
    first, second = traced.root.outputs["messages"]
    assert (first["role"], first["content"]) == ("user", "hi")
    assert (second["role"], second["content"]) == ("assistant", "hello")
