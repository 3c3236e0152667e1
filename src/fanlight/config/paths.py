"""Places in a configuration, spelled as in `routes[2].to[0]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def join(path: str, step: str | int) -> str:
    """Return the path of the entry *step* below *path*."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


def parent(path: str) -> str:
    """Return *path* without its last step; the document itself is the empty path."""
    return path[: max(path.rfind("."), path.rfind("["), 0)]


def is_within(path: str, outer: str) -> bool:
    """Whether *path* is *outer* or a place below it."""
    return path == outer or (path.startswith(outer) and path[len(outer)] in ".[")


def is_list(value: Any) -> bool:
    """Whether *value* is a list or a tuple, and no text."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def follow(data: Any, steps: Sequence[str | int]) -> Any:
    """Return what stands at *steps* below *data*; `None` where there is nothing."""
    for step in steps:
        if (isinstance(data, Mapping) and step in data) or (
            is_list(data) and isinstance(step, int) and step < len(data)
        ):
            data = data[step]
        else:
            return None
    return data
