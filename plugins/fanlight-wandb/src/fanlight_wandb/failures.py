"""
What the SDK raises, as what the lane is to do about it.
"""

from __future__ import annotations

import re
from typing import Final

from fanlight import DeliveryError, PermanentError, RetryableError

_STATUS: Final = re.compile(r"\b(?:error|HTTP) (\d{3})\b")
_REFUSALS: Final = frozenset({"401", "403", "404"})
"""A key that is not known, no permission, no such entity: somebody must act."""
_LONGEST: Final = 300


def opening_failed(error: BaseException, *, online: bool) -> DeliveryError:
    """Return what follows from *error*, which the SDK raised where a run should have been opened."""
    from wandb.errors import AuthenticationError, CommError, UsageError  # noqa: PLC0415

    message = f"W&B did not open the run: {_line(error)}"
    match error:
        case AuthenticationError():
            return RetryableError(message, open_breaker=True)
        case CommError():
            # The SDK has one class for all that a server may answer, and the status in its text only.
            status = _STATUS.search(str(error))
            return RetryableError(message, open_breaker=status is not None and status[1] in _REFUSALS)
        case UsageError() if online:  # no API key was found
            return RetryableError(message, open_breaker=True)
        case UsageError():
            return PermanentError(message)
        case _:
            return RetryableError(message)


def writing_failed(error: BaseException) -> DeliveryError:
    """Return what follows from *error*, which was raised where a run should have taken rows."""
    if isinstance(error, OSError) and error.filename is not None:
        return RetryableError(f"{error.filename}: {error.strerror}")
    return RetryableError(f"wandb-core is gone, or does not take rows any more: {type(error).__name__}")


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:_LONGEST]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
