"""
Containers as JSON objects and arrays, bounded in depth and number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from fanlight.capture.snapshot import Cut
from fanlight.normalize.text import looks_like_base64

if TYPE_CHECKING:
    from fanlight.normalize.values import Reader

MAX_KEY: Final = 256
"""Characters of a key; longer ones are cut."""
_BINARY_KEYS: Final = frozenset({"base64", "b64_json", "data", "file_data", "image_data", "bytes"})


def pairs(reader: Reader, value: object, items: Iterable[tuple[Any, Any]]) -> Any:
    """Return *items*, which *value* holds, as an object."""
    instead = reader.enter(value)
    if instead is not None:
        return instead
    try:
        stored = list(items)
        return _object(reader, stored, len(stored))
    finally:
        reader.leave(value)


def read_dict(reader: Reader, value: dict[Any, Any]) -> Any:
    """Return a dict as an object, whatever its class does with `items`."""
    instead = reader.enter(value)
    if instead is not None:
        return instead
    try:
        return _object(reader, dict.items(value), dict.__len__(value))
    finally:
        reader.leave(value)


def _object(reader: Reader, items: Iterable[tuple[Any, Any]], count: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    # Taken in one step, which no other thread can interrupt: the application may still change the dict.
    for key, item in list(reader.take(items, count)):
        plain = type(key) is str and len(key) <= MAX_KEY and key.isascii() and key not in result
        name = key if plain else reader.key(key, result)
        if name in _BINARY_KEYS and type(item) is str and looks_like_base64(item):
            result[name] = reader.base64(item)
        else:
            result[name] = reader.read(item)
    if len(result) < count:
        result["…"] = f"{reader.left_out(count, len(result))} more"
    return result


def _array(reader: Reader, value: Any, items: Iterable[Any], count: int) -> Any:
    instead = reader.enter(value)
    if instead is not None:
        return instead
    try:
        result = [reader.read(item) for item in list(reader.take(items, count))]
        if len(result) < count:
            result.append(f"… {reader.left_out(count, len(result))} more")
        return result
    finally:
        reader.leave(value)


def read_list(reader: Reader, value: list[Any]) -> Any:
    """Return a list as an array."""
    return _array(reader, value, list.__iter__(value), list.__len__(value))


def read_tuple(reader: Reader, value: tuple[Any, ...]) -> Any:
    """Return a tuple as an array."""
    return _array(reader, value, tuple.__iter__(value), tuple.__len__(value))


def read_set(reader: Reader, value: set[Any]) -> Any:
    """Return a set as an array."""
    return _array(reader, value, list(set.__iter__(value)), set.__len__(value))


def read_frozenset(reader: Reader, value: frozenset[Any]) -> Any:
    """Return a frozenset as an array."""
    return _array(reader, value, frozenset.__iter__(value), frozenset.__len__(value))


def read_deque(reader: Reader, value: deque[Any]) -> Any:
    """Return a deque as an array."""
    return _array(reader, value, list(deque.__iter__(value)), deque.__len__(value))


def read_mapping(reader: Reader, value: Any) -> Any:
    """Return one of Python's own mappings that is no dict as an object."""
    return pairs(reader, value, list(value.items()))


def read_cut(reader: Reader, value: Cut) -> Any:
    """Return what was kept of a container that was too wide to copy, and how much was not."""
    if value.kept is None:
        reader.note(0)
        return f"<{value.length} items, too deep>"
    kept = reader.read(value.kept)
    missing = reader.left_out(value.length, len(value.kept))
    if isinstance(kept, dict):
        kept["…"] = f"{missing} more"
    elif isinstance(kept, list):
        kept.append(f"… {missing} more")
    return kept
