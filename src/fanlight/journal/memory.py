"""
The journal in this process's memory: fast, bounded, and lost with the process.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from fanlight.clock import SYSTEM_CLOCK, Clock
from fanlight.journal.base import Bounds, DeadLetter, Depth, Journal, Lease
from fanlight.journal.queue import Entry, SinkQueue
from fanlight.ledger import SinkLedger
from fanlight.sinks.base import Delivery


class MemoryJournal(Journal):
    """
    Keeps each sink's events in a queue of its own; an event is accepted when it stands in that queue.

    Args:
        clock: What acceptance and dead letters are stamped with.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock: Final = clock
        self._queues: Final[dict[str, SinkQueue]] = {}
        self._notify: Final[dict[str, Callable[[], None]]] = {}

    def open_sink(self, sink: str, bounds: Bounds, ledger: SinkLedger, notify: Callable[[], None]) -> None:
        """Make a queue for *sink*; ValueError where it has one."""
        if sink in self._queues:
            raise ValueError(f"the journal has a queue for {sink} already")
        self._queues[sink] = SinkQueue(bounds, ledger)
        self._notify[sink] = notify

    def append(self, deliveries: Sequence[Delivery]) -> None:
        """
        Accept *deliveries*, each for the sink it names; KeyError, and nothing accepted, where one has no queue.

        What its caller has not stamped with `accepted_at` is stamped here.
        """
        by_sink: dict[str, list[Delivery]] = {}
        now = self._clock.monotonic()
        for delivery in deliveries:
            stamped = delivery if delivery.accepted_at else msgspec.structs.replace(delivery, accepted_at=now)
            by_sink.setdefault(delivery.sink, []).append(stamped)
        queues = [(sink, self._queues[sink]) for sink in by_sink]
        for sink, queue in queues:
            queue.append(by_sink[sink])
        for sink, _ in queues:
            self._notify[sink]()

    def lease(self, sink: str, *, max_events: int, max_bytes: int) -> Lease | None:
        """Take the oldest events of *sink*, at least one if there is any, and no more than the limits allow."""
        return self._queues[sink].lease(secrets.token_hex(16), max_events, max_bytes)

    def ack(self, sink: str, lease: Lease, event_ids: Collection[str] | None = None) -> None:
        """Count *event_ids* (default: the whole lease) as delivered and forget them."""
        queue = self._queues[sink]
        with queue.ledger.lock:
            queue.ledger.delivered += len(queue.settle(lease, event_ids))

    def drop(self, sink: str, lease: Lease, reason: str, event_ids: Collection[str] | None = None) -> None:
        """Count *event_ids* (default: the whole lease) as dropped for *reason* and forget them."""
        queue = self._queues[sink]
        with queue.ledger.lock:
            queue.count_dropped(reason, len(queue.settle(lease, event_ids)))

    def dead_letter(
        self, sink: str, lease: Lease, reason: str, message: str, event_ids: Collection[str] | None = None
    ) -> None:
        """Count *event_ids* (default: the whole lease) as dead letters and keep the newest of them."""
        queue = self._queues[sink]
        now = self._clock.time_ns()
        with queue.ledger.lock:
            for entry in queue.settle(lease, event_ids):
                queue.ledger.dead_letter_reasons[reason] += 1
                queue.dead.keep(DeadLetter(delivery=entry.delivery, reason=reason, message=message, time_unix_nano=now))

    def give_back(self, sink: str, lease: Lease) -> None:
        """Put what is left of the lease back to the head of the queue, in its old order; what is revoked is dropped."""
        queue = self._queues[sink]
        with queue.ledger.lock:
            for event_id, reason in queue.revoked(lease).items():
                queue.count_dropped(reason, len(queue.settle(lease, (event_id,))))
            queue.put_back(lease)

    def drop_pending(self, sink: str, reason: str, trace_ids: Collection[str] | None = None) -> int:
        """Drop everything unleased of *sink* (of *trace_ids* only, where given) for *reason*; how many it was."""

        def chosen(entry: Entry) -> bool:
            return trace_ids is None or entry.delivery.event.trace_id in trace_ids

        dropped = self._queues[sink].drop_pending(chosen, reason)
        if dropped:
            self._notify[sink]()
        return dropped

    def revoked(self, sink: str, lease: Lease) -> dict[str, str]:
        """Return what of *lease* must not be attempted any more: the reason, by event id."""
        return self._queues[sink].revoked(lease)

    def depth(self, sink: str) -> Depth:
        """Return what *sink* has pending."""
        return self._queues[sink].depth()

    def dead_letters(self, sink: str) -> tuple[DeadLetter, ...]:
        """Return the newest dead letters of *sink*, oldest first: at most 1000 of them and 16 MiB."""
        queue = self._queues[sink]
        with queue.ledger.lock:
            return queue.dead.letters

    def close(self) -> None:
        """Drop what is still pending, leased or not, as `shutdown`, and forget the dead letters."""
        for queue in self._queues.values():
            queue.clear("shutdown")
