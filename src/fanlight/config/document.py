"""A configuration as it was written: its values, and for every value and key the line and column."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from fanlight.config.paths import is_list, join, parent
from fanlight.errors import ConfigError, Problem

MAX_BYTES: Final = 1024 * 1024
_MAX_DEPTH: Final = 64

Source: TypeAlias = str | PathLike[str] | Mapping[str, Any]
"""Where a configuration comes from: the path of a YAML file, or its content as a dict."""


class Mark(msgspec.Struct, frozen=True):
    """A place in the file, both counted from 1."""

    line: int
    column: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, before any placeholder is resolved."""

    data: dict[str, Any]
    file: str | None = None
    keys: dict[str, Mark] = {}
    """Where each key stands, by the path of its value."""
    values: dict[str, Mark] = {}
    """Where each value begins, by its path."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the writing itself: duplicate keys, tags, keys that are no text."""

    def mark(self, path: str, *, key: bool = False) -> Mark | None:
        """Return where *path* stands, or its key; where it does not exist, what is around it."""
        found = (self.keys.get(path) if key else None) or self.values.get(path)
        while found is None and path:
            path = parent(path)
            found = self.keys.get(path) or self.values.get(path)
        return found

    def place(self, problem: Problem, *, key: bool = False) -> Problem:
        """Return *problem* with the file, line and column of its path."""
        mark = self.mark(problem.path, key=key)
        line, column = (mark.line, mark.column) if mark else (None, None)
        return msgspec.structs.replace(problem, file=self.file, line=line, column=column)

    def problem(self, path: str, message: str, hint: str = "", *, found: str = "", key: bool = False) -> Problem:
        """Return an error at *path*, or at its key."""
        return self.place(Problem(message=message, path=path, hint=hint, found=found), key=key)

    def warning(self, path: str, message: str, hint: str = "") -> Problem:
        """Return a warning at *path*."""
        return self.place(Problem(message=message, path=path, hint=hint, severity="warning"))


def read(source: Source) -> Document:
    """
    Return the document at a path, or that a dict is.

    Raises:
        ConfigError: there is no file, it cannot be read, or it is no YAML.
    """
    if isinstance(source, Mapping):
        return _from_mapping(source)
    from fanlight.config.yaml import parse  # noqa: PLC0415 - a dict needs no parser

    file = str(source)
    return parse(_text(Path(source), file), file)


def _text(path: Path, file: str) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(file, f"the file cannot be read: {error.strerror}", "check the path") from None
    if len(content) > MAX_BYTES:
        raise _refused(file, "the file is larger than 1MiB", "a configuration is a page or two; is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(file, f"the file is not UTF-8 from line {line} on", "save it as UTF-8") from None


def _refused(file: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(message=message, hint=hint, file=file)], file=file)


def _from_mapping(source: Mapping[str, Any]) -> Document:
    problems: list[Problem] = []
    data = _copied(source, "", problems, _MAX_DEPTH)
    return Document(data=data, problems=tuple(problems))


def _copied(value: Any, path: str, problems: list[Problem], depth: int) -> Any:
    if depth == 0:
        problems.append(Problem(message=f"nested deeper than {_MAX_DEPTH} levels, or within itself", path=path))
        return None
    if isinstance(value, Mapping):
        result: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                problems.append(Problem(message=f"a key is text; found {key!r}", path=path, hint="make it a string"))
                continue
            result[key] = _copied(item, join(path, key), problems, depth - 1)
        return result
    if is_list(value):
        return [_copied(item, join(path, index), problems, depth - 1) for index, item in enumerate(value)]
    return value
