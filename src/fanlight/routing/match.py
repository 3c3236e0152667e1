"""A `match:` as written in the configuration, parsed; everything that is wrong with it is found at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import re2

from fanlight.errors import Problem
from fanlight.routing.keys import Key, Read, expected_one_of, parse_key
from fanlight.routing.operators import (
    COMPARISONS,
    Among,
    Both,
    Compare,
    Equals,
    Exists,
    Negated,
    OneOf,
    Test,
    regex_test,
    text_test,
)
from fanlight.routing.predicates import AllOf, AnyOf, Leaf, NotOf, Predicate

_MAX_DEPTH: Final = 20
_QUANTITIES: Final = ("any", "all", "none")
_OPERATORS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("regex", "exists", "not"),
    "texts": (*_QUANTITIES, "exists", "not"),
    "number": (*COMPARISONS, "exists", "not"),
    "flag": ("exists", "not"),
    "any": ("regex", *COMPARISONS, "exists", "not"),
}

Parsed = TypeVar("Parsed")


def parse_match(
    raw: Any, path: str, *, extra_keys: Mapping[str, Read] | None = None
) -> tuple[Predicate | None, list[Problem]]:
    """
    Return the predicate that *raw* spells, or `None` and every problem with it, each with its path below *path*.

    Args:
        raw: The match as YAML gave it.
        path: Where it stands, such as `routes[2].match`.
        extra_keys: Keys of plugins, by name without the leading `x.`.
    """
    parser = _Parser(extra_keys or {})
    predicate = parser.match(raw, path, 0)
    return (None if parser.problems else predicate), parser.problems


class _Parser:
    """Walks one match; a part with a problem becomes `None` and the walk goes on."""

    def __init__(self, extra_keys: Mapping[str, Read]) -> None:
        self.problems: list[Problem] = []
        self._extra_keys = extra_keys

    def match(self, raw: Any, path: str, depth: int) -> Predicate | None:
        if not isinstance(raw, Mapping):
            self._wrong(path, f"expected keys with values, found {_shown(raw)}", "write {} for everything")
            return None
        if depth > _MAX_DEPTH:
            self._wrong(path, f"a match can be nested {_MAX_DEPTH} deep", "split it into several routes")
            return None
        children = [self._entry(str(name), value, f"{path}.{name}", depth) for name, value in raw.items()]
        found: tuple[Predicate, ...] = _found(children)
        return found[0] if depth and len(found) == 1 else AllOf(found)

    def _entry(self, name: str, value: Any, path: str, depth: int) -> Predicate | None:
        if name in ("any_of", "all_of"):
            children: tuple[Predicate, ...] = self._each(value, path, lambda item, at: self.match(item, at, depth + 1))
            return AnyOf(children) if name == "any_of" else AllOf(children)
        if name == "not":
            child = self.match(value, path, depth + 1)
            return None if child is None else NotOf(child)
        key, problems = parse_key(name, path, extra_keys=self._extra_keys)
        self.problems += problems
        test = None if key is None else self._test(key, value, path, depth)
        return None if key is None or test is None else Leaf(key, test)

    def _test(self, key: Key, value: Any, path: str, depth: int) -> Test | None:
        if depth > _MAX_DEPTH:
            self._wrong(path, f"a match can be nested {_MAX_DEPTH} deep", "split it into several routes")
            return None
        if key.kind == "texts" and not isinstance(value, Mapping):
            return self._among("any", value, path)
        if isinstance(value, list | tuple):
            return OneOf(self._each(value, path, lambda item, where: self._test(key, item, where, depth + 1)))
        if isinstance(value, Mapping):
            return self._operators(key, value, path, depth)
        return self._exact(key, value, path)

    def _operators(self, key: Key, value: Mapping[Any, Any], path: str, depth: int) -> Test | None:
        if not value:
            self._wrong(path, "expected an operator", f"{key.name} takes {', '.join(_OPERATORS[key.kind])}")
            return None
        tests = [self._operator(key, str(name), item, f"{path}.{name}", depth) for name, item in value.items()]
        return tests[0] if len(tests) == 1 else Both(_found(tests))

    def _operator(self, key: Key, name: str, value: Any, path: str, depth: int) -> Test | None:
        allowed = _OPERATORS[key.kind]
        if name not in allowed:
            self._wrong(path, f"{name} is no operator of {key.name}", expected_one_of(allowed, name))
            return None
        if name in _QUANTITIES:
            return self._among(name, value, path)
        if name == "not":
            test = self._test(key, value, path, depth + 1)
            return None if test is None else Negated(test)
        if name == "exists":
            return self._typed(value, path, bool, "true or false", Exists)
        if name == "regex":
            return self._regex(value, path)
        return self._typed(value, path, (int, float), "a number", lambda bound: Compare(name, bound))  # type: ignore[arg-type]

    def _among(self, quantity: str, value: Any, path: str) -> Test | None:
        items = value if isinstance(value, list | tuple) else [value]
        tests = self._each(items, path, self._element)
        return Among(quantity, tests)  # type: ignore[arg-type]

    def _element(self, value: Any, path: str) -> Test | None:
        if isinstance(value, Mapping) and list(value) == ["regex"]:
            return self._regex(value["regex"], f"{path}.regex")
        return self._typed(value, path, str, "text, or {regex: …}", text_test)

    def _exact(self, key: Key, value: Any, path: str) -> Test | None:
        if value is None or value == "":
            self._wrong(path, f"{key.name} has no value here", "to match what is missing, write {exists: false}")
            return None
        if key.kind == "text":
            return self._text(key, value, path)
        if key.kind == "number":
            return self._typed(value, path, (int, float), "a number", Equals)
        if key.kind == "flag":
            return self._typed(value, path, bool, "true or false", Equals)
        if isinstance(value, str):
            return text_test(value)
        return self._typed(value, path, (bool, int, float), "text, a number, true or false", Equals)

    def _text(self, key: Key, value: Any, path: str) -> Test | None:
        test = self._typed(value, path, str, "text", text_test)
        if test is None or not key.choices or any(test.holds(choice) for choice in key.choices):
            return test
        self._wrong(path, f"{key.name} is never {_shown(value)}", expected_one_of(key.choices, value))
        return None

    def _regex(self, value: Any, path: str) -> Test | None:
        try:
            return self._typed(value, path, str, "a pattern as text", regex_test)
        except re2.error as error:
            reason = error.args[0] if error.args else ""
            text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            self._wrong(path, f"the pattern is not valid: {text}", "patterns are RE2: no look-around, no \\1")
            return None

    def _typed(self, value: Any, path: str, types: Any, expected: str, make: Callable[[Any], Parsed]) -> Parsed | None:
        wanted = types if isinstance(types, tuple) else (types,)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted) or value == "":
            hint = "put it in quotes" if str in wanted and isinstance(value, bool | int | float) else ""
            self._wrong(path, f"expected {expected}, found {_shown(value)}", hint)
            return None
        return make(value)

    def _each(self, items: Any, path: str, parse: Callable[[Any, str], Parsed | None]) -> tuple[Parsed, ...]:
        if not isinstance(items, list | tuple) or not items:
            self._wrong(path, f"expected a list that is not empty, found {_shown(items)}", "")
            return ()
        return _found([parse(item, f"{path}[{index}]") for index, item in enumerate(items)])

    def _wrong(self, path: str, message: str, hint: str) -> None:
        self.problems.append(Problem(path=path, message=message, hint=hint))


def _found(items: Iterable[Parsed | None]) -> tuple[Parsed, ...]:
    return tuple(item for item in items if item is not None)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a map" if value else "{}"
    if isinstance(value, list | tuple):
        return "a list" if value else "[]"
    return repr(value).lower() if isinstance(value, bool) else f"{value!r:.60}"
