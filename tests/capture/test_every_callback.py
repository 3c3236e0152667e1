"""Every callback that the installed langchain-core and LangGraph have reaches the intake from a real run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import pytest
from langchain_core.agents import AgentAction, AgentFinish
from langchain_core.callbacks import BaseCallbackHandler, CallbackManagerForChainRun, dispatch_custom_event
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.callbacks import GraphCallbackHandler
from langgraph.checkpoint.memory import MemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from fanlight.capture.handler import Callbacks

from .models import Chat, Completion


class Shelf(BaseRetriever):
    """Finds one document, or fails."""

    fails: bool = False

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        if self.fails:
            raise ValueError("no shelf")
        return [Document("a book")]


@tool
def double(number: int) -> int:
    """Double a number."""
    return number * 2


@tool
def fail(number: int) -> int:
    """Fail."""
    raise ValueError("no")


def _speak(_: str, run_manager: CallbackManagerForChainRun) -> str:
    run_manager.on_text("thinking")
    run_manager.on_agent_action(AgentAction("search", "q", "log"))
    run_manager.on_agent_finish(AgentFinish({"output": "done"}, "log"))
    return "said"


def _custom(value: str) -> str:
    dispatch_custom_event("progress", {"done": 1})
    return value


def _raise(_: Any) -> None:
    raise ValueError("no")


class State(TypedDict):
    answer: str


def _ask(_: State) -> State:
    return {"answer": interrupt("name?")}


def _pause_and_resume(config: Any) -> None:
    graph = StateGraph(State)
    graph.add_node("ask", _ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    app = graph.compile(checkpointer=MemorySaver())
    where = {**config, "configurable": {"thread_id": "t1"}}
    app.invoke({"answer": ""}, where)
    app.invoke(Command(resume="Ada"), where)


def _quietly(run: Callable[[], Any]) -> None:
    with pytest.raises(ValueError):
        run()


DRIVES: dict[str, Callable[[Any], Any]] = {
    "on_llm_start": lambda config: Completion().invoke("hi", config),
    "on_chat_model_start": lambda config: Chat().invoke("hi", config),
    "on_llm_new_token": lambda config: list(Chat().stream("hi", config)),
    "on_stream_event": lambda config: list(Chat().stream_events("hi", config, version="v3")),
    "on_llm_end": lambda config: Chat().invoke("hi", config),
    "on_llm_error": lambda config: _quietly(lambda: Chat(text="raise").invoke("hi", config)),
    "on_chain_start": lambda config: RunnableLambda(str).invoke("hi", config),
    "on_chain_end": lambda config: RunnableLambda(str).invoke("hi", config),
    "on_chain_error": lambda config: _quietly(lambda: RunnableLambda(_raise).invoke("hi", config)),
    "on_tool_start": lambda config: double.invoke({"number": 2}, config),
    "on_tool_end": lambda config: double.invoke({"number": 2}, config),
    "on_tool_error": lambda config: _quietly(lambda: fail.invoke({"number": 2}, config)),
    "on_retriever_start": lambda config: Shelf().invoke("q", config),
    "on_retriever_end": lambda config: Shelf().invoke("q", config),
    "on_retriever_error": lambda config: _quietly(lambda: Shelf(fails=True).invoke("q", config)),
    "on_agent_action": lambda config: RunnableLambda(_speak).invoke("hi", config),
    "on_agent_finish": lambda config: RunnableLambda(_speak).invoke("hi", config),
    "on_text": lambda config: RunnableLambda(_speak).invoke("hi", config),
    "on_retry": lambda config: Completion(flaky=True, failures=[]).invoke("hi", config),
    "on_custom_event": lambda config: RunnableLambda(_custom).invoke("hi", config),
    "on_interrupt": _pause_and_resume,
    "on_resume": _pause_and_resume,
}
TOKENS = {"on_llm_new_token", "on_stream_event"}


def _callbacks() -> list[str]:
    return sorted(name for name in dir(GraphCallbackHandler) if name.startswith("on_"))


def test_the_handler_has_every_callback() -> None:
    """No callback of the installed langchain-core or LangGraph falls through to the base class."""
    own = {name for name in vars(Callbacks) if name.startswith("on_")}
    known = {name for name in (*dir(BaseCallbackHandler), *dir(GraphCallbackHandler)) if name.startswith("on_")}

    assert known == own == set(DRIVES)


@pytest.mark.parametrize("callback", _callbacks())
@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_real_run_brings_it(callback: str, captured: Any) -> None:
    """A real LangChain or LangGraph run brings the callback to the intake; tokens bring their time instead."""
    DRIVES[callback](captured.config)

    records = captured.records()
    if callback in TOKENS:
        assert next(r.token_count > 0 and r.first_token_perf_ns for r in records if r.callback == "llm_end")
    else:
        assert callback.removeprefix("on_") in [record.callback for record in records]


@pytest.mark.parametrize("drive", [DRIVES["on_llm_new_token"]])
def test_empty_chunks_are_no_first_token(drive: Any, captured: Any) -> None:
    """A role-only first chunk and an empty last one do not count: one of three chunks carried something."""
    drive(captured.config)

    assert [record.token_count for record in captured.records() if record.callback == "llm_end"] == [1]
