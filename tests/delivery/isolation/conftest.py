"""
Sinks in processes of their own: real processes, real time, and what they wrote down.
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fanlight.clock import SYSTEM_CLOCK
from fanlight.delivery.lane import Lane
from fanlight.delivery.process import RemoteSink
from fanlight.delivery.settings import LaneSettings
from fanlight.hookspecs import DeliveryOutcome
from fanlight.journal.memory import MemoryJournal
from fanlight.ledger import SinkCounts, SinkLedger
from fanlight.sinks.base import Delivery, SinkContext
from fanlight.testing import make_context, make_event
from fanlight.testing.clock import eventually

IMPORTABLE = Path(__file__).parent / "importable"


class Notes:
    """What an acting sink wrote down."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, *calls: str) -> list[dict[str, Any]]:
        """Return the notes of *calls*, all without any."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [note for note in map(json.loads, lines) if not calls or note["call"] in calls]

    @property
    def pids(self) -> list[int]:
        """The processes in which the sink was opened."""
        return [note["pid"] for note in self("open")]


class ProcessRig:
    """One lane over an acting sink in a process of its own."""

    def __init__(
        self, actors: ModuleType, notes: Notes, *, settings: dict[str, Any], wrappers: Any = (), **config: Any
    ) -> None:
        self.journal, self.ledger = MemoryJournal(SYSTEM_CLOCK), SinkLedger()
        self.outcomes: list[DeliveryOutcome] = []
        self.notes = notes
        self.lane = Lane(
            "lake",
            sink_type=actors.ACTOR,
            config=actors.ActorConfig(log=notes.path, **config),
            context=make_context("lake"),
            settings=LaneSettings(**{"batch_linger": 0.0, "retry_initial": 0.01, **settings}),
            isolation="process",
            journal=self.journal,
            ledger=self.ledger,
            wrappers=wrappers,
            outcome=self.outcomes.append,
            clock=SYSTEM_CLOCK,
            random=random.random,
        )

    def append(self, *names: str) -> None:
        events = [make_event("custom", name=name) for name in names]
        self.journal.append([Delivery(event=event, sink="lake", size=1) for event in events])

    @property
    def counts(self) -> SinkCounts:
        counts = self.ledger.snapshot()
        assert counts.balanced
        return counts

    @property
    def results(self) -> list[str]:
        return [outcome.result for outcome in self.outcomes]

    def flush(self) -> bool:
        return self.lane.flush(time.monotonic() + 60.0)

    def close(self, seconds: float = 30.0) -> None:
        self.lane.close(time.monotonic() + seconds)


@pytest.fixture
def actors(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of acting sinks, importable here as in any process that shares this one's `sys.path`."""
    monkeypatch.syspath_prepend(str(IMPORTABLE))
    import acting_sinks

    return acting_sinks


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    """Tells whether there is such a process, be it one that nobody has waited for."""

    def is_alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return is_alive


@pytest.fixture
def notes(tmp_path: Path, is_alive: Callable[[int], bool]) -> Iterator[Notes]:
    """What the sinks of this test write down; at its end none of their processes is there any more."""
    notes = Notes(tmp_path / "notes.jsonl")
    yield notes
    eventually(lambda: not any(map(is_alive, notes.pids)))


@pytest.fixture
def rig(actors: ModuleType, notes: Notes) -> Iterator[Any]:
    """Makes a lane: `rig(timeout=…)`, with the sink's own settings as `config`."""
    made: list[ProcessRig] = []

    def make(config: dict[str, Any] | None = None, *, wrappers: Any = (), **settings: Any) -> ProcessRig:
        made.append(ProcessRig(actors, notes, settings=settings, wrappers=wrappers, **(config or {})))
        return made[-1]

    yield make
    for one in made:
        one.close(0.0)


@pytest.fixture
def remote(actors: ModuleType, notes: Notes) -> Iterator[Any]:
    """Opens a sink in a process of its own: `remote(key=…)` returns what stands for it here."""
    opened: list[RemoteSink] = []

    def make(context: SinkContext | None = None, **config: Any) -> RemoteSink:
        sink = RemoteSink(actors.ACTOR, actors.ActorConfig(log=notes.path, **config))
        opened.append(sink)
        sink.open(context or make_context("lake"))
        return sink

    yield make
    for sink in opened:
        sink.kill()
        if sink.pid is not None:
            with pytest.raises(Exception, match="its process was ended by SIGKILL"):
                sink.close()


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Captured log lines of every level."""
    caplog.set_level(logging.DEBUG)
    return caplog
