"""What restrictions have said about a trace, and what they therefore closed."""

from __future__ import annotations

from collections.abc import Iterable

from fanlight.routing.rules import Restriction
from fanlight.routing.table import RoutingTable


class Trace:
    """
    The restrictions in force on one trace; they only ever grow.

    Args:
        restrictions: What is in force from the beginning.
        sent: Sinks that may already have events of the trace.
        lost: Whether this may be one of several memories of the trace that do not know each other.
    """

    __slots__ = ("_sent", "_table", "closed", "lost", "restrictions")

    def __init__(
        self, restrictions: frozenset[Restriction] = frozenset(), sent: Iterable[str] = (), *, lost: bool = False
    ) -> None:
        self.lost = lost
        self.restrictions = restrictions
        self.closed: frozenset[str] = frozenset()
        self._sent = frozenset(sent)
        self._table: RoutingTable | None = None

    def restrict(self, found: frozenset[Restriction], table: RoutingTable) -> frozenset[str]:
        """Put what was *found* in force; return the sinks that are closed by it and have events of the trace."""
        if table is self._table and found <= self.restrictions:
            return frozenset()
        self._table = table
        self.restrictions |= found
        closed = self.closed | table.closed_by(self.restrictions)
        learnt, self.closed = closed - self.closed, closed
        return learnt & self._sent

    def sent(self, sink: str) -> None:
        """Note that *sink* was given an event of the trace."""
        if sink not in self._sent:
            self._sent |= {sink}
