"""
How a lane is doing, for operators: facts and counts, never content.
"""

from __future__ import annotations

import msgspec

from fanlight.delivery.breaker import BreakerState
from fanlight.ledger import SinkCounts
from fanlight.sinks.base import Isolation


class LaneHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One lane at one moment. Times of day are nanoseconds since 1970."""

    sink: str
    counts: SinkCounts = SinkCounts()
    breaker: BreakerState = "closed"
    breaker_since_unix_nano: int | None = None
    """`None` before the first event of this process."""
    opened: bool = False
    """Whether the sink is open. It is opened at its first batch, and again after a hang."""
    closed: bool = False
    """Whether the lane takes no more events."""
    isolation: Isolation
    """Where the sink runs: on a thread of this process, or in a process of its own."""
    child_pid: int | None = None
    """The id of that process, while it runs."""
    attempts: int = 0
    """Calls of the sink's `deliver`."""
    retries: int = 0
    """Those of them that repeated an attempt."""
    timeouts: int = 0
    """Calls of any method that did not end in time."""
    hung_threads: int = 0
    """How many of those calls still hang."""
    zombie: bool = False
    """Whether any of them does."""
    restarts: int = 0
    """How often the lane itself failed and went on."""
    oldest_pending_seconds: float | None = None
    last_success_unix_nano: int | None = None
    last_error: str | None = None
    """Its type, and its message where that can hold no content."""
    last_error_unix_nano: int | None = None
    paused_until_unix_nano: int | None = None
    """Until when the destination asked to be left alone, if that is still to come."""


class LaneRecord:
    """What a lane notes about itself as it works. Written by the lane's thread, read by any."""

    def __init__(self) -> None:
        self.attempts = 0
        self.retries = 0
        self.timeouts = 0
        self.restarts = 0
        self.last_success_unix_nano: int | None = None
        self.last_error: str | None = None
        self.last_error_unix_nano: int | None = None

    def failed(self, description: str, time_unix_nano: int) -> None:
        """Note the latest error."""
        self.last_error, self.last_error_unix_nano = description, time_unix_nano
