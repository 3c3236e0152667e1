"""The real handler, its intake, and a normaliser behind it: no router, no thread."""

from __future__ import annotations

import time

import pytest

from fanlight.capture.capture import Capture
from fanlight.capture.handler import CallbackHandler, make_handler
from fanlight.capture.intake import Intake
from fanlight.event import TelemetryEvent
from fanlight.normalize import Normalizer, NormalizerSettings

KEY = b"a key of sixteen"


def settings(**changes) -> NormalizerSettings:
    """Settings of a service under test."""
    return NormalizerSettings(**{"environment": "test", "service_name": "svc", "digest_key": KEY, **changes})


class Traced:
    """A handler, and the events that came of what it captured."""

    def __init__(self, **changes) -> None:
        self.intake = Intake(max_events=1_000_000, max_bytes=1 << 31)
        self.capture = Capture(self.intake)
        self.normalizer = Normalizer(settings(**changes))
        self._events: list[TelemetryEvent] = []

    @property
    def handler(self):
        """The handler that LangGraph tells about interrupts."""
        return make_handler(self.capture)

    @property
    def plain_handler(self):
        """A handler that misses LangGraph's own callbacks, as one attached by the configure hook does."""
        return CallbackHandler(self.capture)

    @property
    def config(self):
        return {"callbacks": [self.handler]}

    @property
    def events(self) -> list[TelemetryEvent]:
        for record in self.intake.take(1_000_000):
            self._events += self.normalizer.feed(record)
        for event in self._events:
            assert TelemetryEvent.from_json(event.to_json()) == event
            assert TelemetryEvent.from_msgpack(event.to_msgpack()) == event
        return self._events

    def reap(self, *, after_seconds: float) -> list[TelemetryEvent]:
        """What is given up so many seconds from now."""
        _ = self.events
        return self.normalizer.reap(time.perf_counter_ns() + int(after_seconds * 1e9), time.time_ns())

    def all(self, *types: str, name: str | None = None) -> list[TelemetryEvent]:
        """The events of these types, in order."""
        return [e for e in self.events if e.type in types and (name is None or e.name == name)]

    def one(self, *types: str, name: str | None = None) -> TelemetryEvent:
        """The only event of these types."""
        found = self.all(*types, name=name)
        assert len(found) == 1, [(e.type, e.name) for e in self.events]
        return found[0]

    @property
    def root(self) -> TelemetryEvent:
        """The event that ended the only root."""
        found = [e for e in self.events if e.is_root and e.ends_run]
        assert len(found) == 1, [(e.type, e.name) for e in self.events]
        return found[0]


@pytest.fixture
def traced() -> Traced:
    return Traced()


@pytest.fixture
def make_traced():
    return Traced
