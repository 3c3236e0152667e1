"""
A lane over a scripted sink: real threads, a clock that the test owns, and every batch written down.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fanlight.clock import Clock
from fanlight.delivery.health import LaneHealth
from fanlight.delivery.lane import Lane
from fanlight.delivery.settings import LaneSettings
from fanlight.event import TelemetryEvent
from fanlight.hookspecs import DeliveryOutcome
from fanlight.journal.memory import MemoryJournal
from fanlight.ledger import SinkCounts, SinkLedger
from fanlight.sinks.base import Batch, Delivery, Sink, SinkConfig, SinkContext, SinkType
from fanlight.testing.clock import FakeClock, eventually


def event_of(event_id: str, trace_id: str = "0" * 32) -> TelemetryEvent:
    return TelemetryEvent(
        event_id=event_id,
        type="custom",
        run_id="r",
        root_run_id="r",
        trace_id=trace_id,
        span_id="0" * 16,
        name="n",
        time_unix_nano=1,
    )


class Script:
    """What a sink does at each call, and what it was given. Shared by all instances of one configured sink."""

    def __init__(self) -> None:
        self.on_open: Callable[[], None] = lambda: None
        self.on_deliver: Callable[[Batch], None] = lambda batch: None
        self.on_close: Callable[[], None] = lambda: None
        self.instances = 0
        self.opened = 0
        self.closed = 0
        self.batches: list[Batch] = []
        """Every batch that came, whatever became of it."""
        self.times: list[float] = []
        self.taken: list[str] = []
        """Event ids of the batches for which `deliver` returned."""
        self.clock: Clock | None = None

    def answers(self, *answers: BaseException | None) -> None:
        """Let the next calls raise *answers* in turn (`None` returns); after those the last one goes on."""
        queue = list(answers)

        def answer(batch: Batch) -> None:
            error = queue.pop(0) if len(queue) > 1 else queue[0]
            if error is not None:
                raise error

        self.on_deliver = answer

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


class ScriptedSink(Sink[SinkConfig]):
    def __init__(self, config: SinkConfig, script: Script) -> None:
        super().__init__(config)
        self.script = script
        script.instances += 1

    def open(self, context: SinkContext) -> None:
        super().open(context)
        self.script.opened += 1
        self.script.on_open()

    def deliver(self, batch: Batch) -> None:
        self.script.times.append(self.script.clock.monotonic())
        self.script.batches.append(batch)
        self.script.on_deliver(batch)
        self.script.taken.extend(event.event_id for event in batch)

    def close(self) -> None:
        self.script.closed += 1
        self.script.on_close()


class Rig:
    """One lane with all that belongs to it."""

    def __init__(
        self,
        clock: Clock,
        journal: MemoryJournal,
        name: str,
        *,
        random: Callable[[], float],
        wrappers: Any,
        outcome: Any,
        **settings: Any,
    ) -> None:
        self.clock, self.journal, self.name = clock, journal, name
        self.script = Script()
        self.script.clock = clock
        self.ledger = SinkLedger()
        self.outcomes: list[DeliveryOutcome] = []
        self.number = 0
        self.lane = Lane(
            name,
            sink_type=SinkType(
                name="scripted", config_model=SinkConfig, factory=lambda config: ScriptedSink(config, self.script)
            ),
            config=SinkConfig(),
            context=SinkContext(
                name=name,
                service_name="shop",
                environment="test",
                instance_id="i",
                logger=logging.getLogger(f"fanlight.sinks.{name}"),
            ),
            settings=LaneSettings(**settings),
            journal=journal,
            ledger=self.ledger,
            wrappers=wrappers,
            outcome=outcome or self.outcomes.append,
            clock=clock,
            random=random,
        )

    def append(self, count: int = 1, *, size: int = 1, trace_id: str = "0" * 32) -> list[str]:
        """Append *count* events and return their ids."""
        names = [f"{self.name}{self.number + offset}" for offset in range(count)]
        self.number += count
        self.journal.append([Delivery(event=event_of(one, trace_id), sink=self.name, size=size) for one in names])
        return names

    @property
    def counts(self) -> SinkCounts:
        counts = self.ledger.snapshot()
        assert counts.balanced
        return counts

    @property
    def health(self) -> LaneHealth:
        return self.lane.health()

    def settled(self) -> bool:
        return self.counts.pending == 0

    def settle(self, **how: Any) -> float:
        """Let time pass until nothing is pending; how much it was."""
        return self.clock.advance_until(self.settled, **how)

    def attempted(self, times: int) -> Callable[[], bool]:
        return lambda: len(self.script.batches) >= times

    def flush(self, seconds: float = 60.0) -> bool:
        return self.lane.flush(self.clock.monotonic() + seconds)

    def close(self, seconds: float = 0.0) -> None:
        self.lane.close(self.clock.monotonic() + seconds)


class Bench:
    """Makes rigs on one clock and one journal, and ends them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.journal = MemoryJournal(self.clock)
        self.rigs: list[Rig] = []
        self.released = threading.Event()
        """Set at the end of the test: what hangs, hangs on this."""

    def rig(
        self,
        name: str = "lake",
        *,
        clock: Clock | None = None,
        random: Callable[[], float] = lambda: 1.0,
        wrappers: Any = (),
        outcome: Any = None,
        **settings: Any,
    ) -> Rig:
        """Make a lane; without jitter, so that delays are the intervals themselves."""
        journal = self.journal if clock is None else MemoryJournal(clock)
        rig = Rig(clock or self.clock, journal, name, random=random, wrappers=wrappers, outcome=outcome, **settings)
        self.rigs.append(rig)
        return rig

    def hang(self, *_: Any) -> None:
        """Do not come back before the test is over."""
        self.released.wait(60)

    def end(self) -> None:
        self.released.set()
        for rig in self.rigs:
            rig.close()
        self.clock.advance(1e6)
        eventually(lambda: not lane_threads())


def lane_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("fanlight-")]


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Lanes on a fake clock. At the end all are closed, and every thread of theirs must be gone."""
    bench = Bench()
    yield bench
    bench.end()
