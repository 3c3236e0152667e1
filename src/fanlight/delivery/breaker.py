"""
Leaves a destination alone that keeps failing, and finds out with one attempt at a time whether it is back.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal, TypeAlias

from fanlight.clock import Clock
from fanlight.delivery.settings import LaneSettings

BreakerState: TypeAlias = Literal["closed", "open", "half_open"]


class Breaker:
    """
    Closed, attempts go through. Open, none does until `ready_at`. Half open, one probe decides.

    It opens after so many failures within the window, and at once when told to; each failed probe doubles the time
    that it stays open, up to the configured most; one success closes it and forgets all failures.
    """

    def __init__(self, settings: LaneSettings, clock: Clock) -> None:
        self._settings: Final = settings
        self._clock: Final = clock
        self._failures: Final[deque[float]] = deque(maxlen=settings.breaker_failures)
        self._open_for = settings.breaker_open
        self.state: BreakerState = "closed"
        self.since_unix_nano = clock.time_ns()
        self.ready_at = clock.monotonic()
        """Monotonic seconds from which an attempt may begin."""

    def begin(self) -> None:
        """Note that an attempt begins: where the breaker was open, it is the probe."""
        if self.state == "open":
            self._become("half_open")

    def success(self) -> None:
        """Close: the destination answered."""
        self._failures.clear()
        self._open_for = self._settings.breaker_open
        if self.state != "closed":
            self._become("closed")

    def failure(self) -> None:
        """Count a failed attempt; it opens the breaker when it was the probe, or one too many in the window."""
        now = self._clock.monotonic()
        self._failures.append(now)
        if self.state == "half_open":
            self._open_for = min(self._open_for * 2, self._settings.breaker_max_open)
            self.open()
        elif self._full_within(now - self._settings.breaker_window):
            self.open()

    def open(self, seconds: float | None = None) -> None:
        """Open now, for *seconds* or as long as the failed probes so far call for."""
        pause = min(self._open_for if seconds is None else seconds, self._settings.breaker_max_open)
        self.ready_at = self._clock.monotonic() + pause
        if self.state != "open":
            self._become("open")

    def _full_within(self, begin: float) -> bool:
        return len(self._failures) == self._settings.breaker_failures and self._failures[0] >= begin

    def _become(self, state: BreakerState) -> None:
        self.state = state
        self.since_unix_nano = self._clock.time_ns()
