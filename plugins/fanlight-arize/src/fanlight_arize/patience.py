"""
Feedback may be faster than the span it is about: how long it is tried again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from fanlight import DeliveryError, PermanentError, RetryableError

_REMEMBERED: Final = 10_000
_SHORTEST: Final = 1.0
_LONGEST: Final = 5.0


class SpanUnknownError(PermanentError):
    """Arize does not know the span or trace that the feedback is about; perhaps not yet."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="unknown_span")


class Patience:
    """
    Turns `SpanUnknownError` into a retry until the feedback has waited long enough.

    A retry asks for a pause, so that the breaker stays closed: the server is well, it only lacks one span.

    Args:
        seconds: How long feedback is tried again, from its first attempt on.
        clock: Returns monotonic seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._since: OrderedDict[str, float] = OrderedDict()

    def judge(self, event_ids: Iterable[str], errors: Mapping[str, DeliveryError]) -> dict[str, DeliveryError]:
        """Return *errors*, those of spans that may still come as retries; *event_ids* are all that were tried."""
        judged: dict[str, DeliveryError] = {}
        for event_id in event_ids:
            error = errors.get(event_id)
            if isinstance(error, SpanUnknownError):
                error = self._later(event_id, error) or error
            if not isinstance(error, RetryableError):
                self._since.pop(event_id, None)
            if error is not None:
                judged[event_id] = error
        return judged

    def _later(self, event_id: str, error: SpanUnknownError) -> RetryableError | None:
        """Return when to try again, `None` where the feedback has waited long enough."""
        now = self._clock()
        waited = now - self._since.setdefault(event_id, now)
        if len(self._since) > _REMEMBERED:
            self._since.popitem(last=False)
        left = self._seconds - waited
        if left <= 0:
            return None
        return RetryableError(f"{error}; it may still come", retry_after=min(max(waited, _SHORTEST), _LONGEST, left))
