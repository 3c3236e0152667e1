"""
What a value can be held against: texts, globs, RE2 patterns, numbers, presence, and their negation.

Every test answers for any value whatever; one of the wrong type does not match.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol, TypeAlias

import msgspec
import re2

from fanlight.routing.keys import Absent
from fanlight.unicode import encodable

Comparison: TypeAlias = Literal["gt", "gte", "lt", "lte"]
COMPARISONS: Final[dict[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "gt": (">", operator.gt),
    "gte": (">=", operator.ge),
    "lt": ("<", operator.lt),
    "lte": ("<=", operator.le),
}


class Test(Protocol):
    """One test of one value."""

    def holds(self, value: Any) -> bool:
        """Whether *value*, which may be `Absent.MISSING`, passes."""
        ...

    def __str__(self) -> str: ...


class Equals(msgspec.Struct, frozen=True):
    """The very value; `true` is not 1, and a text is not a number."""

    expected: str | int | float | bool

    def holds(self, value: Any) -> bool:
        """Whether *value* passes."""
        return isinstance(value, bool) is isinstance(self.expected, bool) and bool(value == self.expected)

    def __str__(self) -> str:
        return repr(self.expected).lower() if isinstance(self.expected, bool) else _quoted(self.expected)


class Pattern:
    """A text in which an RE2 pattern is found, in linear time."""

    def __init__(self, pattern: str, shown: str) -> None:
        """Raises `re2.error` where *pattern* is not valid RE2; *shown* is how it is written in explanations."""
        self._regexp = re2.compile(pattern, _silent())
        self._shown = shown

    def holds(self, value: Any) -> bool:
        """Whether *value* passes."""
        return isinstance(value, str) and self._regexp.search(encodable(value)) is not None

    def __str__(self) -> str:
        return self._shown


class Compare(msgspec.Struct, frozen=True):
    """A number that is greater or less."""

    comparison: Comparison
    bound: float

    def holds(self, value: Any) -> bool:
        """Whether *value* passes."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and COMPARISONS[self.comparison][1](value, self.bound)

    def __str__(self) -> str:
        return f"{COMPARISONS[self.comparison][0]} {self.bound:g}"


class Exists(msgspec.Struct, frozen=True):
    """Whether there is a value at all; an empty text and an empty list are none."""

    expected: bool

    def holds(self, value: Any) -> bool:
        """Whether *value* passes."""
        return (value is not Absent.MISSING and value != ()) is self.expected

    def __str__(self) -> str:
        return "present" if self.expected else "missing"


class Negated(msgspec.Struct, frozen=True):
    """What does not pass the other test; a missing value does not."""

    test: Test

    def holds(self, value: Any) -> bool:
        """Whether *value* passes."""
        return not self.test.holds(value)

    def __str__(self) -> str:
        return f"not {self.test}"


class OneOf(msgspec.Struct, frozen=True):
    """What passes at least one of the tests."""

    tests: tuple[Test, ...]

    def holds(self, value: Any) -> bool:
        """Whether *value* passes."""
        return any(test.holds(value) for test in self.tests)

    def __str__(self) -> str:
        return " or ".join(map(str, self.tests))


class Both(msgspec.Struct, frozen=True):
    """What passes all of the tests."""

    tests: tuple[Test, ...]

    def holds(self, value: Any) -> bool:
        """Whether *value* passes."""
        return all(test.holds(value) for test in self.tests)

    def __str__(self) -> str:
        return " and ".join(map(str, self.tests))


class Among(msgspec.Struct, frozen=True):
    """A list of texts of which any, all or none pass their tests."""

    quantity: Literal["any", "all", "none"]
    tests: tuple[Test, ...]

    def holds(self, value: Any) -> bool:
        """Whether *value* passes."""
        texts = value if isinstance(value, tuple | list) else ()
        found = (any(test.holds(text) for text in texts) for test in self.tests)
        if self.quantity == "all":
            return all(found)
        return any(found) is (self.quantity == "any")

    def __str__(self) -> str:
        return f"{self.quantity} of {', '.join(map(str, self.tests))}"


def text_test(written: str) -> Test:
    """Return the test for a text as written: a glob where it has `*` or `?`, else the text itself."""
    if "*" not in written and "?" not in written:
        return Equals(written)
    parts = "".join({"*": ".*", "?": "."}.get(char) or re2.escape(char) for char in written)
    return Pattern(rf"(?s)\A{parts}\z", f"like {_quoted(written)}")


def regex_test(written: str) -> Test:
    """Return the test for `{regex: written}`, found anywhere in the text; `re2.error` where it is not valid RE2."""
    return Pattern(written, f"matching /{written}/")


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _silent() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options
