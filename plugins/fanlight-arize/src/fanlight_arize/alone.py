"""
Sending several at once, and one by one where that is refused: one that is refused must not cost the others.

In order, too: what is said later must not be there before what was said earlier, which would then replace it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from fanlight import DeliveryError, PermanentError, RetryableError, TelemetryEvent
from fanlight_arize.patience import SpanUnknownError

Fates: TypeAlias = dict[str, DeliveryError]
"""By event id: why it was not taken."""

Send: TypeAlias = Callable[[Sequence[TelemetryEvent], float], Fates]
"""Sends feedback within so many seconds; returns what was not taken, or raises why nothing was."""


def send_or_each_alone(events: Sequence[TelemetryEvent], send: Send, deadline: float) -> Fates:
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
    return in_order([[event] for event in events], lambda one: send_or_each_alone(one, send, deadline))


def in_order(calls: Iterable[Sequence[TelemetryEvent]], deliver: Callable[[Sequence[TelemetryEvent]], Fates]) -> Fates:
    """
    Deliver *calls* one after the other, and return by event id why some were not taken.

    When one has to come again, those after it do too: a busy server is left alone. One whose span is not known yet only
    holds back what would replace it.
    """
    fates: Fates = {}
    unknown: dict[tuple[str, str, bool], DeliveryError] = {}
    busy: RetryableError | None = None
    for call in calls:
        behind = {event.event_id: unknown[_place(event)] for event in call if _place(event) in unknown}
        free = [event for event in call if event.event_id not in behind]
        found = fate_of_all(free, busy) if busy else deliver(free)
        fates |= behind | found
        unknown |= {_place(each): found[each.event_id] for each in free if _is_unknown(found.get(each.event_id))}
        busy = busy or next((error for error in found.values() if isinstance(error, RetryableError)), None)
    return fates


def fate_of_all(events: Iterable[TelemetryEvent], error: DeliveryError) -> Fates:
    """Return *error* as what befell each of *events*."""
    return {event.event_id: error for event in events}


def _place(event: TelemetryEvent) -> tuple[str, str, bool]:
    """Return where *event* is kept; what comes to the same place replaces it."""
    said = event.feedback
    if said is None:
        return event.event_id, "", False
    return event.trace_id if said.target == "trace" else event.span_id, said.name, said.source == "human"


def _is_unknown(error: DeliveryError | None) -> bool:
    return isinstance(error, SpanUnknownError)
