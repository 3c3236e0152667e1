"""One configuration's routes and sinks, ready to be asked; a reload makes a new table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from fanlight.event import TelemetryEvent
from fanlight.routing.decision import Decision, Outcome, Target
from fanlight.routing.judge import MAX_CACHED, Judge, Verdict, asked_by, evaluate
from fanlight.routing.keys import Absent, Key
from fanlight.routing.rules import Restriction, Route, SinkFacts

_NONE: Final[frozenset[str]] = frozenset()
_SHARED: Final = "tenant_id"
"""What stands alone has it in common with the run it is about. Tags, the user who rates and the process are its own."""


class Pin(msgspec.Struct, frozen=True, eq=False):
    """What was decided at a run's start and holds until its end. Runs of the same fate share one."""

    table: RoutingTable
    """The table whose routes choose single events of the run."""
    routes: tuple[Route, ...] = ()
    """The routes that took the run, or one above it."""
    known: frozenset[str] = _NONE
    """The required keys that the run or one above it had."""


class RoutingTable:
    """
    Routes over sinks.

    Args:
        routes: In the order of the configuration; the order changes nothing but how decisions are listed.
        sinks: Those that are in use. A route may name others: they get nothing.
        unmatched: The sinks for what no route sends.
    """

    def __init__(self, routes: Sequence[Route], sinks: Sequence[SinkFacts], unmatched: Sequence[str] = ()) -> None:
        self.routes: Final = tuple(routes)
        self.sinks: Final = {sink.name: sink for sink in sinks}
        self.unmatched: Final = tuple(sink for sink in dict.fromkeys(unmatched) if sink in self.sinks)
        self.steady: Final = Judge(self.routes, whole=False)
        self.passing: Final = Judge([route for route in self.routes if _chooses_events(route)], whole=True)
        self._order: Final = {route.name: place for place, route in enumerate(self.routes)}
        self._pins: dict[Any, tuple[Pin, frozenset[Restriction]]] = {}
        self._decisions: dict[Any, Decision] = {}

    def pin(self, parent: Pin | None, verdict: Verdict) -> tuple[Pin, frozenset[Restriction]]:
        """Return the pin of a run that starts under *parent*, and what is forbidden for want of a required key."""
        found = self._pins.get((parent, verdict))
        if found is None:
            above = parent or Pin(self)
            known = above.known | verdict.known
            routes = tuple(dict.fromkeys((*above.routes, *verdict.routes)))
            same = parent is not None and (parent.table, parent.routes, parent.known) == (self, routes, known)
            pin = parent if same and parent is not None else Pin(self, routes, known)
            found = pin, unmet(verdict.requires, known)
            _bounded(self._pins)[parent, verdict] = found
        return found

    def answered(self, event: TelemetryEvent) -> frozenset[str]:
        """Return the names of the routes that the tenant of *event* decides, whatever else the run was."""
        return frozenset(route.name for route in self.routes if _is_answered(route, event))

    def closed_by(self, restrictions: Iterable[Restriction]) -> frozenset[str]:
        """Return the sinks that *restrictions* leave no access to."""
        forbidding = tuple(restrictions)
        return frozenset(name for name, sink in self.sinks.items() if any(rule.closes(sink) for rule in forbidding))

    def decision(
        self, pin: Pin, passing: Verdict, restrictions: frozenset[Restriction], closed: frozenset[str]
    ) -> Decision:
        """Return what happens to an event that *pin* and *passing* send, under *restrictions* that closed *closed*."""
        key = (pin, passing, restrictions, closed)
        found = self._decisions.get(key)
        if found is None:
            found = self._decide((*pin.routes, *passing.routes), restrictions, closed)
            _bounded(self._decisions)[key] = found
        return found

    def _decide(
        self, routes: Iterable[Route], restrictions: frozenset[Restriction], closed: frozenset[str]
    ) -> Decision:
        sending = [route for route in dict.fromkeys(routes) if any(sink in self.sinks for sink in route.to)]
        targets = self._targets(sending, closed)
        outcome: Outcome = "routed" if targets else "restricted"
        if not sending:
            targets = tuple(Target(sink) for sink in self.unmatched if sink not in closed)
            outcome = "unmatched" if targets or not restrictions else "restricted"
        applying = self._ordered([route.name for route in sending] + [rule.route for rule in restrictions])
        return Decision(targets=targets, outcome=outcome, routes=applying)

    def _targets(self, sending: Sequence[Route], closed: frozenset[str]) -> tuple[Target, ...]:
        routes_of: dict[str, list[str]] = {}
        for route in sending:
            for sink in route.to:
                if sink not in closed:
                    routes_of.setdefault(sink, []).append(route.name)
        order = [sink for sink in self.sinks if sink in routes_of]
        return tuple(Target(sink, self._ordered(routes_of[sink])) for sink in order)

    def _ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        # A pin may hold routes of an older table; they come first.
        return tuple(sorted(dict.fromkeys(names), key=lambda name: (self._order.get(name, -1), name)))


def unmet(requires: Iterable[Route], known: frozenset[str]) -> frozenset[Restriction]:
    """Return what the routes forbid that require a key that is not *known*."""
    return frozenset(
        Restriction(route=route.name, deny=route.otherwise.deny, only=route.otherwise.only)
        for route in requires
        if route.otherwise is not None and any(key.name not in known for key in route.require)
    )


def _is_answered(route: Route, event: TelemetryEvent) -> bool:
    facts = {key.name: _shared(key, event) for key in asked_by(route)}
    answer, _ = evaluate(route, facts)
    return answer is not None and not any(facts[key.name] is Absent.UNKNOWN for key in route.require)


def _shared(key: Key, event: TelemetryEvent) -> Any:
    value = key.value(event, settled=True) if key.name == _SHARED else Absent.UNKNOWN
    return Absent.UNKNOWN if isinstance(value, Absent) else value


def _chooses_events(route: Route) -> bool:
    return any(key.when != "start" for key in asked_by(route))


def _bounded(cache: dict[Any, Any]) -> dict[Any, Any]:
    if len(cache) >= MAX_CACHED:
        cache.clear()
    return cache
