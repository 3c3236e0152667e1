"""Whom to forget, and what is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

Who: TypeAlias = Literal["user_id", "session_id", "tenant_id", "trace_id"]

_COLUMNS: Final = ("trace_id", "event_id", "type")


class Belongings(msgspec.Struct, frozen=True):
    """Traces and events, by ids that are random and say nothing about anybody."""

    traces: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    """Events that are theirs in traces that are not: feedback."""

    def __bool__(self) -> bool:
        return bool(self.traces or self.events)

    def __or__(self, other: Belongings) -> Belongings:
        return Belongings(self.traces | other.traces, self.events | other.events)

    def has(self, event: dict[str, Any]) -> bool:
        """Whether an event is among them, as the quarantine keeps it."""
        return event.get("trace_id") in self.traces or event.get("event_id") in self.events

    def condition(self) -> ds.Expression:
        """Return the condition for the rows."""
        return _is_in("trace_id", self.traces) | _is_in("event_id", self.events)


class Subject(msgspec.Struct, frozen=True):
    """Whose is to go: what names them, and all of the traces in which something does."""

    column: Who
    value: str

    def in_rows(self, rows: ds.Dataset) -> Belongings:
        """Return what of *rows* is theirs."""
        return self._of(_read(rows, pc.field(self.column) == self.value))

    def in_events(self, events: Iterator[dict[str, Any]]) -> Belongings:
        """Return what is theirs of events that the quarantine keeps."""
        named = (event for event in events if event.get(self.column) == self.value)
        return self._of(tuple(str(event.get(name, "")) for name in _COLUMNS) for event in named)

    def _of(self, named: Iterator[tuple[str, ...]]) -> Belongings:
        traces: set[str] = set()
        events: set[str] = set()
        for trace, event, kind in named:
            # Whoever judges a trace, later, has not been in it.
            if trace and (kind != "feedback" or self.column == "trace_id"):
                traces.add(trace)
            else:
                events.add(event)
        return Belongings(frozenset(traces), frozenset(events))


def _read(rows: ds.Dataset, condition: ds.Expression) -> Iterator[tuple[str, ...]]:
    for batch in rows.scanner(columns=list(_COLUMNS), filter=condition).to_batches():
        yield from zip(*(batch.column(name).to_pylist() for name in _COLUMNS), strict=True)


def _is_in(column: str, values: frozenset[str]) -> ds.Expression:
    return pc.field(column).isin(pa.array(sorted(values), pa.string()))
