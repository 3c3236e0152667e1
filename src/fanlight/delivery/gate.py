"""
When the next attempt may begin: the latest of breaker, backoff, the destination's own pause, and rate limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fanlight.clock import Clock
from fanlight.delivery.breaker import Breaker
from fanlight.delivery.rate import RateLimit
from fanlight.delivery.retry import Backoff, pause_of
from fanlight.delivery.settings import LaneSettings
from fanlight.errors import RetryableError


class Gate:
    """Learns from every attempt, and says from when on there may be another. Belongs to the lane's thread."""

    def __init__(self, settings: LaneSettings, clock: Clock, random: Callable[[], float]) -> None:
        self._settings: Final = settings
        self._clock: Final = clock
        self._backoff: Final = Backoff(settings, random)
        self._rate: Final = RateLimit(settings.rate_limit, clock)
        self._failures_in_a_row = 0
        self._retry_at = clock.monotonic()
        self.breaker: Final = Breaker(settings, clock)
        self.paused_until = clock.monotonic()
        """Monotonic seconds until which the destination asked to be left alone."""
        self.max_events: Final = int(min(settings.batch_max_events, self._rate.burst))
        """The largest batch that the rate limit lets through."""

    def ready_at(self, events: int = 0) -> float:
        """Return the monotonic seconds from which an attempt with *events* may begin."""
        return max(self.breaker.ready_at, self._retry_at, self.paused_until, self._rate.ready_at(events))

    def begin(self, events: int = 0) -> None:
        """Note that an attempt with *events* begins."""
        self.breaker.begin()
        self._rate.spend(events)

    def success(self) -> None:
        """Note that the destination answered, be it with a permanent no."""
        self._failures_in_a_row = 0
        self._retry_at = self._clock.monotonic()
        self.breaker.success()

    def failure(self, error: BaseException, *, counts: bool = True) -> float:
        """
        Back off after *error*, and return the seconds that are no part of the time after which a batch is given up.

        That is the pause that the destination asked for, or the breaker's where nothing gets through until somebody
        acts.

        Args:
            error: Why there must be another attempt.
            counts: Whether the breaker counts it. A pause never counts: it is the destination's own way to slow
                us down.
        """
        pause = self._pause_of(error)
        if pause:
            self.paused_until = self._clock.monotonic() + pause
        else:
            self._failures_in_a_row += 1
            self._retry_at = self._clock.monotonic() + self._backoff.delay(self._failures_in_a_row)
        if counts and not pause:
            self.breaker.failure()
        if isinstance(error, RetryableError) and error.open_breaker:
            self.breaker.open()
            return max(pause, self.breaker.ready_at - self._clock.monotonic())
        return pause

    def refuse(self) -> None:
        """Open the breaker for as long as it goes: only an operator can help."""
        self.breaker.open(self._settings.breaker_max_open)

    def _pause_of(self, error: BaseException) -> float:
        if not isinstance(error, RetryableError) or not self._settings.respect_retry_after:
            return 0.0
        return pause_of(error.retry_after)
