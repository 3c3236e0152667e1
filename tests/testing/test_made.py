"""The made events are such as the normaliser would make."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

import pytest

from fanlight.event import EventType, TelemetryEvent
from fanlight.testing import make_batch, make_context, make_event, make_trace
from fanlight.tracecontext import span_id_of


@pytest.mark.parametrize("kind", get_args(EventType))
def test_every_type_can_be_made(kind: EventType) -> None:
    """An event of each type survives both encodings, and its ids follow the published rules."""
    event = make_event(kind)
    assert TelemetryEvent.from_json(event.to_json()) == event
    assert TelemetryEvent.from_msgpack(event.to_msgpack()) == event
    assert event.event_id == f"{event.run_id}:{kind}:{event.sequence}"
    assert event.span_id == span_id_of(UUID(event.run_id))
    assert event.trace_id == UUID(event.run_id).hex


def test_an_end_agrees_with_itself() -> None:
    """An end lies its duration behind its start; an error has the status and the exception."""
    end, error = make_event("llm.end", duration_ms=250.0), make_event("tool.error")
    assert end.time_unix_nano - (end.start_time_unix_nano or 0) == 250_000_000
    assert end.status == "ok"
    assert error.status == "error"
    assert error.error is not None


def test_a_child_joins_its_parents_trace() -> None:
    """`parent` gives the trace, the root and both parent ids."""
    root = make_event("chain.start")
    child = make_event("llm.end", parent=root)
    assert (child.trace_id, child.root_run_id) == (root.trace_id, root.run_id)
    assert (child.parent_run_id, child.parent_span_id) == (root.run_id, root.span_id)
    assert root.is_root
    assert not child.is_root


@pytest.mark.parametrize("kind", ["rag", "agent"])
def test_a_made_trace_is_one_tree(kind: str) -> None:
    """Every run starts once and ends once, after its start and within its parent; only the root has no parent."""
    events = make_trace(kind)
    starts = {event.run_id: event for event in events if event.starts_run}
    ends = {event.run_id: event for event in events if event.ends_run}
    assert starts.keys() == ends.keys()
    assert len(starts) + len(ends) == len(events)
    assert [event.time_unix_nano for event in events] == sorted(event.time_unix_nano for event in events)
    for run_id, end in ends.items():
        assert end.start_time_unix_nano == starts[run_id].time_unix_nano
        if end.parent_run_id is not None:
            assert end.time_unix_nano <= ends[end.parent_run_id].time_unix_nano
    assert [end.run_id for end in ends.values() if end.is_root] == [events[0].run_id]


@pytest.mark.parametrize("kind", ["rag", "agent"])
def test_a_made_roots_sums_are_those_of_its_tree(kind: str) -> None:
    """The roll-up counts every token and call of the tree once."""
    events = make_trace(kind)
    root, models = events[-1], [event for event in events if event.type == "llm.end"]
    assert root.rollup is not None
    assert root.rollup.input_tokens == sum(event.input_tokens or 0 for event in models)
    assert root.rollup.total_tokens == sum(event.total_tokens or 0 for event in models)
    assert root.rollup.llm_calls == len(models)


def test_equal_seeds_give_equal_traces() -> None:
    """Traces can be compared to a stored one; other seeds give other ids."""
    assert make_trace("agent", seed=1) == make_trace("agent", seed=1)
    assert make_trace("agent", seed=1)[0].run_id != make_trace("agent", seed=2)[0].run_id


def test_shared_fields_are_on_every_event() -> None:
    """What is said for the trace is on each of its events."""
    assert {event.tenant_id for event in make_trace("rag", tenant_id="acme")} == {"acme"}


def test_batches_and_contexts_are_those_of_a_lane() -> None:
    """A batch holds its events in order for its sink; a context names the sink and its logger."""
    events = make_trace("rag")
    batch = make_batch(events, sink="lake", attempt=3)
    assert (batch.events, batch.sink, batch.attempt) == (events, "lake", 3)
    assert {delivery.size for delivery in batch.deliveries} == {len(event.to_json()) for event in events}
    assert make_context("lake").logger.name == "fanlight.sinks.lake"
