"""Which sinks a route can reach in which environment, with nothing known but the environment."""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.config.load import Loaded
from fanlight.plan.routes import ParsedRoute
from fanlight.routing import Predicate
from fanlight.routing.keys import Absent


def reached_sinks(loaded: Loaded, routes: Sequence[ParsedRoute]) -> frozenset[str]:
    """Return the sinks that some route may send to in this environment, those of `unmatched` included."""
    environment = loaded.environment
    reached = set(loaded.unmatched)
    for parsed in routes:
        possible = environment is None or not parsed.sound or may_match(parsed.route.match, environment)
        if parsed.written.enabled and possible:
            reached.update(parsed.route.to)
    return frozenset(reached)


def may_match(match: Predicate, environment: str) -> bool:
    """Whether *match* can hold for any event of *environment*."""
    facts = {leaf.key.name: Absent.UNKNOWN for leaf in match.leaves()}
    return match.evaluate({**facts, "environment": environment}) is not False
