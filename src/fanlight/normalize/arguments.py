"""
What callbacks carry, as what it should be: anything may be missing or of another kind, and then counts as nothing.

Types are asked of, never the values: an object that pretends to another class, or fails when asked, is the
application's own affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from fanlight.capture.record import CallbackRecord
from fanlight.capture.snapshot import Cut
from fanlight.unicode import encodable

MAX_IDENTIFIER: Final = 512
"""Characters that an id or a name may have."""
_SEQUENCES: Final = (list, tuple)


def argument(record: CallbackRecord, index: int) -> Any:
    """Return a positional argument, `None` where there are not so many."""
    return record.args[index] if len(record.args) > index else None


def metadata_of(record: CallbackRecord) -> dict[str, Any]:
    """Return the run's own metadata."""
    return mapping(record.kwargs.get("metadata"))


def tags_of(record: CallbackRecord) -> list[str]:
    """Return the run's own tags, those that are text."""
    return [tag for given in sequence(record.kwargs.get("tags")) if (tag := identifier(given)) is not None]


def mapping(value: Any) -> dict[str, Any]:
    """Return *value* if it is a dict, the part that was kept of one that was too wide, else an empty one."""
    kind = type(value)
    if kind is Cut:
        return mapping(value.kept)
    return value if kind is dict or issubclass(kind, dict) else {}


def sequence(value: Any) -> list[Any] | tuple[Any, ...]:
    """Return *value* if it is a list or tuple, the part that was kept of one that was too wide, else an empty one."""
    kind = type(value)
    if kind is Cut:
        return sequence(value.kept)
    return value if kind is list or issubclass(kind, _SEQUENCES) else ()


def is_sequence(value: Any) -> bool:
    """Whether *value* is a list or tuple, or what was kept of one."""
    kind = type(value.kept) if type(value) is Cut else type(value)
    return issubclass(kind, _SEQUENCES)


def full_length(kept: Sequence[Any], value: Any) -> int:
    """Return how many items *value* had, of which *kept* are there."""
    return value.length if type(value) is Cut else len(kept)


def identifier(value: Any) -> str | None:
    """Return *value* as a name or id of bounded length; `None` where it is empty, or nothing that names."""
    if value is None:  # most of what is asked for is not there
        return None
    kind = type(value)
    if issubclass(kind, str):
        text = str.__str__(value)[:MAX_IDENTIFIER]
        return encodable(text) or None
    if kind is int:
        return str(value) if -(2**63) <= value < 2**64 else None
    return str(value) if kind is UUID or kind is float else None


def text_of(value: Any) -> str | None:
    """Return *value* as an `identifier` if it is text."""
    return identifier(value) if issubclass(type(value), str) else None


def first_identifier(source: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    """Return the first of *keys* that names something."""
    if not source:
        return None
    for key in keys:
        if (found := identifier(source.get(key))) is not None:
            return found
    return None
