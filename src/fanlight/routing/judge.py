"""Which routes match an event: evaluated once for each combination of the values they ask about, then looked up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from fanlight.event import TelemetryEvent
from fanlight.routing.keys import Absent, Key
from fanlight.routing.predicates import Answer, Facts
from fanlight.routing.rules import Restriction, Route

MAX_CACHED: Final = 4096
_MAX_TEXT: Final = 1024

_STANDALONE: Final = frozenset({"feedback", "audit", "alert"})


def stands_alone(event: TelemetryEvent) -> bool:
    """Whether *event* is no part of its run's life: it says something about the run, at any time."""
    return event.type in _STANDALONE


def settled(event: TelemetryEvent) -> bool:
    """Whether nothing more will become known of what *event* is about."""
    return event.ends_run or stands_alone(event)


class Verdict(msgspec.Struct, frozen=True, eq=False):
    """What the routes say to one combination of values. Equal verdicts are one object."""

    routes: tuple[Route, ...] = ()
    """Those with a `to` that match."""
    restrictions: frozenset[Restriction] = frozenset()
    """What those with a `deny` or `only` that match forbid."""
    requires: tuple[Route, ...] = ()
    """Those with a `require` that match."""
    known: frozenset[str] = frozenset()
    """The required keys that have a value."""


NOTHING: Final = Verdict()


def evaluate(route: Route, facts: Facts) -> tuple[Answer, bool]:
    """
    Return whether *route* matches, and whether its restrictions do.

    The two differ only where something could not be read: that sends nothing, and restricts.
    """
    try:
        answer = route.match.evaluate(facts)
    except Exception:  # no test is known to raise; one that does must not open what it was meant to close
        return None, True
    failed = answer is None and any(facts[leaf.key.name] is Absent.FAILED for leaf in route.match.leaves())
    return answer, answer is True or failed


class Judge:
    """Judges events by *routes*: on what is known at a run's start, or with *whole* on all that an event says."""

    def __init__(self, routes: Sequence[Route], *, whole: bool) -> None:
        self._routes = tuple(routes)
        self._whole = whole
        asked = {key.name: key for route in self._routes for key in asked_by(route)}
        self._keys = tuple(asked.values())
        readable = [key for key in self._keys if whole or key.when != "event"]
        plain = sorted({key.plain for key in readable if key.plain} | {"type" if whole else "environment"})
        # Two names at least: attrgetter returns a tuple then.
        self._plain: Callable[[TelemetryEvent], Any] = attrgetter("environment", *plain)
        self._others = tuple(key.read for key in readable if not key.plain)
        self._numeric = any(key.kind == "number" and key.when == "event" for key in readable)
        self._cache: dict[Any, Verdict] = {}
        self._verdicts: dict[Any, Verdict] = {}

    def judge(self, event: TelemetryEvent) -> Verdict:
        """Return the verdict on *event*."""
        if not self._routes:
            return NOTHING
        if self._numeric and event.ends_run:
            return self._evaluate(event)
        try:
            token = (self._plain(event), *[_fingerprint(read(event)) for read in self._others])
            verdict = self._cache.get(token)
        except Exception:  # a value that cannot be hashed, or a matcher that raises: judged without the cache
            return self._evaluate(event)
        if verdict is None:
            verdict = self._evaluate(event)
            self._remember(token, verdict)
        return verdict

    def facts(self, event: TelemetryEvent) -> dict[str, Any]:
        """Return the value of every key that the routes ask about, or why it has none."""
        done = self._whole and settled(event)
        return {key.name: self._value(key, event, done) for key in self._keys}

    def _value(self, key: Key, event: TelemetryEvent, done: bool) -> Any:
        if key.when == "event" and not self._whole:
            return Absent.UNKNOWN
        return key.value(event, settled=done)

    def _evaluate(self, event: TelemetryEvent) -> Verdict:
        facts = self.facts(event)
        answers = [(route, *evaluate(route, facts)) for route in self._routes]
        required = {key.name for route in self._routes for key in route.require}
        parts = (
            tuple(route for route, answer, _ in answers if answer is True and route.to),
            frozenset(restriction_of(route) for route, _, closes in answers if closes and restricts(route)),
            tuple(route for route, _, closes in answers if closes and route.require),
            frozenset(name for name in required if not isinstance(facts[name], Absent) and facts[name] != ()),
        )
        return _interned(self._verdicts, parts)

    def _remember(self, token: Any, verdict: Verdict) -> None:
        if len(self._cache) >= MAX_CACHED:
            self._cache.clear()
        if len(repr(token)) <= _MAX_TEXT:
            self._cache[token] = verdict


def asked_by(route: Route) -> list[Key]:
    """Return the keys that *route* mentions."""
    return [leaf.key for leaf in route.match.leaves()] + list(route.require)


def restricts(route: Route) -> bool:
    """Whether *route* forbids something wherever it matches."""
    return bool(route.deny) or route.only is not None


def restriction_of(route: Route) -> Restriction:
    """Return what *route* forbids wherever it matches."""
    return Restriction(route=route.name, deny=route.deny, only=route.only)


def _interned(verdicts: dict[Any, Verdict], parts: Any) -> Verdict:
    if len(verdicts) >= MAX_CACHED:
        verdicts.clear()
    return verdicts.setdefault(parts, Verdict(*parts))


def _fingerprint(value: Any) -> Any:
    # 1 == True == 1.0 to a dict, and not to a match.
    return value if value.__class__ is str else (value.__class__, value)
