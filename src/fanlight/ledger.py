"""
What was captured, accepted, delivered and lost, and why.

Two equations hold whenever anybody looks:

* in a process: `captured == routed + unmatched + queued + Σ dropped_intake{reason}`;
* per sink: `accepted == delivered + pending + dead_lettered + Σ dropped{reason}`.

`queued` is what waits between the caller's thread and the router thread. *Pending* and *queued* are counted by
those who hold the events, not derived from the other numbers, so that a lost event breaks the equation.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

DropReason: TypeAlias = Literal["queue_full", "too_large", "gave_up", "restricted", "rejected", "shutdown"]
"""
Why a lane lost an event that it had accepted. `too_large` is larger than the whole queue; `restricted` was learnt
while it waited; `rejected` are those that a destination refused without saying which.
"""

IntakeDropReason: TypeAlias = Literal[
    "intake_full", "normalize_failed", "route_failed", "protect_failed", "encode_failed", "processor_dropped",
    "restricted", "capture_failed", "router_failed", "after_close", "shutdown", "bookkeeping",
]  # fmt: skip
"""
Why a captured event never reached a lane. `restricted` matched only restrictions; `bookkeeping` is a callback
that carries no event of its own; `router_failed` came after the router thread failed, or was what it failed over;
`shutdown` was still queued when the process's time was up.
"""


class SinkCounts(msgspec.Struct, frozen=True, kw_only=True):
    """One sink's side of the ledger at one moment."""

    accepted: int = 0
    delivered: int = 0
    pending: int = 0
    pending_bytes: int = 0
    dead_lettered: int = 0
    dead_letter_reasons: dict[str, int] = {}
    """How many of the dead letters were refused for which reason."""
    dropped: dict[str, int] = {}
    collapsed: int = 0
    """Left out by the sink's `collapse`, or of a kind that the sink does not consume: never accepted."""

    @property
    def balanced(self) -> bool:
        """Whether the sink's equation holds."""
        return self.accepted == self.delivered + self.pending + self.dead_lettered + sum(self.dropped.values())


class SinkLedger:
    """
    One sink's counters, behind one lock that its journal queue shares.

    Whoever moves an event and its counter does both under `lock`; that is why the equation holds for every reader.
    """

    def __init__(self) -> None:
        self.depth: Callable[[], tuple[int, int]] = lambda: (0, 0)
        """Returns pending events and bytes; set by the journal queue that holds them."""
        self.lock = threading.RLock()
        self.accepted = 0
        self.delivered = 0
        self.dead_letter_reasons: Counter[str] = Counter()
        self.collapsed = 0
        self.dropped: Counter[str] = Counter()

    def snapshot(self) -> SinkCounts:
        """Return all counters as of one moment."""
        with self.lock:
            pending, pending_bytes = self.depth()
            return SinkCounts(
                accepted=self.accepted,
                delivered=self.delivered,
                pending=pending,
                pending_bytes=pending_bytes,
                dead_lettered=self.dead_letter_reasons.total(),
                dead_letter_reasons=dict(self.dead_letter_reasons),
                dropped=dict(self.dropped),
                collapsed=self.collapsed,
            )


class IntakeCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The process's side of the ledger at one moment."""

    captured: int = 0
    routed: int = 0
    unmatched: int = 0
    queued: int = 0
    dropped: dict[str, int] = {}

    @property
    def balanced(self) -> bool:
        """Whether the process's equation holds."""
        return self.captured == self.routed + self.unmatched + self.queued + sum(self.dropped.values())
