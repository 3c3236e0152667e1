"""
What "accepted" means: the store between the router thread and the lanes.

The router thread appends, each lane leases what is its own and says how it fared. A journal owns the moment of
acceptance and moves every event together with its counter in the sink's ledger.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import Literal, TypeAlias

import msgspec

from fanlight.ledger import SinkLedger
from fanlight.sinks.base import Delivery

Overflow: TypeAlias = Literal["drop_oldest", "drop_newest"]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much one sink may have pending."""

    max_events: int = 10_000
    max_bytes: int = 64 * 1024 * 1024
    when_full: Overflow = "drop_oldest"


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries that a lane is working on: still pending, and nobody else's until acked, dropped or given back."""

    id: str
    deliveries: tuple[Delivery, ...]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a destination refused for good, and what it said."""

    delivery: Delivery
    reason: str
    message: str
    time_unix_nano: int


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """What one sink has pending, leased events included."""

    events: int
    bytes: int
    oldest_accepted_at: float | None
    """Monotonic seconds."""
    leased: int
    head: int
    """The position of the oldest pending event; `tail` where nothing is pending."""
    tail: int
    """The position that the next accepted event gets. What is pending has positions from `head` up to here."""


class Journal(ABC):
    """
    Holds events per sink from acceptance to a final word. All methods are thread-safe and never block on a sink.
    """

    @abstractmethod
    def open_sink(self, sink: str, bounds: Bounds, ledger: SinkLedger, notify: Callable[[], None]) -> None:
        """Make a queue for *sink*; *notify* is called, without locks held, after events were appended for it."""

    @abstractmethod
    def append(self, deliveries: Sequence[Delivery]) -> None:
        """
        Accept *deliveries*, each for the sink it names; when this returns they count as accepted.

        A full queue loses its oldest unleased or its newest event by its bounds, counted as `queue_full`. An event
        larger than the whole queue is `too_large`. A sink that was never opened is a programming error: KeyError.
        """

    @abstractmethod
    def lease(self, sink: str, *, max_events: int, max_bytes: int) -> Lease | None:
        """Take the oldest events of *sink*, at least one if there is any, and no more than the limits allow."""

    @abstractmethod
    def ack(self, sink: str, lease: Lease, event_ids: Collection[str] | None = None) -> None:
        """Count *event_ids* (default: the whole lease) as delivered and forget them."""

    @abstractmethod
    def drop(self, sink: str, lease: Lease, reason: str, event_ids: Collection[str] | None = None) -> None:
        """Count *event_ids* (default: the whole lease) as dropped for *reason* and forget them."""

    @abstractmethod
    def dead_letter(
        self, sink: str, lease: Lease, reason: str, message: str, event_ids: Collection[str] | None = None
    ) -> None:
        """Count *event_ids* (default: the whole lease) as dead letters and keep them as such, within a bound."""

    @abstractmethod
    def give_back(self, sink: str, lease: Lease) -> None:
        """Put what is left of the lease back to the head of the queue, in its old order."""

    @abstractmethod
    def drop_pending(self, sink: str, reason: str, trace_ids: Collection[str] | None = None) -> int:
        """
        Drop everything unleased of *sink* (of *trace_ids* only, where given) for *reason*; how many it was.

        What is leased may be on the wire and is only marked: its lane asks for `revoked` before each attempt.
        """

    @abstractmethod
    def revoked(self, sink: str, lease: Lease) -> dict[str, str]:
        """Return what of *lease* must not be attempted any more: the reason, by event id."""

    @abstractmethod
    def depth(self, sink: str) -> Depth:
        """Return what *sink* has pending."""

    @abstractmethod
    def dead_letters(self, sink: str) -> tuple[DeadLetter, ...]:
        """Return the newest dead letters of *sink*, oldest first."""

    @abstractmethod
    def close(self) -> None:
        """Drop what is still pending as `shutdown`, and let go of files and memory."""
