"""
Sending several at once, and one by one where that is refused: one that is refused must not cost the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from fanlight import DeliveryError, PermanentError, RetryableError, TelemetryEvent

Send: TypeAlias = Callable[[Sequence[TelemetryEvent], float], dict[str, DeliveryError]]
"""Sends feedback within so many seconds; returns by event id what was not taken, or raises why nothing was."""


def send_or_each_alone(events: Sequence[TelemetryEvent], send: Send, deadline: float) -> dict[str, DeliveryError]:
    """
    Return by event id why some of *events* were not taken.

    Args:
        events: What to send; without any nothing is called.
        send: Sends them.
        deadline: Monotonic seconds from which on nothing more is sent.
    """
    if not events:
        return {}
    left = deadline - time.monotonic()
    if left <= 0:
        return fate_of_all(events, RetryableError("no time was left to send the feedback"))
    try:
        return send(events, left)
    except PermanentError as error:
        if len(events) == 1:
            return fate_of_all(events, error)
    except DeliveryError as error:
        return fate_of_all(events, error)
    errors: dict[str, DeliveryError] = {}
    for event in events:
        errors |= send_or_each_alone([event], send, deadline)
    return errors


def fate_of_all(events: Sequence[TelemetryEvent], error: DeliveryError) -> dict[str, DeliveryError]:
    """Return *error* as what befell each of *events*."""
    return {event.event_id: error for event in events}


def no_address(key: str) -> PermanentError:
    """Return what befalls feedback when nobody said where it goes; *key* is the setting that is missing."""
    return PermanentError(f"where feedback goes is not known: set {key}", reason="no_feedback_address")
