"""
The queue between the application's threads and the router thread, and the process's side of the ledger.

An append takes one short lock and never waits for anything else. The lock is re-entrant, because a garbage
collection or a signal handler may run LangChain code in the middle of an append; nothing of the application's runs
while it is held, and a forked child starts with a new one. For the same reason no counter is read, then something
called, then the counter written: what a re-entrant append counted in between would be lost.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Final

from fanlight.capture.record import CallbackRecord
from fanlight.ledger import IntakeCounts

RECORD_OVERHEAD: Final = 512
"""Bytes counted for a record beside its texts."""


class Intake:
    """
    Holds what was captured until the router thread takes it.

    Args:
        max_events: Records it holds; one more is dropped and counted as `intake_full`.
        max_bytes: Estimated bytes it holds.
        wake: Called when the router thread sleeps and there is something to do. Must not block.
    """

    def __init__(self, *, max_events: int, max_bytes: int, wake: Callable[[], None] = lambda: None) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self.wake = wake
        self.reset()

    def reset(self) -> None:
        """Forget everything, with new locks; what a forked child does with what its parent still owns."""
        self._lock = threading.RLock()
        self._records: deque[CallbackRecord] = deque()
        self._bytes = 0
        self._in_hand = 0
        self._appended = 0
        self._settled = 0
        self._beyond = 0
        """What counts as captured beyond the records taken in: those refused, and the balance of what they became."""
        self._routed = 0
        self._unmatched = 0
        self._dropped: defaultdict[str, int] = defaultdict(int)
        self._refusing = ""
        """Why nothing is taken any more, if so."""
        self.idle = True
        """Whether the router thread sleeps until it is woken; whoever wakes it clears this, so that one does."""

    def append(self, record: CallbackRecord) -> None:
        """Take *record*, or count why not. Never blocks, never raises for a full queue."""
        with self._lock:
            size = record.size + RECORD_OVERHEAD
            records = self._records
            if self._refusing or len(records) >= self._max_events or self._bytes + size > self._max_bytes:
                self._dropped[self._refusing or "intake_full"] += 1
                self._beyond += 1
                return
            records.append(record)
            self._bytes += size
            self._appended += 1
        if self.idle:
            self.idle = False
            self.wake()

    def take(self, limit: int) -> list[CallbackRecord]:
        """Return up to *limit* records, oldest first; they stay counted as queued until `settle`."""
        with self._lock:
            records = self._records
            taken = [records.popleft() for _ in range(min(limit, len(records)))]
            count, size = len(taken), sum(record.size + RECORD_OVERHEAD for record in taken)
            self._in_hand += count
            self._bytes -= size
            return taken

    def settle(
        self, *, records: int, routed: int = 0, unmatched: int = 0, dropped: Mapping[str, int] | None = None
    ) -> None:
        """
        Count what became of *records* taken before; of 0 records for events that fanlight made itself.

        One record may have become several events or none: what it became is what counts as captured.
        """
        lost = dropped or {}
        beyond = routed + unmatched + sum(lost.values()) - records
        with self._lock:
            self._in_hand -= records
            self._settled += records
            self._beyond += beyond
            self._routed += routed
            self._unmatched += unmatched
            for reason, count in lost.items():
                self._dropped[reason] += count

    def close(self, reason: str = "after_close") -> None:
        """Refuse whatever comes from now on, counted as *reason*."""
        with self._lock:
            self._refusing = reason

    def abandon(self, reason: str) -> int:
        """Drop what nobody will take any more, counted as *reason*; how many it was."""
        with self._lock:
            count = len(self._records)
            self._dropped[reason] += count
            self._settled += count
            self._records.clear()
            self._bytes = 0
            return count

    @property
    def appended(self) -> int:
        """How many records were taken in so far."""
        return self._appended

    @property
    def settled(self) -> int:
        """How many of them are through. Records settle in the order in which they came."""
        return self._settled

    def __len__(self) -> int:
        return len(self._records) + self._in_hand

    def counts(self) -> IntakeCounts:
        """Return the process's side of the ledger as of one moment."""
        with self._lock:
            return IntakeCounts(
                captured=self._appended + self._beyond,
                routed=self._routed,
                unmatched=self._unmatched,
                queued=len(self._records) + self._in_hand,
                dropped={reason: count for reason, count in self._dropped.items() if count},
            )
