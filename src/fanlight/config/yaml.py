"""
YAML text to plain data and source marks.

Read as YAML 1.2 reads it: only `true` and `false` are booleans, so `no` is a country; `0123`, `12:30` and dates are
text. Keys are always text. Anchors, aliases and merge keys work; tags do not. What an alias can blow up is bounded.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

import yaml

from fanlight.config.document import Document, Mark
from fanlight.config.paths import join
from fanlight.config.syntax import syntax_problem
from fanlight.errors import ConfigError, Problem

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 50_000
_TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = f"{_TAG}merge"


class TooMuchError(yaml.MarkedYAMLError):
    """The document is nested too deeply, or aliases repeat too much of it."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}  # type: ignore[misc] # the stubs say instance
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise TooMuchError(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][-+]?[0-9]{1,3})?",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


def parse(text: str, file: str | None = None) -> Document:
    """
    Return the document that *text* spells.

    Raises:
        ConfigError: it is no YAML, holds no map, or more than the bounds allow.
    """
    try:
        root = _compose(text)
        if root is None:
            raise ConfigError(
                [Problem(message="the file is empty", hint="start with `version: 1`", file=file)], file=file
            )
        builder = _Builder(file)
        data = builder.build(root, "")
    except (yaml.YAMLError, RecursionError) as error:
        problem = syntax_problem(error, text, file)
    else:
        if isinstance(data, dict):
            return Document(
                data=data, file=file, keys=builder.keys, values=builder.values, problems=tuple(builder.problems)
            )
        mark = _mark(root)
        problem = Problem(
            message="the file holds no map of keys",
            hint="start with `version: 1`",
            file=file,
            line=mark.line,
            column=mark.column,
        )
    raise ConfigError([problem], file=file)


def scalar(text: str) -> Any:
    """Return *text* as YAML reads it where it stands alone: text, a number, true, false or nothing."""
    try:
        loader: Any = _Loader(text)  # the stubs do not know its resolver
    except yaml.reader.ReaderError:  # control characters, which are no number either
        return text
    nowhere = loader.get_mark()
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))
    return _Builder(None).build(yaml.ScalarNode(tag, text, nowhere, nowhere), "")


def _compose(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Builder:
    """Turns nodes into data, and remembers where each came from."""

    def __init__(self, file: str | None) -> None:
        self.keys: dict[str, Mark] = {}
        self.values: dict[str, Mark] = {}
        self.problems: list[Problem] = []
        self._file = file
        self._count = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: str) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            raise TooMuchError(problem=f"aliases repeat more than {MAX_VALUES} values", problem_mark=node.start_mark)
        if id(node) in self._open:
            self._problem(node, path, "an alias refers to what it is part of", "write the values out")
            return None
        self.values[path] = _mark(node)
        self._open.add(id(node))
        try:
            return self._built(node, path)
        finally:
            self._open.discard(id(node))

    def _built(self, node: yaml.Node, path: str) -> Any:
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.build(item, join(path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        return self._tagged(node, path)

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                result.update(self._merged(value, path))
        own: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, path, "a key is text", 'put it in quotes: "{{ x }}"')
            elif key.value in own:
                hint = f"it stands in line {own[key.value]} already; keep one of the two"
                self._problem(key, join(path, key.value), "the key is there twice", hint)
            else:
                own[key.value] = key.start_mark.line + 1
                below = join(path, key.value)
                self.keys[below] = _mark(key)
                result[key.value] = self.build(value, below)
        return result

    def _merged(self, node: yaml.Node, path: str) -> dict[str, Any]:
        if isinstance(node, yaml.SequenceNode):  # what stands first wins
            parts = [self._merged(item, path) for item in reversed(node.value)]
            return {key: value for part in parts for key, value in part.items()}
        merged = self.build(node, path)
        if isinstance(merged, dict):
            return merged
        self._problem(node, path, "`<<` takes a map or a list of maps", "name an anchor: `<<: *common`")
        return {}

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        match node.tag.removeprefix(_TAG):
            case "str" | "merge":
                return node.value
            case "null":
                return None
            case "bool" if node.value.lower() in {"true", "false"}:
                return node.value.lower() == "true"
            case "int" | "float" as kind:
                try:
                    return int(node.value) if kind == "int" else float(node.value)
                except ValueError:
                    return self._tagged(node, path)
        return self._tagged(node, path)

    def _tagged(self, node: yaml.Node, path: str) -> None:
        tag = node.tag.replace(_TAG, "!!")
        hint = "write the plain value; put text that begins with `!` in quotes"
        self._problem(node, path, f"YAML tags such as `{tag}` are not used here", hint)

    def _problem(self, node: yaml.Node, path: str, message: str, hint: str) -> None:
        mark = _mark(node)
        self.problems.append(
            Problem(message=message, hint=hint, path=path, file=self._file, line=mark.line, column=mark.column)
        )


def _mark(node: yaml.Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)
