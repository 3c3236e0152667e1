"""
`CallbackRecord`s in, `TelemetryEvent`s out.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from fanlight.capture.record import CallbackRecord
from fanlight.context import parse_traceparent, span_id_of
from fanlight.event import Link, RunEvent, TelemetryEvent
from fanlight.normalize.ending import ENDS
from fanlight.normalize.ending import Content as EndContent
from fanlight.normalize.happening import HAPPENINGS
from fanlight.normalize.identity import identity_fields, is_off, lineage_of
from fanlight.normalize.langgraph import position_of, resumes
from fanlight.normalize.links import InterruptedRuns
from fanlight.normalize.outcome import settle
from fanlight.normalize.runs import Lineage, Run, RunTable, Tree
from fanlight.normalize.settings import NormalizerSettings
from fanlight.normalize.starting import STARTS, name_of
from fanlight.normalize.status import status_of
from fanlight.normalize.values import Reader


class Normalizer:
    """
    Turns what was captured into events, and remembers the open runs between the two.

    Used by one thread. A payload that cannot be read costs its own field, never the event: such an event is `partial`.

    Args:
        settings: The origin of all events, and the bounds they are kept in.
    """

    def __init__(self, settings: NormalizerSettings) -> None:
        self._settings = settings
        self._origin = {
            "service_name": settings.service_name,
            "service_version": settings.service_version,
            "vcs_revision": settings.vcs_revision,
            "attributes": settings.attributes,
            "process": settings.process,
        }
        self._runs = RunTable(max_open=settings.max_open_runs, ttl=settings.run_ttl, grace=settings.orphan_grace)
        self._interrupted = InterruptedRuns()

    @property
    def open_runs(self) -> int:
        """How many runs have started and not ended."""
        return len(self._runs)

    def feed(self, record: CallbackRecord) -> list[TelemetryEvent]:
        """
        Return the events that *record* becomes: usually one, none for what is not captured.

        More than one where the run is one too many, and the oldest open one is given up for it.
        """
        if record.callback in STARTS:
            return self._start(record)
        if record.callback in ENDS:
            return self._end(record)
        return self._happening(record) if record.callback in HAPPENINGS else []

    def reap(self, now_perf_ns: int, now_unix_ns: int) -> list[TelemetryEvent]:
        """
        Return an `abandoned` end for each run that has been waited for long enough, children before their parents.

        Args:
            now_perf_ns: `time.perf_counter_ns()`, the clock of the records.
            now_unix_ns: Nanoseconds since 1970, for the events' timestamps.
        """
        return [self._abandon(run, now_perf_ns, now_unix_ns) for run in self._runs.overdue(now_perf_ns)]

    def _start(self, record: CallbackRecord) -> list[TelemetryEvent]:
        run_id = _required(record)
        parent = self._runs.lineage(record.parent_run_id)
        if is_off(record) or (parent is not None and parent.tree is None):
            self._runs.open_off(run_id, record.perf_ns)
            return []
        run = self._new_run(record, *STARTS[record.callback], parent)
        self._open(run)
        return [
            run.start,
            *(self._abandon(old, record.perf_ns, record.time_unix_nano) for old in self._runs.crowded_out()),
        ]

    def _open(self, run: Run) -> None:
        self._runs.open(run)
        if run.lineage.tree is not None:
            run.lineage.tree.tally.started(run.start.run_type, run.start.langgraph)

    def _new_run(
        self,
        record: CallbackRecord,
        run_type: str,
        content: Callable[[Reader, CallbackRecord, str], dict[str, Any]] | None,
        parent: Lineage | None,
    ) -> Run:
        """Return the run that *record* is the first to tell of, with its start event; *partial* without a *content*."""
        run_id = _required(record)
        reader = self._reader()
        tree = parent.tree if parent and parent.tree else Tree(str(run_id), _trace_id(record))
        lineage = lineage_of(record, tree, parent, self._settings)
        name = name_of(record, run_type)
        metadata = record.kwargs.get("metadata") or {}
        position = position_of(metadata)
        fields = {
            **self._origin,
            **identity_fields(reader, record, lineage, self._settings),
            **(_safely(content, reader, record, name) if content else {"partial": True}),
        }
        fields["links"] = links = self._links(record, tree, fields, metadata)
        start = TelemetryEvent(
            event_id=f"{run_id}:{run_type}.start:0",
            type=f"{run_type}.start",  # type: ignore[arg-type]
            run_id=str(run_id),
            parent_run_id=str(record.parent_run_id) if record.parent_run_id else None,
            root_run_id=tree.root_run_id,
            trace_id=tree.trace_id,
            span_id=span_id_of(run_id),
            parent_span_id=_parent_span_id(record, parent),
            name=name,
            time_unix_nano=record.time_unix_nano,
            start_time_unix_nano=record.time_unix_nano if content else None,
            langgraph=position,
            truncated=reader.truncated,
            **fields,
        )
        run = Run(run_id, record.parent_run_id, lineage, start, record.perf_ns)
        run.resumed = any(link.kind == "resumes" for link in links)
        return run

    def _links(
        self, record: CallbackRecord, tree: Tree, fields: dict[str, Any], metadata: dict[str, Any]
    ) -> tuple[Link, ...]:
        if "tool" in fields:
            return tree.requests.of(fields["tool"].call_id)
        if record.callback == "chain_start" and resumes(record.args[1]) and (thread := _thread(metadata)) is not None:
            paused = self._interrupted.resumed(thread)
            if paused is not None:
                tree.requests.take_over(paused.requests)
                return (paused.link,)
        return ()

    def _end(self, record: CallbackRecord) -> list[TelemetryEvent]:
        run_id = _required(record)
        if self._runs.close_off(run_id):
            return []
        run_type, phase, content = ENDS[record.callback]
        run = self._runs.get(run_id)
        if run is None:
            parent = self._runs.lineage(record.parent_run_id)
            if self._runs.has_ended(run_id) or is_off(record) or (parent is not None and parent.tree is None):
                return []
            run = self._new_run(record, run_type, None, parent)
            run.sequence = self._runs.past(run_id, run.lineage).sequence
            self._open(run)
        return [self._close(run, record, f"{run_type}.{phase}", content)]

    def _close(self, run: Run, record: CallbackRecord, event_type: str, content: EndContent) -> TelemetryEvent:
        reader = self._reader()
        start = run.start
        fields = _safely(content, reader, record, start)
        error = record.args[0] if record.callback.endswith("_error") else None
        fields.setdefault("status", status_of(error) if error is not None else "ok")
        fields |= settle(run, self._runs.get(run.parent_id), fields, error)
        if start.start_time_unix_nano is not None:
            fields["duration_ms"] = (record.perf_ns - run.started_perf_ns) / 1e6
        if record.first_token_perf_ns is not None and start.start_time_unix_nano is not None:
            fields["time_to_first_token_ms"] = (record.first_token_perf_ns - run.started_perf_ns) / 1e6
        event = self._last_event(run, event_type, record.time_unix_nano, reader, fields)
        self._note_pause(run, event)
        self._runs.close(run, record.perf_ns)
        return event

    def _last_event(
        self, run: Run, event_type: str, time_unix_nano: int, reader: Reader, fields: dict[str, Any]
    ) -> TelemetryEvent:
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
        if tree is None:
            return event
        if event.run_type == "llm":
            tree.tally.spent(event)
            tree.requests.add(event.output_messages, event.trace_id, event.span_id)
        return event if not event.is_root else replace(event, rollup=tree.tally.rollup())

    def _note_pause(self, run: Run, event: TelemetryEvent) -> None:
        position = event.langgraph
        tree = run.lineage.tree
        if event.status == "interrupted" and position and position.node is None and position.thread_id and tree:
            thread = (position.thread_id, position.checkpoint_ns or "")
            self._interrupted.paused(thread, event.trace_id, event.span_id, tree.requests)

    def _abandon(self, run: Run, perf_ns: int, unix_ns: int) -> TelemetryEvent:
        fields = {"status": "abandoned", "partial": True}
        event = self._last_event(run, f"{run.start.run_type}.end", unix_ns, self._reader(), fields)
        self._runs.close(run, perf_ns, seen=False)
        return event

    def _happening(self, record: CallbackRecord) -> list[TelemetryEvent]:
        record = record if record.run_id is not None else _named(record)
        lineage = self._runs.lineage(record.run_id) or self._runs.lineage(record.parent_run_id)
        if lineage is not None and lineage.tree is None:
            return []
        event_type, content = HAPPENINGS[record.callback]
        reader = self._reader()
        fields = _safely(content, reader, record)
        run = self._runs.get(record.run_id)
        if run is None:
            return [self._stray(record, event_type, lineage, reader, fields)]
        sequence = run.next_sequence()
        event = _inner_event(run.start, event_type, sequence, record.time_unix_nano, reader, fields)
        if event_type != "text":
            run.remember(_run_event(event))
        if event_type == "retry" and event.attempt is not None:
            run.attempt = event.attempt + 1
        return [event]

    def _stray(
        self,
        record: CallbackRecord,
        event_type: str,
        lineage: Lineage | None,
        reader: Reader,
        fields: dict[str, Any],
    ) -> TelemetryEvent:
        """Return what happened in a run that is not open: it may have ended, or was never seen."""
        run = self._new_run(record, "chain", None, lineage)
        past = self._runs.past(run.id, run.lineage)
        past.sequence += 1
        return _inner_event(run.start, event_type, past.sequence, record.time_unix_nano, reader, fields)

    def _reader(self) -> Reader:
        return Reader(self._settings.max_field_bytes, self._settings.digest_key)


def _inner_event(
    start: TelemetryEvent, event_type: str, sequence: int, time_unix_nano: int, reader: Reader, fields: dict[str, Any]
) -> TelemetryEvent:
    """Return an event of the run that began with *start*, with the run's identity and without its content."""
    return replace(
        start,
        event_id=f"{start.run_id}:{event_type}:{sequence}",
        type=event_type,
        sequence=sequence,
        time_unix_nano=time_unix_nano,
        start_time_unix_nano=None,
        inputs=None,
        input_messages=(),
        tool=None,
        tool_definitions=(),
        invocation_params={},
        links=(),
        **{"truncated": reader.truncated, "attempt": None, **fields},
    )


def _run_event(event: TelemetryEvent) -> RunEvent:
    action = event.agent_action
    data = msgspec.to_builtins(action) if action is not None else event.custom
    return RunEvent(type=event.type, name=event.name, time_unix_nano=event.time_unix_nano, data=data)


def _safely(content: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    try:
        return content(*args)
    except Exception:  # whatever the payload is: its fields are lost, not the event
        return {"partial": True}


def _required(record: CallbackRecord) -> UUID:
    if record.run_id is None:
        raise ValueError(f"{record.callback} names no run")
    return record.run_id


def _trace_id(record: CallbackRecord) -> str:
    """Return the trace of a run that is the top of what is seen: its caller's, else its own."""
    joined = parse_traceparent(_traceparent(record))
    if joined:
        return joined[0]
    return record.trace_id or _required(record).hex


def _parent_span_id(record: CallbackRecord, parent: Lineage | None) -> str | None:
    """
    Return the span above: the parent run's, or the caller's where a top run joined a W3C trace.

    A parent run that was never seen has no span at any destination, and a tree that hangs on it would be lost there.
    """
    if parent is not None and record.parent_run_id is not None:
        return span_id_of(record.parent_run_id)
    joined = parse_traceparent(_traceparent(record))
    return joined[1] if joined else None


def _traceparent(record: CallbackRecord) -> str | None:
    return record.traceparent or (record.context.traceparent if record.context else None)


def _thread(metadata: dict[str, Any]) -> tuple[str, str] | None:
    """Return thread and checkpoint namespace of a graph's own run."""
    position = position_of(metadata)
    if position is None or position.node is not None or position.thread_id is None:
        return None
    return position.thread_id, position.checkpoint_ns or ""


def _named(record: CallbackRecord) -> CallbackRecord:
    """Return a record that names no run with an id made from the checkpoint it speaks of."""
    checkpoint = str(getattr(record.args[0] if record.args else None, "checkpoint_id", ""))
    made = UUID(bytes=blake2b(f"{record.callback}:{checkpoint}".encode(), digest_size=16).digest(), version=5)
    return replace(record, run_id=made)
