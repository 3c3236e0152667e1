"""Graphs within graphs: a subgraph that works, and one that hands over to its parent."""

from __future__ import annotations

from typing import Any, TypedDict

from langchain_core.callbacks import dispatch_custom_event
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from fanlight.demo.workloads.model import Reply, ScriptedChat
from fanlight.demo.workloads.rag import chain

_VERDICT = Reply(text="The customer wants a refund.", input_tokens=140, output_tokens=9)


class Ticket(TypedDict, total=False):
    """The state that the graphs share."""

    question: str
    facts: str
    answer: str


def _ask(model: ScriptedChat, text: str, config: RunnableConfig) -> str:
    return str(model.invoke(text, config).content)


def _research(pace: float) -> Runnable[Any, Any]:
    def look_up(state: Ticket, config: RunnableConfig) -> Ticket:
        return {"facts": chain(pace).invoke(state["question"], config)}

    builder = StateGraph(Ticket)
    builder.add_node("look_up", look_up)
    builder.add_edge(START, "look_up")
    return builder.compile(name="research")


def nested(config: RunnableConfig, pace: float = 0.0) -> str:
    """Run a graph inside a graph, with a RAG chain inside that."""
    model = ScriptedChat(replies=(_VERDICT,), pace=pace)

    def write(state: Ticket, config: RunnableConfig) -> Ticket:
        return {"answer": _ask(model, state["facts"], config)}

    builder = StateGraph(Ticket)
    builder.add_node("research", _research(pace))
    builder.add_node("write", write)
    builder.add_edge(START, "research")
    builder.add_edge("research", "write")
    answer = builder.compile(name="ticket").invoke({"question": "May I return a broken lamp?"}, config)
    return str(answer["answer"])


def _triage(pace: float) -> Runnable[Any, Any]:
    model = ScriptedChat(replies=(_VERDICT,), pace=pace)

    def classify(state: Ticket, config: RunnableConfig) -> Command[Any]:
        return Command(goto="billing", graph=Command.PARENT, update={"facts": _ask(model, state["question"], config)})

    builder = StateGraph(Ticket)
    builder.add_node("classify", classify)
    builder.add_edge(START, "classify")
    return builder.compile(name="triage")


def handoff(config: RunnableConfig, pace: float = 0.0) -> str:
    """Leave a subgraph by `Command(graph=Command.PARENT)`, which LangGraph does with an exception that is no error."""

    def billing(state: Ticket) -> Ticket:
        return {"answer": f"billing took over: {state['facts']}"}

    builder = StateGraph(Ticket)
    builder.add_node("triage", _triage(pace), destinations=("billing",))
    builder.add_node("billing", billing)
    builder.add_edge(START, "triage")
    builder.add_edge("billing", END)
    return str(builder.compile(name="desk").invoke({"question": "I want my money back."}, config)["answer"])


def custom_event(config: RunnableConfig, _pace: float = 0.0) -> int:
    """Report progress from inside a run with LangChain's custom events."""

    def index(pages: int, config: RunnableConfig) -> int:
        for page in range(pages):
            dispatch_custom_event("indexed", {"page": page + 1, "of": pages}, config=config)
        return pages

    return RunnableLambda(index, name="index_handbook").invoke(3, config)
