"""
Rows that a run was given and that are not known to be safe yet, so that a batch that comes again is not counted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from fanlight import TelemetryEvent

_SAFE: Final = 0
"""Stands for the step of a row that is in an earlier file."""


class Row(msgspec.Struct, kw_only=True):
    """One event on its way into a run."""

    event: TelemetryEvent
    replay: bool
    values: dict[str, float] | None = None
    """Its metrics, once they were measured: a session takes its steps only once."""
    metered_at: int | None = None
    """The step at which its metrics were logged."""
    tabled_at: int | None = None
    """The step at which its row of a table was logged."""


class Pending:
    """The events of batches that did not succeed yet, by event id."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self.reached = 0
        """The last step that stands in a file which nobody writes any more."""

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
        """Forget that anything was logged after *step*: it went down with wandb-core, and is to be logged again."""
        self.reached = max(self.reached, step)
        for row in self._rows.values():
            row.metered_at = _until(step, row.metered_at)
            row.tabled_at = _until(step, row.tabled_at)


def _until(step: int, logged_at: int | None) -> int | None:
    # What is safe stays so, whatever becomes of the files that follow.
    return _SAFE if logged_at is not None and logged_at <= step else None
