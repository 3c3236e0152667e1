"""
What is told of a plugin's function that raised: enough to find the mistake, and nothing of the event it was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

_ARGUMENT: Final = re.compile(r"Unexpected keyword argument '(\w+)'")
"""How msgspec refuses to make a struct: the only message of a foreign exception that is told."""


def blame(error: BaseException) -> str:
    """
    Return the type of *error* and the line of the plugin that led to it, with a name that is wrong there.

    A message may quote what the function worked on. Only a name that the plugin's own code spells out is told: one
    that was computed may come from an event.
    """
    place = _place(error)
    if place is None:
        return type(error).__name__
    frame, line = place
    name = _wrong_name(error, {*_spelled(frame.f_code)})
    return f"{type(error).__name__} at {Path(frame.f_code.co_filename).name}:{line}{name}"


def _place(error: BaseException) -> tuple[FrameType, int] | None:
    """Return the innermost frame of the file that was called, and the line: below it are other people's libraries."""
    called = error.__traceback__.tb_next if error.__traceback__ is not None else None
    found, step = None, called
    while called is not None and step is not None:
        if step.tb_frame.f_code.co_filename == called.tb_frame.f_code.co_filename:
            found = (step.tb_frame, step.tb_lineno)
        step = step.tb_next
    return found


def _wrong_name(error: BaseException, spelled: set[str]) -> str:
    # No subclass: it may say anything, and fail to say it.
    if type(error) is AttributeError and isinstance(error.name, str) and error.name in spelled:
        return f": there is no attribute {error.name}"
    said = error.args[0] if type(error) is TypeError and error.args else None
    refused = _ARGUMENT.fullmatch(said) if type(said) is str else None
    return f": {refused[0]}" if refused is not None and refused[1] in spelled else ""


def _spelled(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, tuple):  # the names of a call's keyword arguments
            yield from (word for word in constant if isinstance(word, str))
