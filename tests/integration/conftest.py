"""A router that is installed for the whole process, with a memory sink behind everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import fanlight
from fanlight.sinks.memory import store


class Installed:
    """An installed router and what its sink received."""

    def __init__(self, **changes: Any) -> None:
        config: dict[str, Any] = {
            "version": 1,
            "service": "test",
            "environments": ["test"],
            "environment": "test",
            "sinks": {"all": {"type": "memory"}},
            "routes": [{"match": {}, "to": ["all"]}],
        }
        self.router = fanlight.install(config | changes)
        assert self.router.health().state != "disabled", self.router.health().reason

    def events(self) -> list[fanlight.TelemetryEvent]:
        assert self.router.flush(timeout=20), self.router.health()
        return list(store("all").events)

    def runs(self) -> list[fanlight.TelemetryEvent]:
        return [event for event in self.events() if event.ends_run]


@pytest.fixture
def installed() -> Iterator[Installed]:
    store("all").clear()
    yield Installed()
    fanlight.uninstall(timeout=20)
