"""Builders for events and tables, from the same words as the configuration."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from fanlight.event import TelemetryEvent
from fanlight.routing import (
    Otherwise,
    Route,
    Routing,
    RoutingTable,
    Selector,
    SinkFacts,
    parse_key,
    parse_match,
    parse_selector,
)

SINKS = {
    "otel": {"type": "otel", "labels": {"region": "eu"}},
    "lake": {"type": "jsonl", "labels": {"region": "eu"}},
    "wandb": {"type": "wandb", "labels": {"region": "us"}},
    "arize": {"type": "arize", "labels": {"region": "us"}},
}


def run_uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def build_event(
    kind: str = "chain.start",
    *,
    run: str = "root",
    parent: str | None = None,
    root: str = "root",
    trace: str | None = None,
    **fields: Any,
) -> TelemetryEvent:
    given = {"name": run, "time_unix_nano": 1, **fields}
    given["tags"] = tuple(given.get("tags", ()))
    return TelemetryEvent(
        event_id=f"{run}:{kind}",
        type=kind,
        run_id=run_uuid(run),
        parent_run_id=None if parent is None else run_uuid(parent),
        root_run_id=run_uuid(root),
        trace_id=trace or run_uuid(root).replace("-", ""),
        span_id=run_uuid(run).replace("-", "")[:16],
        **given,
    )


def _selectors(texts: Sequence[str]) -> tuple[Selector, ...]:
    parsed = [parse_selector(text, "deny") for text in texts]
    assert not any(problems for _, problems in parsed), parsed
    return tuple(selector for selector, _ in parsed if selector is not None)


def _only(raw: Mapping[str, Any]) -> tuple[Selector, ...] | None:
    return _selectors(raw["only"]) if "only" in raw else None


def build_route(raw: Mapping[str, Any], index: int = 0, extra: Mapping[str, Any] | None = None) -> Route:
    match, problems = parse_match(raw.get("match", {}), f"routes[{index}].match", extra_keys=extra)
    assert match is not None, problems
    otherwise = raw.get("otherwise")
    keys = [parse_key(name, "require", extra_keys=extra)[0] for name in raw.get("require", ())]
    assert all(keys)
    return Route(
        name=raw.get("name", f"routes[{index}]"),
        match=match,
        to=tuple(raw.get("to", ())),
        deny=_selectors(raw.get("deny", ())),
        only=_only(raw),
        require=tuple(key for key in keys if key is not None),
        otherwise=otherwise and Otherwise(deny=_selectors(otherwise.get("deny", ())), only=_only(otherwise)),
    )


def build_table(
    *routes: Mapping[str, Any],
    sinks: Mapping[str, Any] | None = None,
    unmatched: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> RoutingTable:
    facts = [
        SinkFacts(name, sink["type"], sink["labels"]) for name, sink in (SINKS if sinks is None else sinks).items()
    ]
    return RoutingTable([build_route(raw, index, extra) for index, raw in enumerate(routes)], facts, unmatched)


@pytest.fixture(scope="session")
def event() -> Callable[..., TelemetryEvent]:
    return build_event


@pytest.fixture(scope="session")
def table() -> Callable[..., RoutingTable]:
    return build_table


@pytest.fixture(scope="session")
def routing() -> Callable[..., Routing]:
    def build(*routes: Mapping[str, Any], max_pins: int = 1000, **given: Any) -> Routing:
        return Routing(build_table(*routes, **given), max_pins=max_pins)

    return build


@pytest.fixture(scope="session")
def sinks_of() -> Callable[[Routing, TelemetryEvent], list[str]]:
    def ask(routing: Routing, event: TelemetryEvent) -> list[str]:
        return [target.sink for target in routing.decide(event).targets]

    return ask
