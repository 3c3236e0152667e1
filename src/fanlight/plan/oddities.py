"""What is odd about a configuration without being wrong: what has no effect, or not the one that it seems to have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fanlight.config.load import Loaded
from fanlight.config.paths import join
from fanlight.plan.findings import Findings
from fanlight.plan.reach import may_match, reached_sinks
from fanlight.plan.routes import ParsedRoute
from fanlight.routing import Restriction, SinkFacts


def warn_of_oddities(
    findings: Findings, loaded: Loaded, routes: Sequence[ParsedRoute], sinks: Mapping[str, SinkFacts]
) -> None:
    """Warn of rules that can never match, sinks that nothing reaches, names used twice, and routes at odds."""
    if loaded.environment in loaded.environments and not reached_sinks(loaded, routes):
        findings.warn("routes", f"in `{loaded.environment}` nothing is sent anywhere", "add a route, or `unmatched`")
    _unreached(findings, loaded, routes)
    _same_names(findings, routes)
    for parsed in routes:
        if loaded.environments and parsed.sound and not _ever(parsed, loaded.environments):
            findings.warn(join(parsed.path, "match"), "this can never match", "is a condition the opposite of another?")
        for place, sink in _kept_from_itself(parsed, sinks):
            findings.warn(place, f"the route's own restriction keeps it from `{sink}`", "remove one of the two")
        for key in _learnt_late(parsed):
            message = f"a restriction on `{key}` is learnt while the trace runs; what was sent before stays sent"
            findings.warn(
                join(parsed.path, "match"), message, "restrict by what is known at the start, such as a tenant"
            )


def _unreached(findings: Findings, loaded: Loaded, routes: Sequence[ParsedRoute]) -> None:
    named = {*loaded.unmatched, *(sink for parsed in routes for sink in parsed.route.to)}
    for name, written in loaded.sinks.items():
        if name not in named and written.get("enabled") is not False:
            findings.warn(join("sinks", name), "no route sends anything here", "name it in a `to`, or disable it")


def _same_names(findings: Findings, routes: Sequence[ParsedRoute]) -> None:
    first: dict[str, str] = {}
    for parsed in routes:
        earlier = first.setdefault(parsed.route.name, parsed.path)
        if earlier != parsed.path:
            message = f"{earlier} has the same name"
            findings.warn(join(parsed.path, "name"), message, "give each its own: it is what `explain` calls them")


def _ever(parsed: ParsedRoute, environments: Sequence[str]) -> bool:
    return any(may_match(parsed.route.match, environment) for environment in environments)


def _kept_from_itself(parsed: ParsedRoute, sinks: Mapping[str, SinkFacts]) -> Iterator[tuple[str, str]]:
    route = parsed.route
    restriction = Restriction(route=route.name, deny=route.deny, only=route.only)
    for index, name in enumerate(route.to):
        if name in sinks and restriction.closes(sinks[name]):
            yield join(join(parsed.path, "to"), index), name


def _learnt_late(parsed: ParsedRoute) -> list[str]:
    if not parsed.route.deny and parsed.route.only is None and parsed.route.otherwise is None:
        return []
    return sorted({leaf.key.name for leaf in parsed.route.match.leaves() if leaf.key.when == "event"})
