"""Why an event goes where it goes: every route, key by key, with what was expected and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from fanlight.event import TelemetryEvent
from fanlight.routing.decision import Decision
from fanlight.routing.facts import event_of
from fanlight.routing.judge import asked_by, evaluate, restricts, settled
from fanlight.routing.keys import Absent
from fanlight.routing.predicates import AllOf, Answer, AnyOf, Facts, Leaf, NotOf, Predicate
from fanlight.routing.routing import Routing
from fanlight.routing.rules import Restriction, Route
from fanlight.routing.table import RoutingTable


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a match: a key with its test, or a combination of those that follow it one level deeper."""

    key: str
    """The key, or `any_of`, `all_of`, `not`."""
    answer: Answer
    """`None` where it is not known yet."""
    expected: str = ""
    found: str = ""
    level: int = 0


class RouteExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """What one route said to the event."""

    name: str
    answer: Answer
    """Whether its match holds; `None` where that is known only at the run's end."""
    checks: tuple[Check, ...]
    sends_to: tuple[str, ...] = ()
    forbids: str = ""
    """Its restriction, in words; empty where it has none or the restriction is not in force."""
    lacks: tuple[str, ...] = ()
    """The required keys that have no value."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event goes, and why."""

    decision: Decision
    routes: tuple[RouteExplanation, ...]
    closed: tuple[tuple[str, tuple[str, ...]], ...]
    """Each sink that restrictions closed, with the routes that did."""


def explain(table: RoutingTable, event: TelemetryEvent | Mapping[str, Any]) -> Explanation:
    """
    Return what every route says to *event*, taken as the first that is seen of its trace.

    Args:
        table: The routes and sinks.
        event: An event, or some of its fields by name.

    Raises:
        ValueError: the fields make no event; the message says why.
    """
    if not isinstance(event, TelemetryEvent):
        event = _event(event)
    routes = tuple(_route(route, event) for route in table.routes)
    restrictions = [found for route in table.routes for found in _in_force(route, event)]
    closed = {
        name: tuple(rule.route for rule in restrictions if rule.closes(sink)) for name, sink in table.sinks.items()
    }
    return Explanation(
        decision=Routing(table, max_pins=1).decide(event),
        routes=routes,
        closed=tuple((name, by) for name, by in closed.items() if by),
    )


def _event(fields: Mapping[str, Any]) -> TelemetryEvent:
    event, problems = event_of(fields)
    if event is None:
        raise ValueError("; ".join(map(str, problems)))
    return event


def _facts(route: Route, event: TelemetryEvent) -> dict[str, Any]:
    done = settled(event)
    return {key.name: key.value(event, settled=done) for key in asked_by(route)}


def _lacks(route: Route, facts: Facts) -> tuple[str, ...]:
    return tuple(key.name for key in route.require if isinstance(facts[key.name], Absent) or facts[key.name] == ())


def _in_force(route: Route, event: TelemetryEvent) -> Iterator[Restriction]:
    facts = _facts(route, event)
    _, closes = evaluate(route, facts)
    if closes and restricts(route):
        yield Restriction(route=route.name, deny=route.deny, only=route.only)
    if closes and route.otherwise is not None and _lacks(route, facts):
        yield Restriction(route=route.name, deny=route.otherwise.deny, only=route.otherwise.only)


def _route(route: Route, event: TelemetryEvent) -> RouteExplanation:
    facts = _facts(route, event)
    answer, _ = evaluate(route, facts)
    return RouteExplanation(
        name=route.name,
        answer=answer,
        checks=tuple(_checks(route.match, facts, -1)),
        sends_to=route.to,
        forbids="; ".join(_in_words(rule) for rule in _in_force(route, event)),
        lacks=_lacks(route, facts),
    )


def _checks(predicate: Predicate, facts: Facts, level: int) -> Iterator[Check]:
    answer = predicate.evaluate(facts)
    if isinstance(predicate, Leaf):
        yield Check(
            key=predicate.key.name,
            answer=answer,
            expected=str(predicate.test),
            found=_found(facts[predicate.key.name]),
            level=level,
        )
        return
    if level >= 0:
        yield Check(key=_combination(predicate), answer=answer, level=level)
    children = (predicate.child,) if isinstance(predicate, NotOf) else predicate.children
    for child in children:
        yield from _checks(child, facts, level + 1)


def _combination(predicate: AllOf | AnyOf | NotOf) -> str:
    if isinstance(predicate, NotOf):
        return "not"
    return "any_of" if isinstance(predicate, AnyOf) else "all_of"


def _found(value: Any) -> str:
    if isinstance(value, Absent):
        return value.value
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple | list):
        return ", ".join(f'"{item}"' for item in value) or "none"
    return repr(value).lower() if isinstance(value, bool) else str(value)


def _in_words(rule: Restriction) -> str:
    deny = f"deny {', '.join(map(str, rule.deny))}" if rule.deny else ""
    only = "" if rule.only is None else f"only {', '.join(map(str, rule.only)) or 'nobody'}"
    return ", ".join(filter(None, (deny, only)))
