"""
An exception as text: what it was and where it came from, without the values of any variable.
"""

from __future__ import annotations

from traceback import walk_tb
from types import TracebackType
from typing import Any, Final

from fanlight.event import ErrorInfo
from fanlight.normalize.values import Reader

MAX_FRAMES: Final = 40
"""Frames kept of each exception, those nearest to where it was raised."""
MAX_CAUSES: Final = 4


def error_info(reader: Reader, error: Any) -> ErrorInfo:
    """Return type, message and stack of *error*."""
    reader.begin("error")
    return ErrorInfo(type=type_name(error), message=_message(reader, error), stack=_stack(reader, error))


def type_name(error: Any) -> str:
    """Return the class of *error* as OpenTelemetry spells it: with its module, unless it is built in."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def chain_of(error: Any) -> list[BaseException]:
    """Return *error* and what it came from: its cause, else the exception that was being handled."""
    chain: list[BaseException] = []
    while (
        issubclass(type(error), BaseException) and len(chain) < MAX_CAUSES and not any(error is seen for seen in chain)
    ):
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def _message(reader: Reader, error: Any) -> str:
    try:
        text = str(error)
        return reader.text(str.__str__(text))
    except Exception:  # an exception's own `__str__` may be broken
        return ""


def _stack(reader: Reader, error: Any) -> str | None:
    try:
        pieces = [piece for link in chain_of(error) if (piece := _frames(link.__traceback__, type_name(link)))]
        return reader.text("\n".join(pieces)) or None
    except Exception:  # the stack is a help, not worth the event
        return None


def _frames(traceback: TracebackType | None, title: str) -> str:
    # Not by the `traceback` module, which looks at the source files.
    frames = list(walk_tb(traceback))[-MAX_FRAMES:]
    lines = [f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}" for frame, line in frames]
    return "\n".join((title, *lines)) if lines else ""
