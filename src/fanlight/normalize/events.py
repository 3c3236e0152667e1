"""
How events are put together: what starts a run, what happens inside it, what ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from fanlight.capture.record import CallbackRecord
from fanlight.event import LangGraph, RunEvent, TelemetryEvent
from fanlight.normalize.tree import Lineage, Run
from fanlight.normalize.values import Reader
from fanlight.tracecontext import parse_traceparent, span_id_of

PriceOf: TypeAlias = Callable[[TelemetryEvent], TelemetryEvent]
"""Returns the end of a model's call with what it cost, or as it is where that is not known."""
_CHARGED: Final = ("llm", "embedding")


def start_event(
    record: CallbackRecord,
    event_type: str,
    sequence: int,
    position: LangGraph | None,
    *,
    lineage: Lineage,
    parent: Run | Lineage | None,
    reader: Reader,
    fields: dict[str, Any],
) -> TelemetryEvent:
    """
    Return the event that the others of its run are made from.

    *parent* is the run above where that is open, else its lineage where that is known.
    """
    if record.run_id is None or lineage.tree is None:
        raise ValueError("an event belongs to a run in a tree")
    run_id, tree = str(record.run_id), lineage.tree
    parent_run_id, parent_span_id = _above(record, parent)
    return TelemetryEvent(
        event_id=f"{run_id}:{event_type}:{sequence}",
        type=event_type,  # type: ignore[arg-type] # made from the tables of callbacks
        run_id=run_id,
        parent_run_id=parent_run_id,
        root_run_id=tree.root_run_id,
        trace_id=tree.trace_id,
        span_id=span_id_of(record.run_id),
        parent_span_id=parent_span_id,
        sequence=sequence,
        time_unix_nano=record.time_unix_nano,
        langgraph=position,
        truncated=reader.truncated,
        **fields,
    )


def inner_event(
    run: Run, sequence: int, record: CallbackRecord, event_type: str, fields: dict[str, Any]
) -> TelemetryEvent:
    """Return an event inside *run*: the run's identity without its content, and *fields*."""
    bare: dict[str, Any] = {
        "start_time_unix_nano": None,
        "inputs": None,
        "input_messages": (),
        "tool": None,
        "tool_definitions": (),
        "invocation_params": {},
        "links": (),
        "attempt": None,
    }
    return replace(
        run.start,
        event_id=f"{run.start.run_id}:{event_type}:{sequence}",
        type=event_type,
        sequence=sequence,
        time_unix_nano=record.time_unix_nano,
        **{**bare, **fields},
    )


def end_event(
    run: Run, event_type: str, time_unix_nano: int, reader: Reader, fields: dict[str, Any], price: PriceOf
) -> TelemetryEvent:
    """
    Return the event that ends *run*: all that its start said, and *fields*; on roots with the sums of the tree.

    *price* puts the cost on those that end a model's call, before the sums take it.
    """
    start, sequence = run.start, run.next_sequence()
    if truncated := reader.truncated:
        replaced = {item.field for item in truncated}
        fields["truncated"] = (*(item for item in start.truncated if item.field not in replaced), *truncated)
    event = replace(
        start,
        event_id=f"{start.run_id}:{event_type}:{sequence}",
        type=event_type,
        sequence=sequence,
        time_unix_nano=time_unix_nano,
        run_events=tuple(run.events),
        attempt=run.attempt,
        **fields,
    )
    tree = run.lineage.tree
    if event.run_type in _CHARGED:
        event = price(event)
        if tree is not None:
            tree.tally.spent(event)
    if tree is not None and event.run_type == "llm":
        tree.requests.add(event.output_messages, event.trace_id, event.span_id)
    return replace(event, rollup=tree.tally.rollup()) if tree is not None and event.is_root else event


def run_event(event: TelemetryEvent) -> RunEvent:
    """Return what the event that ends the run repeats of an event inside it."""
    action = event.agent_action
    data = msgspec.to_builtins(action) if action is not None else event.custom
    return RunEvent(type=event.type, name=event.name, time_unix_nano=event.time_unix_nano, data=data)


def trace_id_of(record: CallbackRecord) -> str:
    """Return the trace of a run that is the top of what is seen: its caller's, else its own."""
    if joined := parse_traceparent(_traceparent(record)):
        return joined[0]
    return record.trace_id or (record.run_id.hex if record.run_id else "")


def _above(record: CallbackRecord, parent: Run | Lineage | None) -> tuple[str | None, str | None]:
    """
    Return the run above, and the span above: the parent run's, or the caller's where a top run joined a W3C trace.

    A parent run that was never seen has no span at any destination, and a tree that hangs on it would be lost there.
    """
    if isinstance(parent, Run):
        return parent.start.run_id, parent.start.span_id
    parent_run_id = str(record.parent_run_id) if record.parent_run_id else None
    if parent is not None and record.parent_run_id is not None:
        return parent_run_id, span_id_of(record.parent_run_id)
    joined = parse_traceparent(_traceparent(record))
    return parent_run_id, joined[1] if joined else None


def _traceparent(record: CallbackRecord) -> str | None:
    return record.traceparent or (record.context.traceparent if record.context else None)
