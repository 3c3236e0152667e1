"""
One sink's pending events in memory: in order, bounded, and moved together with their counters.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

from fanlight.journal.base import Bounds, Depth, Lease
from fanlight.journal.dead_letters import DeadLetters
from fanlight.ledger import SinkLedger
from fanlight.sinks.base import Delivery


class Entry(NamedTuple):
    """A delivery and its place in the sink's order of acceptance."""

    position: int
    delivery: Delivery


class SinkQueue:
    """
    What one sink has pending: ready for a lease, or leased.

    The lock is the ledger's, so that an event and its counter move as one. It is reentrant: callers that settle and
    count hold it around both.
    """

    def __init__(self, bounds: Bounds, ledger: SinkLedger) -> None:
        self.bounds: Final = bounds
        self.ledger: Final = ledger
        self.dead: Final = DeadLetters()
        self._ready: deque[Entry] = deque()
        self._leased: Final[dict[str, list[Entry]]] = {}
        self._revoked: Final[dict[str, dict[str, str]]] = {}
        self._tail = 0
        self._ready_bytes = 0
        self._leased_events = 0
        self._leased_bytes = 0
        ledger.depth = self._pending

    def append(self, deliveries: Sequence[Delivery]) -> None:
        """Accept *deliveries*; what does not fit is counted as accepted and dropped."""
        with self.ledger.lock:
            for delivery in deliveries:
                entry = Entry(self._tail, delivery)
                self._tail += 1
                self.ledger.accepted += 1
                self._admit(entry)

    def lease(self, lease_id: str, max_events: int, max_bytes: int) -> Lease | None:
        """Move the oldest ready events into a lease; `None` where there are none."""
        with self.ledger.lock:
            entries = self._take(max_events, max_bytes)
            if not entries:
                return None
            self._leased[lease_id] = entries
            return Lease(id=lease_id, deliveries=tuple(entry.delivery for entry in entries))

    def settle(self, lease: Lease, event_ids: Collection[str] | None) -> list[Entry]:
        """Take *event_ids* (default: all that is left) out of the lease; what is not in it has its word already."""
        with self.ledger.lock:
            entries = self._leased.pop(lease.id, [])
            settled = [entry for entry in entries if event_ids is None or _event_id(entry) in event_ids]
            rest = [entry for entry in entries if event_ids is not None and _event_id(entry) not in event_ids]
            if rest:
                self._leased[lease.id] = rest
            else:
                self._revoked.pop(lease.id, None)
            self._leased_events -= len(settled)
            self._leased_bytes -= _size(settled)
            return settled

    def put_back(self, lease: Lease) -> None:
        """Make what is left of the lease ready again, each event in its old place."""
        with self.ledger.lock:
            entries = self.settle(lease, None)
            self._ready_bytes += _size(entries)
            self._ready = deque(heapq.merge(entries, self._ready, key=_position))

    def drop_pending(self, chosen: Callable[[Entry], bool], reason: str) -> int:
        """Drop the *chosen* ready events for *reason*, revoke the leased ones; how many were dropped."""
        with self.ledger.lock:
            dropped = [entry for entry in self._ready if chosen(entry)]
            self._ready = deque(entry for entry in self._ready if not chosen(entry))
            self._ready_bytes -= _size(dropped)
            self.count_dropped(reason, len(dropped))
            for lease_id, entries in self._leased.items():
                marks = {_event_id(entry): reason for entry in entries if chosen(entry)}
                self._revoked.setdefault(lease_id, {}).update(marks)
            return len(dropped)

    def revoked(self, lease: Lease) -> dict[str, str]:
        """Return the reasons of those events of the lease that were marked, by event id."""
        with self.ledger.lock:
            return dict(self._revoked.get(lease.id, {}))

    def count_dropped(self, reason: str, events: int) -> None:
        """Count *events* as dropped for *reason*; a reason that nothing was dropped for stays unknown."""
        if events:
            self.ledger.dropped[reason] += events

    def clear(self, reason: str) -> None:
        """Drop everything, leased events included, and forget the dead letters."""
        with self.ledger.lock:
            self.count_dropped(reason, self._pending()[0])
            self._ready.clear()
            self._leased.clear()
            self._revoked.clear()
            self._ready_bytes = self._leased_events = self._leased_bytes = 0
            self.dead.clear()

    def depth(self) -> Depth:
        """Return what is pending."""
        with self.ledger.lock:
            events, size = self._pending()
            oldest = self._oldest()
            return Depth(
                events=events,
                bytes=size,
                oldest_accepted_at=oldest.delivery.accepted_at if oldest else None,
                leased=events - len(self._ready),
                head=oldest.position if oldest else self._tail,
                tail=self._tail,
            )

    def _admit(self, entry: Entry) -> None:
        size = entry.delivery.size
        if size > self.bounds.max_bytes:
            self.count_dropped("too_large", 1)
        elif not self._make_room(size):
            self.count_dropped("queue_full", 1)
        else:
            self._ready.append(entry)
            self._ready_bytes += size

    def _make_room(self, size: int) -> bool:
        """Drop the oldest ready events, where that is the policy and helps, until *size* fits; whether it does."""
        if self._fits(size, with_ready=True):
            return True
        if self.bounds.when_full == "drop_newest" or not self._fits(size, with_ready=False):
            return False
        while not self._fits(size, with_ready=True):
            self._ready_bytes -= self._ready.popleft().delivery.size
            self.count_dropped("queue_full", 1)
        return True

    def _fits(self, size: int, *, with_ready: bool) -> bool:
        events = self._leased_events + (len(self._ready) if with_ready else 0)
        held = self._leased_bytes + (self._ready_bytes if with_ready else 0)
        return events < self.bounds.max_events and held + size <= self.bounds.max_bytes

    def _take(self, max_events: int, max_bytes: int) -> list[Entry]:
        taken: list[Entry] = []
        size = 0
        while self._ready and len(taken) < max_events:
            size += self._ready[0].delivery.size
            if taken and size > max_bytes:
                break
            taken.append(self._ready.popleft())
        self._ready_bytes -= _size(taken)
        self._leased_events += len(taken)
        self._leased_bytes += _size(taken)
        return taken

    def _pending(self) -> tuple[int, int]:
        return len(self._ready) + self._leased_events, self._ready_bytes + self._leased_bytes

    def _oldest(self) -> Entry | None:
        heads = [entries[0] for entries in self._leased.values()]
        if self._ready:
            heads.append(self._ready[0])
        return min(heads, key=_position, default=None)


def _size(entries: Sequence[Entry]) -> int:
    return sum(entry.delivery.size for entry in entries)


def _event_id(entry: Entry) -> str:
    return entry.delivery.event.event_id


def _position(entry: Entry) -> int:
    return entry.position
