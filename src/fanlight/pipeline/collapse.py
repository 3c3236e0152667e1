"""Runs that a sink is not shown; what ran below them hangs on the nearest run that it is shown."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

import msgspec

from fanlight.event import TelemetryEvent

HIDDEN_TAG: Final = "langsmith:hidden"
_STANDALONE: Final = frozenset({"feedback", "audit", "alert"})


class _Place(msgspec.Struct, frozen=True):
    run_id: str
    span_id: str


class _Seen(msgspec.Struct, frozen=True):
    kept: bool
    parent: _Place | None
    """Where the run hangs; `None` leaves it where it is."""
    hold: _Place
    """Where runs below it hang."""


class Collapser:
    """
    Leaves runs out for one sink, with all that happened directly in them.

    The topmost run that the sink is given of a tree always stays. Tokens and cost are on model calls and in the
    root's roll-up, so leaving out a chain loses none of them.

    Args:
        hidden: Leave out runs that carry LangChain's tag `langsmith:hidden`.
        types: Leave out runs of these types.
        max_runs: How many runs are remembered. Under a run that was forgotten nothing is left out.
    """

    def __init__(self, hidden: bool, types: Collection[str], *, max_runs: int = 100_000) -> None:
        self._hidden = hidden
        self._types = frozenset(types)
        self._max_runs = max_runs
        self._runs: OrderedDict[str, _Seen] = OrderedDict()

    def apply(self, event: TelemetryEvent) -> TelemetryEvent | None:
        """Return *event* as the sink shall see it, or `None` where its run is left out."""
        if event.type in _STANDALONE:
            return event
        seen = self._get(event.run_id)
        if seen is None or event.starts_run:
            seen = self._first(event)
        if not seen.kept:
            return None
        if seen.parent is None or seen.parent.run_id == event.parent_run_id:
            return event
        return event.replace(parent_run_id=seen.parent.run_id, parent_span_id=seen.parent.span_id)

    def _first(self, event: TelemetryEvent) -> _Seen:
        above = self._get(event.parent_run_id)
        here = _Place(event.run_id, event.span_id)
        if above is None:
            seen = _Seen(True, None, here)
        elif self._left_out(event):
            seen = _Seen(False, None, above.hold)
        else:
            seen = _Seen(True, above.hold, here)
        self._runs[event.run_id] = seen
        if len(self._runs) > self._max_runs:
            self._runs.popitem(last=False)
        return seen

    def _get(self, run_id: str | None) -> _Seen | None:
        if run_id is None or run_id not in self._runs:
            return None
        self._runs.move_to_end(run_id)
        return self._runs[run_id]

    def _left_out(self, event: TelemetryEvent) -> bool:
        return event.run_type in self._types or (self._hidden and HIDDEN_TAG in event.lc_tags)
