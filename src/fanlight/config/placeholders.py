"""
`${env:NAME}`, `${file:/path}` and what plugins add: values that do not stand in the file.

They are put in after the YAML is parsed, so that no value can become structure. There are no defaults: what is missing
is an error with its place. What a placeholder resolved to appears in no message and in no repr.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from fanlight.config.document import Document
from fanlight.config.paths import is_within, join
from fanlight.config.suggest import did_you_mean
from fanlight.errors import Problem

Resolve: TypeAlias = Callable[[str], str]

_PLACEHOLDER: Final = re.compile(r"\$\$\{|\$\{(?P<scheme>[a-z][a-z0-9_]*):(?P<reference>[^{}]+)\}|\$\{")
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_SECRET_BYTES: Final = 64 * 1024


def has_placeholder(value: Any) -> bool:
    """Whether there is a placeholder anywhere in *value*."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Mapping):
        return any(has_placeholder(item) for item in value.values())
    return isinstance(value, list) and any(has_placeholder(item) for item in value)


class Placeholders:
    """
    Resolves the placeholders of one document and collects what cannot be resolved.

    Args:
        document: Where the values come from; says the line of a problem.
        resolvers: Further schemes, by name.
        secrets: Whether to resolve at all; without, placeholders stay as they are written.
    """

    def __init__(self, document: Document, resolvers: Mapping[str, Resolve], *, secrets: bool = True) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._schemes: dict[str, Resolve] = {**resolvers, "env": _environment_variable, "file": _file_content}
        self._secrets = secrets
        self._filled: set[str] = set()
        self._open: set[str] = set()

    def resolve(self, value: Any, path: str) -> Any:
        """Return *value* with every placeholder in it replaced; one that has no value stays, as a problem."""
        if isinstance(value, Mapping):
            return {key: self.resolve(item, join(path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, join(path, index)) for index, item in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return self._text(value, path)
        return value

    def leave(self, value: Any, path: str) -> Any:
        """Return *value* as it is, knowing that its placeholders are not resolved."""
        if isinstance(value, Mapping):
            return {key: self.leave(item, join(path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.leave(item, join(path, index)) for index, item in enumerate(value)]
        if has_placeholder(value):
            self._open.add(path)
        return value

    def is_filled(self, path: str, *, within: bool = False) -> bool:
        """Whether a placeholder was resolved at *path*, or *within* it: the value may not be shown."""
        return path in self._filled or (within and any(is_within(filled, path) for filled in self._filled))

    def is_open(self, path: str, *, within: bool = False) -> bool:
        """Whether the value at *path*, or one *within* it, is not known: its placeholder was not resolved."""
        return path in self._open or (within and any(is_within(unresolved, path) for unresolved in self._open))

    def _text(self, value: str, path: str) -> str:
        if not self._secrets:
            self._open.add(path)
            return value
        try:
            text = _PLACEHOLDER.sub(self._value, value)
        except LookupError as error:
            message, hint = error.args
            self._open.add(path)
            self.problems.append(self._document.problem(path, message, hint))
            return value
        self._filled.add(path)
        return text

    def _value(self, match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        if match["scheme"] is None:
            raise LookupError(
                "a placeholder is not complete", "write `${env:NAME}` or `${file:/path}`; `$${` is a plain `${`"
            )
        resolve = self._schemes.get(match["scheme"])
        if resolve is None:
            raise LookupError(
                f"no placeholder begins with `{match['scheme']}:`", did_you_mean(match["scheme"], self._schemes)
            )
        return _called(resolve, match)


def _called(resolve: Resolve, match: re.Match[str]) -> str:
    try:
        value = resolve(match["reference"])
    except LookupError as error:
        sentence = str(error.args[0]) if error.args else "not found"
        hint = str(error.args[1]) if len(error.args) > 1 else ""
        raise LookupError(f"`{match[0]}` has no value: {sentence}", hint) from None
    except Exception as error:  # a plugin's resolver: its text may hold what it looked for
        raise LookupError(f"`{match[0]}` could not be resolved: {type(error).__name__}", "") from None
    if not value:
        raise LookupError(f"`{match[0]}` has no value: it is empty", "")
    return str(value)


def _environment_variable(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):
        hint = "write `${env:NAME}`; there are no defaults, so that nothing is missing in silence"
        raise LookupError("this is no name of an environment variable", hint)
    value = os.environ.get(name)
    if value is None:
        raise LookupError("the environment variable is not set", f"set {name}")
    if not value:
        raise LookupError("the environment variable is empty", f"set {name}")
    return value


def _file_content(name: str) -> str:
    path = Path(name)
    if not path.is_absolute():
        raise LookupError("the path is relative", "write it from the root: `${file:/run/secrets/name}`")
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        raise LookupError(f"the file cannot be read ({type(error).__name__})", "check that it is mounted") from None
    if len(content) > _MAX_SECRET_BYTES:
        raise LookupError("the file is larger than 64KiB", "is it the right file?")
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise LookupError("the file is not UTF-8 text", "is it the right file?") from None
