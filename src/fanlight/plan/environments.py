"""The environments that a match names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from fanlight.config.paths import is_list, join


def named_environments(match: Any, path: str, declared: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the place and text of each environment in *match* that none of those *declared* is, globs included."""
    if not isinstance(match, Mapping):
        return
    for key, value in match.items():
        below = join(path, key)
        if key == "environment":
            yield from _undeclared(value, below, declared)
        elif key == "not":
            yield from named_environments(value, below, declared)
        elif key in {"any_of", "all_of"} and is_list(value):
            for index, item in enumerate(value):
                yield from named_environments(item, join(below, index), declared)


def _undeclared(value: Any, path: str, declared: Sequence[str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if value and not any(fnmatchcase(name, value.replace("[", "[[]")) for name in declared):
            yield path, value
    elif is_list(value):
        for index, item in enumerate(value):
            yield from _undeclared(item, join(path, index), declared)
    elif isinstance(value, Mapping) and "not" in value:
        yield from _undeclared(value["not"], join(path, "not"), declared)
