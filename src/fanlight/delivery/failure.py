"""
How a sink's exception travels from its process to the application: its class and its fields, and no content.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from fanlight.delivery.describe import describe, message_of
from fanlight.errors import DeliveryError, PartialFailure, PermanentError, RetryableError
from fanlight.unicode import encodable


class Failure(msgspec.Struct, frozen=True, kw_only=True, tag="failed", omit_defaults=True):
    """What a call of the sink raised."""

    kind: Literal["retryable", "permanent", "partial"]
    message: str
    retry_after: float | None = None
    open_breaker: bool = False
    reason: str = ""
    errors: dict[str, Failure] = {}
    unidentified: int = 0

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return what is told of *error*: all of fanlight's own errors, of any other its type and place."""
        text = encodable(message_of(error))
        match error:
            case PartialFailure():
                errors = {event_id: cls.of(one) for event_id, one in error.errors.items()}
                return cls(kind="partial", message=text, errors=errors, unidentified=int(error.unidentified))
            case PermanentError():
                return cls(kind="permanent", message=text, reason=encodable(str(error.reason)))
            case RetryableError():
                pause = None if error.retry_after is None else float(error.retry_after)
                return cls(kind="retryable", message=text, retry_after=pause, open_breaker=bool(error.open_breaker))
            case _:
                return cls(kind="retryable", message=encodable(describe(error)))

    def error(self) -> DeliveryError:
        """Return the exception anew."""
        match self.kind:
            case "partial":
                errors = {event_id: one.error() for event_id, one in self.errors.items()}
                return PartialFailure(errors, unidentified=self.unidentified, message=self.message)
            case "permanent":
                return PermanentError(self.message, reason=self.reason)
            case _:
                return RetryableError(self.message, retry_after=self.retry_after, open_breaker=self.open_breaker)
