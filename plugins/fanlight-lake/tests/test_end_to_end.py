"""From a LangChain chain through fanlight's router and lane into a lake."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

import fanlight
from fanlight import Router
from fanlight_lake import LakeSink
from fanlight_lake.testing import read_events, read_quarantine

pytestmark = pytest.mark.usefixtures("installed")

PROCESSOR = """
from fanlight import Processor, hookimpl

@hookimpl
def fanlight_processors():
    return [Processor(name="spoil", process=lambda e: e.replace(total_tokens="five") if e.type == "llm.end" else e)]
"""


def chain() -> Runnable[Any, str]:
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    model = GenericFakeChatModel(messages=iter([AIMessage("hi there", usage_metadata=usage)]))
    return ChatPromptTemplate.from_messages([("user", "{question}")]) | model | StrOutputParser()


def config(path: str, **sink: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "service": "bot",
        "environments": ["test"],
        "environment": "test",
        "sinks": {"lake": {"type": "lake", "path": path, **sink}},
        "routes": [{"match": {}, "to": ["lake"]}],
    }


@pytest.mark.parametrize(
    "settings", [{}, {"format": "parquet"}, {"isolation": "process"}], ids=["delta", "parquet", "process"]
)
def test_a_chain_arrives_whole(path: str, settings: dict[str, Any]) -> None:
    """Starts and ends of all runs are rows of one commit or file, without anybody waiting for a minute."""
    with Router.from_config(config(path, **settings)) as router:
        with fanlight.context(user_id="u-1", session_id="s-1", tenant_id="eu-7"):
            chain().invoke({"question": "hello"}, config={"callbacks": [router.handler]})
        assert router.flush(timeout=30).complete
        counts = router.health().sinks["lake"].counts
    assert (counts.delivered, counts.dropped) == (8, {})
    events = read_events(path)
    ends = {event.name: event for event in events if event.ends_run}
    assert (len(events), len(ends)) == (8, 4)
    root, model = ends["RunnableSequence"], ends["GenericFakeChatModel"]
    assert {event.trace_id for event in events} == {root.trace_id}
    assert model.parent_span_id == root.span_id
    assert (model.input_tokens, model.output_tokens, model.status, model.tenant_id) == (3, 2, "ok", "eu-7")
    assert root.outputs == "hi there"
    assert len(list(Path(path).rglob("*.parquet"))) == 1


def test_a_wrong_type_is_quarantined_and_counted(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that writes a text into a number costs that event its row; it is counted, and kept beside."""
    (tmp_path / "spoiling.py").write_text(PROCESSOR)
    monkeypatch.syspath_prepend(str(tmp_path))
    with Router.from_config({**config(path), "plugins": {"modules": ["spoiling"]}}) as router:
        chain().invoke({"question": "hello"}, config={"callbacks": [router.handler]})
        assert router.flush(timeout=30).complete
        health = router.health().sinks["lake"]
    assert (health.counts.delivered, health.counts.dead_letter_reasons) == (7, {"wrong_type": 1})
    assert len(read_events(path)) == 7
    assert [entry["reason"] for entry in read_quarantine(path)] == [
        "total_tokens: expected a 64-bit integer, found str"
    ]


def test_closing_delivers_what_waits(path: str) -> None:
    """A process that ends does not wait for the minute: what it has is written before it goes."""
    with Router.from_config(config(path)) as router:
        chain().invoke({"question": "hello"}, config={"callbacks": [router.handler]})
    assert len(read_events(path)) == 8


def test_a_sink_that_was_never_opened_closes(open_sink: Callable[..., LakeSink]) -> None:
    """Closing is well at any time, also twice."""
    sink = open_sink()
    sink.close()
    sink.close()
