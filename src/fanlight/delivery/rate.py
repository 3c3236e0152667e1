"""
At most so many events a second, for destinations with a quota.
"""

from __future__ import annotations

import math
from typing import Final

from fanlight.clock import Clock


class RateLimit:
    """
    A token bucket that holds one second's events, full at the beginning.

    Args:
        rate: Events a second; `None` limits nothing.
    """

    def __init__(self, rate: float | None, clock: Clock) -> None:
        self._rate: Final = rate
        self._clock: Final = clock
        self._capacity: Final = max(rate, 1.0) if rate else math.inf
        self._tokens = self._capacity
        self._filled_at = clock.monotonic()

    @property
    def burst(self) -> float:
        """The most events that can go at once; a larger batch would never get its turn."""
        return math.floor(self._capacity) if self._rate else math.inf

    def ready_at(self, events: int) -> float:
        """Return the monotonic seconds from which *events* may go."""
        if self._rate is None:
            return self._filled_at
        missing = min(events, self._capacity) - self._tokens
        return self._filled_at + max(missing, 0.0) / self._rate

    def spend(self, events: int) -> None:
        """Take the tokens of *events* that go now."""
        if self._rate is None:
            return
        now = self._clock.monotonic()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate) - events
        self._filled_at = now
