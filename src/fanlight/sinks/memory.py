"""`type: memory`: the newest events, kept in this process for tests, notebooks and a look from a debugger."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final

from pydantic import Field

from fanlight.event import TelemetryEvent
from fanlight.sinks.base import Batch, Sink, SinkConfig, SinkContext, SinkType


class MemoryStore:
    """Holds the newest events of a memory sink. Safe to read while events arrive; what is read is a copy."""

    def __init__(self, max_events: int = 10_000) -> None:
        self._lock = threading.Lock()
        self._events: deque[TelemetryEvent] = deque(maxlen=max_events)

    @property
    def events(self) -> tuple[TelemetryEvent, ...]:
        """Every event that is kept, oldest first."""
        with self._lock:
            return tuple(self._events)

    @property
    def runs(self) -> tuple[TelemetryEvent, ...]:
        """The events that ended a run, oldest first: children before their parents."""
        return tuple(event for event in self.events if event.ends_run)

    def clear(self) -> None:
        """Forget all events."""
        with self._lock:
            self._events.clear()

    def add(self, batch: Batch) -> None:
        """Keep the batch's events; the oldest make room where there is none."""
        with self._lock:
            self._events.extend(batch.events)

    def limit(self, max_events: int) -> None:
        """Keep no more than the newest *max_events* from now on."""
        with self._lock:
            if self._events.maxlen != max_events:
                self._events = deque(self._events, maxlen=max_events)

    def reset_lock(self) -> None:
        """Take a new lock: a fork may have caught the old one held."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._events)


_stores: Final[dict[str, MemoryStore]] = {}
_stores_lock = threading.Lock()


def store(name: str) -> MemoryStore:
    """
    Return the store of the memory sink called *name*, in this process.

    It may be asked for before the sink has begun work, and keeps its events after the router was closed. A sink that
    says `store: other` writes to the store of that name instead of its own.
    """
    with _stores_lock:
        return _stores.setdefault(name, MemoryStore())


def _in_child() -> None:
    """Give a forked child locks that nobody holds."""
    global _stores_lock  # noqa: PLW0603
    _stores_lock = threading.Lock()
    for kept in _stores.values():
        kept.reset_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


class MemoryConfig(SinkConfig):
    """Settings of a memory sink."""

    max_events: int = Field(default=10_000, ge=1)
    """How many events are kept; the oldest make room."""
    store: str | None = Field(default=None, min_length=1)
    """The name under which `fanlight.sinks.memory.store(name)` gives them out; the sink's own name."""


class MemorySink(Sink[MemoryConfig]):
    """Keeps the newest events. A sink that is made anew, after a hang or a reload, goes on with the same store."""

    def open(self, context: SinkContext) -> None:
        """Find the store."""
        super().open(context)
        self._store = store(self.config.store or context.name)
        self._store.limit(self.config.max_events)

    def deliver(self, batch: Batch) -> None:
        """Keep the batch."""
        self._store.add(batch)


SINK_TYPE: Final = SinkType(
    name="memory",
    config_model=MemoryConfig,
    factory=MemorySink,
    delivered_means="The event is in this process's memory.",
    network=False,
)
