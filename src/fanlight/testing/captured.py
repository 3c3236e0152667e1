"""The rules of a real configuration, tried on real runs: every sink keeps in memory what it would have been sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import ConfigDict

from fanlight.capture.hook import attach_everywhere
from fanlight.config.document import Document, read
from fanlight.delivery.settings import LaneSettings
from fanlight.errors import ConfigError
from fanlight.event import TelemetryEvent
from fanlight.installation import installed
from fanlight.journal.base import Bounds
from fanlight.plan import Plan, PlannedSink, build_plan
from fanlight.plan.build import load_registry
from fanlight.plugins import KNOWN_PACKAGES
from fanlight.router import Router
from fanlight.sinks.base import Batch, Sink, SinkConfig, SinkType
from fanlight.sinks.memory import MemoryStore

if TYPE_CHECKING:
    from langchain_core.callbacks import BaseCallbackHandler

_MAX_EVENTS = 100_000


class CapturedSink:
    """What one sink was given. Reading it waits until everything captured so far has arrived."""

    def __init__(self, store: MemoryStore, captured: Captured) -> None:
        self._store = store
        self._captured = captured

    @property
    def events(self) -> tuple[TelemetryEvent, ...]:
        """Every event, in the order of delivery; only finished runs if the sink's type consumes no more."""
        self._captured.flush()
        return self._store.events

    @property
    def runs(self) -> tuple[TelemetryEvent, ...]:
        """The finished runs, children before their parents."""
        self._captured.flush()
        return self._store.runs

    def clear(self) -> None:
        """Forget what has arrived."""
        self._captured.flush()
        self._store.clear()


class Captured:
    """A router with the rules of a configuration, and what its sinks were given."""

    def __init__(self, router: Router, stores: Mapping[str, MemoryStore]) -> None:
        self.router = router
        self.sinks: Mapping[str, CapturedSink] = {name: CapturedSink(store, self) for name, store in stores.items()}
        """The enabled sinks, by their names in the configuration."""

    @property
    def handler(self) -> BaseCallbackHandler:
        """The router's handler, for code that passes callbacks itself. One run is captured once in any case."""
        return self.router.handler

    def flush(self, timeout: float = 10.0) -> None:
        """
        Wait until everything captured so far has arrived.

        Args:
            timeout: Seconds.

        Raises:
            TimeoutError: something is still under way; its message says where.
        """
        report = self.router.flush(timeout)
        if not report.complete:
            raise TimeoutError(f"after {timeout:g}s {report.queued} events are queued and {report.pending} pending")


@contextmanager
def capture(source: str | os.PathLike[str] | dict[str, Any], *, environment: str | None = None) -> Iterator[Captured]:
    """
    Capture every LangChain run inside the block by the rules of *source*, and send nothing anywhere.

    Routes, restrictions, labels, `content`, `collapse`, processors and the secrets floor are the real ones. Each sink
    keeps its name and type and becomes a memory; placeholders are not resolved, so no secret is needed, and no sink's
    package either. A router that `fanlight.install` attached rests meanwhile.

    Args:
        source: A path to a YAML file, or the same as a dict.
        environment: Used in place of the source's `environment`.

    Raises:
        ConfigError: with every problem of the source, or where the environment is not known.
    """
    plan = _plan(source, environment)
    stores = {sink.name: MemoryStore(_MAX_EVENTS) for sink in plan.sinks}
    sinks = tuple(_in_memory(sink, stores[sink.name]) for sink in plan.sinks)
    with Router(msgspec.structs.replace(plan, sinks=sinks)) as router:
        attach_everywhere(router.handler_for_hook)
        try:
            yield Captured(router, stores)
        finally:
            before = installed()
            attach_everywhere(before.handler_for_hook if before is not None else None)


def _plan(source: str | os.PathLike[str] | dict[str, Any], environment: str | None) -> Plan:
    document = read(source)
    registry = load_registry(document)
    for kind in _kinds(document) & KNOWN_PACKAGES.keys() - registry.sink_types.keys():
        registry.sink_types[kind] = SinkType(name=kind, config_model=_AnyConfig, factory=_never)
    plan = build_plan(document, registry, environment=environment, secrets=False)
    if not plan.environment:
        raise ConfigError.single("the environment is not known", hint="say which: capture(..., environment=…)")
    return plan


def _kinds(document: Document) -> set[str]:
    sinks = _mapping(document.data.get("sinks")).values()
    return {kind for sink in sinks if isinstance(kind := _mapping(sink).get("type"), str)}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


class _AnyConfig(SinkConfig):
    """The settings of a sink whose package is not installed: whatever they are."""

    model_config = ConfigDict(extra="allow")


def _never(_config: SinkConfig) -> Sink[Any]:
    raise LookupError("a sink whose package is not installed was asked to deliver")


class _Kept(Sink[SinkConfig]):
    def __init__(self, config: SinkConfig, store: MemoryStore) -> None:
        super().__init__(config)
        self._store = store

    def deliver(self, batch: Batch) -> None:
        self._store.add(batch)


def _in_memory(sink: PlannedSink, store: MemoryStore) -> PlannedSink:
    kept = SinkType(
        name=sink.sink_type.name,
        config_model=SinkConfig,
        factory=lambda config: _Kept(config, store),
        consumes=sink.sink_type.consumes,
        delivered_means="The event is in this process's memory.",
        network=False,
    )
    return msgspec.structs.replace(
        sink,
        sink_type=kept,
        config=SinkConfig(),
        settings=LaneSettings(
            batch_linger=0.0, bounds=Bounds(max_events=_MAX_EVENTS, max_bytes=1024**3, when_full="drop_newest")
        ),
    )
