"""
Rows that a run was given and that are not known to be safe yet, so that a batch that comes again is not counted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from fanlight import TelemetryEvent


class Row(msgspec.Struct, kw_only=True):
    """One event on its way into a run."""

    event: TelemetryEvent
    replay: bool
    metered_at: int | None = None
    """The step at which its metrics were logged."""
    tabled_at: int | None = None
    """The step at which its row of a table was logged."""


class Pending:
    """The events of batches that did not succeed yet, by event id."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def rows_of(self, events: Iterable[TelemetryEvent], *, replay: bool) -> list[Row]:
        """Return a row for each of *events*: the one that is under way, where there is one."""
        return [
            self._rows.setdefault(event.event_id, Row(event=event, replay=replay))
            for event in {event.event_id: event for event in events}.values()
        ]

    def counted(self) -> Iterator[TelemetryEvent]:
        """Yield the events that metrics and totals are about."""
        return (row.event for row in self._rows.values() if not row.replay and row.metered_at is not None)

    def clear(self) -> None:
        """Forget all: they are safe."""
        self._rows.clear()

    def lose_after(self, step: int) -> None:
        """Forget what was logged after *step*: it went down with wandb-core, and may be logged again."""
        for event_id, row in list(self._rows.items()):
            row.metered_at = _until(step, row.metered_at)
            row.tabled_at = _until(step, row.tabled_at)
            if row.metered_at is None and row.tabled_at is None:
                del self._rows[event_id]


def _until(step: int, logged_at: int | None) -> int | None:
    return logged_at if logged_at is not None and logged_at <= step else None
