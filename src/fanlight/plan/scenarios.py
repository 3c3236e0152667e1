"""The tests that a configuration brings along: an event in a few words, and where it must go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fanlight.config.load import Loaded
from fanlight.config.models import TestCase
from fanlight.config.paths import join
from fanlight.config.suggest import did_you_mean
from fanlight.event import TelemetryEvent
from fanlight.pipeline import SecretsFloor
from fanlight.plan.findings import Findings
from fanlight.plan.model import Plan
from fanlight.routing import Decision, Routing, event_of


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """How one test of a configuration came out."""

    name: str
    failures: tuple[str, ...]
    """What was expected and what was found; empty where the test passed."""


def check_tests(loaded: Loaded, findings: Findings) -> None:
    """Find tests that are no tests: unknown fields, sinks, routes and environments."""
    names = {route.name or f"routes[{index}]" for index, route in enumerate(loaded.routes) if route is not None}
    for index, test in enumerate(loaded.tests):
        if test is None:
            continue
        path = f"tests[{index}]"
        findings.add(event_of(test.event, join(path, "event"))[1])
        environment = test.event.get("environment")
        if isinstance(environment, str) and environment not in loaded.environments:
            hint = did_you_mean(environment, loaded.environments)
            findings.error(
                f"{path}.event.environment", "`environments` does not name this one", hint, found=f'"{environment}"'
            )
        _check_expectation(findings, test, join(path, "expect"), loaded.sinks, names)


def _check_expectation(
    findings: Findings, test: TestCase, path: str, sinks: Iterable[str], routes: Iterable[str]
) -> None:
    expected = test.expect
    if not expected.model_fields_set:
        findings.error(path, "nothing is expected", "add `sinks`, `not_sinks`, `routes` or `redacted`")
    for key, found, known in (
        ("sinks", expected.sinks or (), sinks),
        ("not_sinks", expected.not_sinks, sinks),
        ("redacted", tuple(expected.redacted), sinks),
        ("routes", expected.routes or (), routes),
    ):
        for index, name in enumerate(found):
            if name not in known:
                place = join(join(path, key), name if key == "redacted" else index)
                what = "route" if key == "routes" else "sink"
                findings.error(place, f"no {what} has this name", did_you_mean(name, known), found=f'"{name}"')


def run_tests(plan: Plan) -> tuple[Scenario, ...]:
    """
    Return how each of the plan's own tests comes out, on the real routes and the real floor.

    Use a plan without secrets: it has every enabled sink, whatever the environment.
    """
    floor = SecretsFloor(plan.registry.detectors)
    return tuple(_run(plan, floor, test) for test in plan.tests)


def event_for(plan: Plan, facts: dict[str, Any]) -> TelemetryEvent:
    """
    Return an event of the plan's service with *facts*.

    Raises:
        ValueError: they make no event; the message says why.
    """
    given = {
        "environment": plan.environment,
        "service_name": plan.service.name,
        "service_version": plan.service.version,
        "attributes": dict(plan.attributes),
    }
    event, problems = event_of(given | facts)
    if event is None:
        raise ValueError("; ".join(map(str, problems)))
    return event


def _run(plan: Plan, floor: SecretsFloor, test: TestCase) -> Scenario:
    event = event_for(plan, test.event)
    decision = Routing(plan.table).decide(event)
    masked = {redaction.field for redaction in floor.protect(event).redacted}
    return Scenario(name=test.name, failures=tuple(_failures(test, decision, masked)))


def _failures(test: TestCase, decision: Decision, masked: set[str]) -> Iterator[str]:
    expected, sinks = test.expect, {target.sink for target in decision.targets}
    if expected.sinks is not None and sinks != set(expected.sinks):
        yield f"sinks: expected {_listed(expected.sinks)}; it goes to {_listed(sinks)}"
    for sink in sorted(set(expected.not_sinks) & sinks):
        yield f"not_sinks: it goes to {sink}"
    if expected.routes is not None and set(decision.routes) != set(expected.routes):
        yield f"routes: expected {_listed(expected.routes)}; those that apply are {_listed(decision.routes)}"
    for sink, fields in expected.redacted.items():
        if sink not in sinks:
            yield f"redacted: it does not go to {sink}"
        elif masked != set(fields):
            yield f"redacted: expected {_listed(fields)}; what was masked is {_listed(masked)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
