"""
What follows from how an attempt ended: which events have their final word, and what is tried again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, TypeAlias

import msgspec

from fanlight.delivery.attempt import AttemptTimeoutError
from fanlight.delivery.describe import message_of
from fanlight.delivery.retry import pause_of
from fanlight.errors import DeliveryError, PartialFailure, PermanentError, RetryableError
from fanlight.sinks.base import Delivery

Result: TypeAlias = Literal["delivered", "retry", "partial", "rejected", "timeout"]

REFUSED_UNNAMED: Final = "rejected"
"""Under this reason the events are counted that a destination refused without saying which."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one lease that are sent as one batch. The id changes with the members, and only then."""

    id: str
    deliveries: tuple[Delivery, ...]
    attempt: int = 1

    def __len__(self) -> int:
        return len(self.deliveries)

    def again(self) -> Part:
        """Return the same part for its next attempt."""
        return msgspec.structs.replace(self, attempt=self.attempt + 1)

    @property
    def event_ids(self) -> frozenset[str]:
        """The ids of its events."""
        return frozenset(delivery.event.event_id for delivery in self.deliveries)

    def without(self, event_ids: Collection[str]) -> Part:
        """Return the part that is left without *event_ids*; under a new id, where it lost any."""
        kept = tuple(delivery for delivery in self.deliveries if delivery.event.event_id not in event_ids)
        if len(kept) == len(self):
            return self
        return Part(id=f"{self.id}-r{self.attempt}", deliveries=kept, attempt=self.attempt)

    def halves(self) -> tuple[Part, Part]:
        """Return the first and the second half as parts of their own."""
        middle = len(self) // 2
        return (
            Part(id=f"{self.id}-0", deliveries=self.deliveries[:middle]),
            Part(id=f"{self.id}-1", deliveries=self.deliveries[middle:]),
        )


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why the destination will never take an event."""

    reason: str
    message: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt at a part ended, event by event."""

    result: Result
    delivered: frozenset[str] = frozenset()
    refused: dict[str, Refusal] = {}
    """Become dead letters."""
    unnamed: frozenset[str] = frozenset()
    """Stand for those that were refused without being named; dropped, since nobody knows which they are."""
    again: tuple[Part, ...] = ()
    failure: BaseException | None = None
    """Why something is tried again; `None` where nothing is."""

    @property
    def answered(self) -> bool:
        """Whether the destination dealt with the batch, be it with a no: then it is well."""
        return self.failure is None or bool(self.delivered or self.refused or self.unnamed)


def judge(part: Part, error: BaseException | None, *, may_split: bool) -> Verdict:
    """
    Return what follows from *error*, as its class says; no text is looked at.

    Args:
        part: What was attempted.
        error: What the sink raised, `None` where it returned.
        may_split: Whether a refused part of several events may be halved to find the culprit.
    """
    match error:
        case None:
            return Verdict(result="delivered", delivered=part.event_ids)
        case PartialFailure():
            return _partial(part, error)
        case PermanentError():
            return _refused(part, error, may_split=may_split)
        case AttemptTimeoutError():
            return Verdict(result="timeout", again=(part.again(),), failure=error)
        case _:
            return Verdict(result="retry", again=(part.again(),), failure=error)


def _refused(part: Part, error: PermanentError, *, may_split: bool) -> Verdict:
    if len(part) > 1 and may_split:
        return Verdict(result="rejected", again=part.halves())
    return Verdict(result="rejected", refused=dict.fromkeys(part.event_ids, _refusal(error)))


def _partial(part: Part, error: PartialFailure) -> Verdict:
    named = {event_id: fate for event_id, fate in error.errors.items() if event_id in part.event_ids}
    refused = {event_id: _refusal(fate) for event_id, fate in named.items() if isinstance(fate, PermanentError)}
    retryable = {event_id: fate for event_id, fate in named.items() if event_id not in refused}
    rest = [delivery.event.event_id for delivery in part.deliveries if delivery.event.event_id not in named]
    unnamed = frozenset(rest[: max(error.unidentified, 0)])
    return Verdict(
        result="partial",
        delivered=frozenset(rest) - unnamed,
        refused=refused,
        unnamed=unnamed,
        again=(part.without(part.event_ids - retryable.keys()).again(),) if retryable else (),
        failure=_strictest(retryable.values()) if retryable else None,
    )


def _strictest(errors: Collection[DeliveryError]) -> RetryableError:
    """Return the one error that stands for all: the longest pause, and an open breaker where any asks for it."""
    retryable = [error for error in errors if isinstance(error, RetryableError)]
    return RetryableError(
        f"{len(errors)} events of the batch must come again",
        retry_after=max((pause_of(error.retry_after) for error in retryable), default=0.0),
        open_breaker=any(error.open_breaker for error in retryable),
    )


def _refusal(error: PermanentError) -> Refusal:
    return Refusal(reason=error.reason, message=message_of(error))
