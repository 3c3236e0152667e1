"""
Time as a part that can be exchanged: the lanes ask a clock, so that tests own it.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What fanlight asks of time."""

    def monotonic(self) -> float:
        """Return seconds that never go back; for timeouts, backoff and breakers."""
        ...

    def time_ns(self) -> int:
        """Return nanoseconds since 1970 by the wall clock; for timestamps only."""
        ...

    def wait(self, condition: threading.Condition, timeout: float | None) -> bool:
        """Wait on the held *condition* for at most *timeout* seconds; whether it was notified."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def time_ns(self) -> int:
        """Return `time.time_ns()`."""
        return time.time_ns()

    def wait(self, condition: threading.Condition, timeout: float | None) -> bool:
        """Wait on the held *condition* for at most *timeout* seconds; whether it was notified."""
        return condition.wait(timeout)


SYSTEM_CLOCK = SystemClock()
