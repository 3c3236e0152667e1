"""
A match as a tree with three answers: `True`, `False`, and `None` for "not known yet".

The logic is Kleene's: what is already certain without the unknown part is certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from fanlight.routing.keys import Absent, Key
from fanlight.routing.operators import Test

Answer: TypeAlias = bool | None
Facts: TypeAlias = Mapping[str, Any]
"""The value of every key that is asked for, by name, or an `Absent`."""


class Leaf(msgspec.Struct, frozen=True):
    """One key held against one test."""

    key: Key
    test: Test

    def evaluate(self, facts: Facts) -> Answer:
        """Return the answer, `None` where the key is not known."""
        value = facts[self.key.name]
        if value is Absent.UNKNOWN or value is Absent.FAILED:
            return None
        return self.test.holds(value)

    def leaves(self) -> Iterator[Leaf]:
        """Yield this leaf."""
        yield self


class AllOf(msgspec.Struct, frozen=True):
    """True where all are; an empty one is true of everything."""

    children: tuple[Predicate, ...] = ()

    def evaluate(self, facts: Facts) -> Answer:
        """Return `False` with the first child that is, `None` where one is unknown, else `True`."""
        answer: Answer = True
        for child in self.children:
            found = child.evaluate(facts)
            if found is False:
                return False
            if found is None:
                answer = None
        return answer

    def leaves(self) -> Iterator[Leaf]:
        """Yield every leaf below."""
        for child in self.children:
            yield from child.leaves()


class AnyOf(msgspec.Struct, frozen=True):
    """True where at least one is."""

    children: tuple[Predicate, ...]

    def evaluate(self, facts: Facts) -> Answer:
        """Return `True` with the first child that is, `None` where one is unknown, else `False`."""
        answer: Answer = False
        for child in self.children:
            found = child.evaluate(facts)
            if found is True:
                return True
            if found is None:
                answer = None
        return answer

    def leaves(self) -> Iterator[Leaf]:
        """Yield every leaf below."""
        for child in self.children:
            yield from child.leaves()


class NotOf(msgspec.Struct, frozen=True):
    """True where the child is false; unknown where it is unknown."""

    child: Predicate

    def evaluate(self, facts: Facts) -> Answer:
        """Return the opposite of the child's answer."""
        found = self.child.evaluate(facts)
        return None if found is None else not found

    def leaves(self) -> Iterator[Leaf]:
        """Yield every leaf below."""
        yield from self.child.leaves()


Predicate: TypeAlias = Leaf | AllOf | AnyOf | NotOf

EVERYTHING = AllOf()
"""The match `{}`."""
