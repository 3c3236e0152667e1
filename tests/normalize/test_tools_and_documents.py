"""Tools and retrievers: what they were given, what they gave back, and whether it went well."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.documents import Document
from langchain_core.messages import ToolMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import ToolException, tool
from langgraph.types import Command
from pydantic import Field

from fanlight.normalize.documents import documents_of
from fanlight.normalize.values import Reader


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def fail(a: int) -> int:
    """Fail."""
    raise ToolException(f"cannot {a}")


def call(name, **args):
    return {"type": "tool_call", "name": name, "id": "call-1", "args": args}


def test_a_tool_has_its_call_its_arguments_and_its_result(traced):
    """Id, arguments and result are structured, not one text."""
    add.invoke(call("add", a=1, b=2), traced.config)
    start, end = traced.one("tool.start"), traced.one("tool.end")
    assert start.operation == "execute_tool"
    assert (start.tool.name, start.tool.description, start.tool.call_id) == ("add", "Add two numbers.", "call-1")
    assert start.tool.arguments == {"a": 1, "b": 2}
    assert (end.tool.arguments, end.tool.result, end.tool.call_id) == ({"a": 1, "b": 2}, "3", "call-1")
    assert end.status == "ok"


def test_a_raw_result_is_a_value(traced):
    """A tool called without a call id answers with what it returned."""
    add.invoke({"a": 1, "b": 2}, traced.config)
    assert traced.one("tool.end").tool.result == 3


def test_a_tool_that_answers_with_an_error_failed(traced):
    """`status="error"` on the answer is an error, though LangChain ended the run like any other."""
    careful = fail.model_copy(update={"handle_tool_error": True})
    RunnableLambda(lambda _: careful.invoke(call("fail", a=7))).invoke("x", traced.config)
    end = traced.one("tool.end")
    assert (end.status, end.error.type, end.error.message) == ("error", "ToolError", "cannot 7")
    assert end.tool.result == "cannot 7"
    assert (traced.root.status, traced.root.rollup.errors) == ("ok", 1)


def test_a_tool_that_raises_failed_once(traced):
    """The error is told with its class, message and stack, and counted where it began, not on its way up."""
    with pytest.raises(ToolException):
        (RunnableLambda(lambda _: fail.invoke(call("fail", a=7))) | str).invoke("x", traced.config)
    end = traced.one("tool.error")
    assert end.error.type == "langchain_core.tools.base.ToolException"
    assert end.error.message == "cannot 7"
    assert f"{__file__}:" in end.error.stack
    assert "in fail" in end.error.stack
    assert [event.status for event in traced.events if event.ends_run] == ["error", "error", "error"]
    assert traced.root.rollup.errors == 1


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_answer_inside_a_command_counts(traced, wrapped):
    """A tool may answer by a `Command`, or a list of answers; its own failed answer is found there."""

    @tool
    def route(a: int):
        """Route."""
        answer = ToolMessage("no way", tool_call_id="call-1", status="error")
        other = ToolMessage("fine", tool_call_id="other")
        return [answer, other] if not wrapped else Command(goto="x", update={"messages": [other, answer]})

    route.invoke(call("route", a=1), traced.config)
    assert traced.one("tool.end").status == "error"


def test_another_calls_failure_is_not_this_tools(traced):
    """Only the answer to this call says how this call went."""

    @tool
    def route(a: int):
        """Route."""
        return Command(update={"messages": [ToolMessage("x", tool_call_id="other", status="error")]})

    route.invoke(call("route", a=1), traced.config)
    assert traced.one("tool.end").status == "ok"


def test_an_artifact_is_not_taken(traced):
    """What a tool keeps from the model is not copied into telemetry; that it was left out is noted."""

    @tool(response_format="content_and_artifact")
    def report(a: int):
        """Report."""
        return "summary", {"rows": ["SECRET-ROW"] * 1000}

    report.invoke(call("report", a=1), traced.config)
    end = traced.one("tool.end")
    assert end.tool.result == "summary"
    assert b"SECRET-ROW" not in end.to_json()
    assert [cut.field for cut in end.truncated] == ["tool.artifact"]


class Store(BaseRetriever):
    """Finds what it was given."""

    found: list = Field(default_factory=list)

    def _get_relevant_documents(self, query, *, run_manager):
        if query == "raise":
            raise LookupError("down")
        return self.found


def test_documents_have_id_score_and_rank(traced):
    """Each document is told with where it stood, what it scored and what it is."""
    found = [
        Document("first", id="d1", metadata={"score": 0.9, "source": "a"}),
        Document("second", metadata={"id": "d2", "relevance_score": 0.5}),
        Document("third", metadata={"distance": float("nan")}),
    ]
    Store(found=found).invoke("query", traced.config)
    start, end = traced.one("retriever.start"), traced.one("retriever.end")
    assert (start.operation, start.inputs) == ("retrieval", "query")
    assert [(d.rank, d.id, d.score, d.content) for d in end.documents] == [
        (0, "d1", 0.9, "first"),
        (1, "d2", 0.5, "second"),
        (2, None, None, "third"),
    ]
    assert end.documents[0].metadata == {"score": 0.9, "source": "a"}
    assert traced.root.rollup.retrievals == 1


def test_a_retriever_that_fails_says_so(traced):
    """A retriever's error has no documents."""
    with pytest.raises(LookupError):
        Store().invoke("raise", traced.config)
    end = traced.one("retriever.error")
    assert (end.status, end.error.type, end.documents) == ("error", "LookupError", ())


@pytest.mark.parametrize("found", ["text", {"a": 1}, None, 5, [1, "x", {"a": 1}]])
def test_what_are_no_documents_is_survived(found):
    """A custom retriever may return anything."""
    assert len(documents_of(Reader(1000, b"k" * 16), found)) == (3 if isinstance(found, list) else 1)


async def test_an_async_tool_is_like_any_other(traced):
    """The same run, awaited, gives the same event."""

    @tool
    async def slow(a: int) -> int:
        """Wait."""
        await asyncio.sleep(0)
        return a

    await slow.ainvoke(call("slow", a=1), traced.config)
    assert traced.one("tool.end").tool.result == "1"
