"""
`CallbackRecord`s in, `TelemetryEvent`s out.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from fanlight.capture.feedback import CALLBACK as FEEDBACK
from fanlight.capture.record import CallbackRecord
from fanlight.event import Link, TelemetryEvent
from fanlight.normalize.arguments import argument, metadata_of, text_of
from fanlight.normalize.ending import Content as EndContent
from fanlight.normalize.ending import end_of
from fanlight.normalize.events import PriceOf, end_event, inner_event, run_event, start_event, trace_id_of
from fanlight.normalize.feedback import feedback_event
from fanlight.normalize.happening import HAPPENINGS
from fanlight.normalize.identity import identity_fields, is_off, lineage_of
from fanlight.normalize.langgraph import position_of, resumes, thread_of
from fanlight.normalize.links import InterruptedRuns
from fanlight.normalize.outcome import settle
from fanlight.normalize.runs import RunTable
from fanlight.normalize.settings import NormalizerSettings
from fanlight.normalize.starting import Content as StartContent
from fanlight.normalize.starting import name_of, start_of
from fanlight.normalize.status import status_of
from fanlight.normalize.tree import Lineage, Run, Tree
from fanlight.normalize.values import Reader


def _unpriced(event: TelemetryEvent) -> TelemetryEvent:
    return event


class Normalizer:
    """
    Turns what was captured into events, and remembers the open runs between the two.

    Used by one thread. A value that cannot be read costs itself, a callback that is not what it should be all that it
    tells of the payload, never the event: such an event is `partial`.

    Args:
        settings: The origin of all events, and the bounds they are kept in.
        price: Puts the cost on the events that end model calls.
    """

    def __init__(self, settings: NormalizerSettings, price: PriceOf = _unpriced) -> None:
        self._settings = settings
        self._price = price
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
        if record.callback in HAPPENINGS:
            return self._happening(record if record.run_id is not None else _named(record))
        if record.callback == FEEDBACK:
            event = feedback_event(record, self._runs, self._reader(), self._settings, self._origin)
            return [] if event is None else [event]
        if record.run_id is None:
            return []
        if (started := start_of(record)) is not None:
            return self._start(record, record.run_id, *started)
        run = self._runs.get(record.run_id)
        ended = end_of(record, run.start if run is not None else None)
        return self._end(record, record.run_id, run, *ended) if ended is not None else []

    def reap(self, now_perf_ns: int, now_unix_ns: int) -> list[TelemetryEvent]:
        """
        Return an `abandoned` end for each run that has been waited for long enough, children before their parents.

        Args:
            now_perf_ns: `time.perf_counter_ns()`, the clock of the records.
            now_unix_ns: Nanoseconds since 1970, for the events' timestamps.
        """
        return [self._abandon(run, now_perf_ns, now_unix_ns) for run in self._runs.overdue(now_perf_ns)]

    def _start(
        self, record: CallbackRecord, run_id: UUID, run_type: str, content: StartContent
    ) -> list[TelemetryEvent]:
        parent = self._runs.lineage(record.parent_run_id)
        if is_off(record) or (parent is not None and parent.tree is None):
            self._runs.open_off(run_id, record.perf_ns)
            return []
        if self._runs.get(run_id) is not None:  # told twice
            return []
        run = self._new_run(record, run_id, run_type, content, parent)
        self._open(run)
        late = [self._abandon(old, record.perf_ns, record.time_unix_nano) for old in self._runs.crowded_out()]
        return [run.start, *late]

    def _open(self, run: Run) -> None:
        self._runs.open(run)
        if run.lineage.tree is not None:
            run.lineage.tree.tally.started(run.start.run_type, run.start.langgraph)

    def _new_run(
        self, record: CallbackRecord, run_id: UUID, run_type: str, content: StartContent | None, parent: Lineage | None
    ) -> Run:
        """Return the run that *record* is the first to tell of; without a *content* its start was never seen."""
        reader = self._reader()
        tree = parent.tree if parent and parent.tree else Tree(str(run_id), trace_id_of(record))
        lineage = lineage_of(record, tree, parent, self._settings)
        name = name_of(record, run_type)
        fields = {
            **self._origin,
            **identity_fields(reader, record, lineage, self._settings),
            "name": name,
            **(self._content_of_start(reader, record, name, content, tree) if content else {"partial": True}),
        }
        position = position_of(metadata_of(record))
        sequence = self._runs.next_sequence(run_id)
        start = start_event(
            record,
            f"{run_type}.start",
            sequence,
            position,
            lineage=lineage,
            parent=self._runs.get(record.parent_run_id) or parent,
            reader=reader,
            fields=fields,
        )
        return Run(run_id, record.parent_run_id, lineage, start, record.perf_ns)

    def _content_of_start(
        self, reader: Reader, record: CallbackRecord, name: str, content: StartContent, tree: Tree
    ) -> dict[str, Any]:
        fields = _safely(content, reader, record, name)
        links: tuple[Link, ...] = ()
        if "tool" in fields:
            links = tree.requests.of(fields["tool"].call_id)
        elif record.callback == "chain_start" and resumes(argument(record, 1)):
            links = self._interrupted.resumed(thread_of(position_of(metadata_of(record))), tree.requests)
        return {**fields, "links": links, "start_time_unix_nano": record.time_unix_nano}

    def _end(
        self, record: CallbackRecord, run_id: UUID, run: Run | None, run_type: str, phase: str, content: EndContent
    ) -> list[TelemetryEvent]:
        if self._runs.close_off(run_id):
            return []
        if run is None:
            parent = self._runs.lineage(record.parent_run_id)
            if self._runs.has_ended(run_id) or is_off(record) or (parent is not None and parent.tree is None):
                return []
            run = self._new_run(record, run_id, run_type, None, parent)
            self._open(run)
        return [self._close(run, record, run_type, phase, content)]

    def _close(
        self, run: Run, record: CallbackRecord, run_type: str, phase: str, content: EndContent
    ) -> TelemetryEvent:
        reader = self._reader()
        fields = _safely(content, reader, record, run.start)
        error = argument(record, 0) if phase == "error" else None
        fields.setdefault("status", status_of(error) if phase == "error" else "ok")
        fields |= settle(run, self._runs.get(run.parent_id), fields, error)
        if run.start.start_time_unix_nano is not None:
            fields["duration_ms"] = (record.perf_ns - run.started_perf_ns) / 1e6
            if record.first_token_perf_ns is not None:
                fields["time_to_first_token_ms"] = (record.first_token_perf_ns - run.started_perf_ns) / 1e6
        event = end_event(run, f"{run_type}.{phase}", record.time_unix_nano, reader, fields, self._price)
        if event.status == "interrupted" and run.lineage.tree is not None:
            self._interrupted.paused(thread_of(event.langgraph), event, run.lineage.tree.requests)
        self._runs.close(run, record.perf_ns)
        return event

    def _abandon(self, run: Run, perf_ns: int, unix_ns: int) -> TelemetryEvent:
        fields = {"status": "abandoned", "partial": True}
        event = end_event(run, f"{run.start.run_type}.end", unix_ns, self._reader(), fields, self._price)
        self._runs.close(run, perf_ns, seen=False)
        return event

    def _happening(self, record: CallbackRecord) -> list[TelemetryEvent]:
        lineage = self._runs.lineage(record.run_id) or self._runs.lineage(record.parent_run_id)
        if record.run_id is None or (lineage is not None and lineage.tree is None):
            return []
        event_type, content = HAPPENINGS[record.callback]
        reader = self._reader()
        fields = _safely(content, reader, record)
        fields["truncated"] = reader.truncated
        run = self._runs.get(record.run_id)
        if run is None:
            # It may have ended, or was never seen: the event stands for itself.
            run = self._new_run(record, record.run_id, "chain", None, lineage)
            self._runs.past(run.id, run.lineage).sequence = run.start.sequence
            return [inner_event(run, run.start.sequence, record, event_type, fields)]
        event = inner_event(run, run.next_sequence(), record, event_type, fields)
        if event_type != "text":
            run.remember(run_event(event))
        if event_type == "retry" and event.attempt is not None:
            run.attempt = event.attempt + 1
        return [event]

    def _reader(self) -> Reader:
        return Reader(self._settings.max_field_bytes, self._settings.digest_key)


def _safely(content: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    try:
        return content(*args)
    except Exception:  # whatever the payload is: its fields are lost, not the event
        return {"partial": True}


def _named(record: CallbackRecord) -> CallbackRecord:
    """Return a record that names no run with an id made from the checkpoint it speaks of."""
    checkpoint = text_of(getattr(argument(record, 0), "checkpoint_id", None))
    made = UUID(bytes=blake2b(f"{record.callback}:{checkpoint}".encode(), digest_size=16).digest(), version=5)
    return replace(record, run_id=made)
