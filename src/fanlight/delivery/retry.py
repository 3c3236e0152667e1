"""
How long to wait before the next attempt: by the destination's own word, else by full jitter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fanlight.delivery.settings import LaneSettings

MAX_PAUSE: Final = 300.0
"""The longest pause, in seconds, that a destination's Retry-After can ask for."""


class Backoff:
    """
    Draws each delay between 0 and an interval that doubles from failure to failure.

    Full jitter: the processes that one outage made fail together do not come back together.
    """

    def __init__(self, settings: LaneSettings, random: Callable[[], float]) -> None:
        self._settings: Final = settings
        self._random: Final = random

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after *failures* in a row, counted from 1."""
        doublings = min(failures - 1, 32)  # more would only overflow: retry_max is reached long before
        interval = min(self._settings.retry_initial * 2.0**doublings, self._settings.retry_max)
        return self._random() * interval


def pause_of(retry_after: float | None) -> float:
    """Return the seconds that a Retry-After pauses the sink: at most 5 minutes, 0 where it makes no sense."""
    # `not > 0` also refuses NaN, which every comparison with `<=` would let through.
    if retry_after is None or not retry_after > 0:
        return 0.0
    return min(float(retry_after), MAX_PAUSE)
