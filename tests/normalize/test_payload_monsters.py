"""Whatever a callback carries, the normaliser gives an event of bounded size, and raises nothing."""

from __future__ import annotations

import asyncio
import threading
import uuid

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

from fanlight.capture.record import CallbackRecord
from fanlight.event import TelemetryEvent
from fanlight.normalize import Normalizer
from fanlight.normalize.ending import _ENDS
from fanlight.normalize.happening import HAPPENINGS
from fanlight.normalize.starting import _STARTS

from .conftest import settings as normalizer_settings
from .models import said
from .test_values import Hostile, anything


class Unfriendly(Hostile):
    """Hostile, but for the one question that LangChain itself asks."""

    def __getattribute__(self, name):
        if name == "__class__":
            return Unfriendly
        raise RuntimeError("do not touch")


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


def loop():
    value: dict = {"a": 1}
    value["self"] = [value]
    return value


def deep():
    value: list = []
    for _ in range(50_000):
        value = [value]
    return value


MONSTERS = {
    "a cycle": loop,
    "depth": deep,
    "fifty megabytes": lambda: "x " * 25_000_000,
    "a million keys": lambda: dict.fromkeys(range(1_000_000)),
    "a hostile object": Unfriendly,
    "a generator": lambda: (n for n in range(3)),
    "a lock": threading.Lock,
    "an event loop's event": asyncio.Event,
    "bytes": lambda: b"\x00" * 1_000_000,
    "a lone surrogate": lambda: "\ud800",
    "nan": lambda: float("nan"),
    "a large integer": lambda: 1 << 100_000,
    "an unprintable exception": Unprintable,
    "a class": lambda: Hostile,
    "a module": lambda: threading,
}


@pytest.mark.parametrize("monster", MONSTERS)
def test_a_monster_goes_through_every_field(traced, monster):
    """As inputs, outputs, metadata, message content, tool arguments, document metadata: the run is told, and small."""
    value = MONSTERS[monster]()
    handler = traced.handler
    run_id = uuid.uuid4()
    RunnableLambda(lambda _: value).invoke({"in": value}, {**traced.config, "metadata": {"m": value}})
    handler.on_chat_model_start(None, [[HumanMessage(content=[{"type": "odd", "x": value}])]], run_id=run_id)
    message = AIMessage([{"type": "odd", "x": value}], tool_calls=[{"name": "f", "args": {"a": value}, "id": "c"}])
    handler.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run_id)
    tool_run = uuid.uuid4()
    handler.on_tool_start({"name": "f"}, "x", run_id=tool_run, inputs={"a": value}, tool_call_id=value)
    handler.on_tool_end(value, run_id=tool_run)
    handler.on_retriever_end([Document("p", metadata={"m": value, "score": value}), value], run_id=uuid.uuid4())
    handler.on_custom_event("name", value, run_id=run_id)
    handler.on_chain_error(ValueError(value), run_id=uuid.uuid4())
    events = traced.events
    assert len(events) == 9
    assert max(len(event.to_json()) for event in events) < 3_000_000


def test_a_message_with_a_broken_property_is_read(traced):
    """An integration's own message class may be broken; what is stored in it is read, not asked of it."""

    class Broken(AIMessage):
        @property
        def text(self):
            raise RuntimeError("no")

    run_id = uuid.uuid4()
    traced.handler.on_chat_model_start(None, [[Broken("x")]], run_id=run_id)
    traced.handler.on_llm_end(LLMResult(generations=[[ChatGeneration(message=said("y"))]]), run_id=run_id)
    end = traced.one("llm.end")
    assert [(m.role, m.text) for m in (*end.input_messages, *end.output_messages)] == [
        ("assistant", "x"),
        ("assistant", "y"),
    ]


def test_what_cannot_be_read_costs_its_fields_only(traced):
    """Where the content of an event cannot be read at all, the event is told without it, as partial."""

    class Broken:
        @property
        def page_content(self):
            raise RuntimeError("no")

    run_id = uuid.uuid4()
    traced.handler.on_retriever_start(None, "query", run_id=run_id, name="r")
    traced.handler.on_retriever_end([Broken()], run_id=run_id)
    end = traced.one("retriever.end")
    assert (end.partial, end.status, end.documents, end.inputs) == (True, "ok", (), "query")
    assert end.duration_ms is not None


def test_documents_by_the_million(traced):
    """A retriever that returns everything does not fill the memory."""

    class Everything(BaseRetriever):
        def _get_relevant_documents(self, query, *, run_manager):
            return [Document("page " * 100)] * 100_000

    Everything().invoke("x", traced.config)
    end = traced.one("retriever.end")
    assert len(end.to_json()) < 3_000_000
    assert len(end.documents) == 1000
    assert end.documents[0].content.startswith("page page")
    assert "documents" in {cut.field for cut in end.truncated}


def test_a_conversation_without_end(traced):
    """Of a hundred thousand messages the first are read as messages, and the rest is known to be missing."""
    run_id = uuid.uuid4()
    traced.handler.on_chat_model_start(None, [[HumanMessage("hi")] * 100_000], run_id=run_id)
    start = traced.one("llm.start")
    assert {(message.role, message.text) for message in start.input_messages} == {("user", "hi")}
    assert len(start.input_messages) == 1000
    assert [cut.field for cut in start.truncated] == ["input_messages"]


callbacks = st.sampled_from([*_STARTS, *_ENDS, *HAPPENINGS, "unknown"])
run_ids = st.sampled_from([None, *(uuid.UUID(int=n) for n in range(1, 5))])
kwargs = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("tags", "metadata", "name", "inputs", "invocation_params", "tool_call_id", "response", "run_type"), anything
    ),
)
records = st.builds(
    CallbackRecord,
    callback=callbacks,
    run_id=run_ids,
    parent_run_id=run_ids,
    time_unix_nano=st.integers(0, 2**62),
    perf_ns=st.integers(0, 2**62),
    args=st.lists(anything, max_size=3).map(tuple),
    kwargs=kwargs,
    token_count=st.integers(0, 5),
)


@given(st.lists(records, max_size=20))
@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_no_sequence_of_callbacks_raises(sequence):
    """Any callbacks in any order with any arguments: events that encode, unique ids, an end per run, no exception."""
    normalizer = Normalizer(normalizer_settings(max_open_runs=3, run_ttl=1.0))
    events: list[TelemetryEvent] = []
    for record in sequence:
        events += normalizer.feed(record)
    events += normalizer.reap(2**63, 0)
    for event in events:
        assert TelemetryEvent.from_json(event.to_json()) == event
    assert len({event.event_id for event in events}) == len(events)
    assert normalizer.open_runs == 0
