"""
What an operator is told about a failure: its type, and a message only where that cannot hold content.
"""

from __future__ import annotations

from typing import Final

from fanlight.errors import DeliveryError

MAX_LENGTH: Final = 500


def describe(error: BaseException) -> str:
    """
    Return one line about *error* that is fit for logs and health.

    The messages of fanlight's own errors are written for operators, and those of the operating system hold no
    content. Any other exception may quote what it choked on, a prompt for instance, so only its place is told.
    """
    return f"{type(error).__name__}: {message_of(error)}"


def message_of(error: BaseException) -> str:
    """Return what may be told of *error* beside its type."""
    try:
        return " ".join(_message(error).split())[:MAX_LENGTH]
    except Exception:  # a foreign exception may fail to say even that
        return "no message"


def _message(error: BaseException) -> str:
    if isinstance(error, DeliveryError):
        return str(error)
    if isinstance(error, OSError) and isinstance(error.strerror, str):
        return error.strerror
    return f"at {_place(error)}"


def _place(error: BaseException) -> str:
    traceback = error.__traceback__
    if traceback is None:
        return "an unknown place"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"
