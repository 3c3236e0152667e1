"""
What the router thread costs per event, stage by stage, on the rag workload: `python tests/bench/stages.py`.

Records are captured from real runs once. Each stage then takes all of them, in pieces as the router thread does, with
fresh parts in every round; the figures are medians over the rounds, in CPU µs per event, without garbage collection.
"""

from __future__ import annotations

import gc
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from overhead_load import workloads

from fanlight.assembly import _flow
from fanlight.capture.capture import Capture
from fanlight.capture.handler import make_handler
from fanlight.capture.intake import Intake
from fanlight.capture.record import CallbackRecord
from fanlight.clock import SYSTEM_CLOCK
from fanlight.event import Process, TelemetryEvent
from fanlight.journal.base import Bounds
from fanlight.journal.memory import MemoryJournal
from fanlight.ledger import SinkLedger
from fanlight.plan import Plan, load_plan
from fanlight.sinks.base import Batch, Delivery, Sink, SinkContext

PIECE, BATCH, INVOKES, ROUNDS = 64, 200, 200, 15
SINKS = ("memory", "file")
Costs = dict[str, float]


def make_plan(directory: str) -> Plan:
    """A sink in memory and a file, one route to both."""
    path = str(Path(directory) / "events.jsonl")
    return load_plan(
        {
            "version": 1,
            "service": "bench",
            "environments": ["bench"],
            "environment": "bench",
            "sinks": {"memory": {"type": "memory"}, "file": {"type": "jsonl", "path": path}},
            "routes": [{"to": list(SINKS)}],
        }
    )


def captured(intake: Intake) -> list[CallbackRecord]:
    """Let real runs fill *intake*, and return what they left."""
    config = {"callbacks": [make_handler(Capture(intake))]}
    workloads()["rag"].run(config, INVOKES)
    return intake.take(10**9)


class Stopwatch:
    """CPU µs per event of one round's stages."""

    def __init__(self, events: int) -> None:
        self._events = events
        self.costs: Costs = {}

    def time(self, stage: str, work: Callable[[], Any]) -> Any:
        """Do *work* and note what it cost."""
        began = time.thread_time()
        result = work()
        self.costs[stage] = (time.thread_time() - began) / self._events * 1e6
        return result


def one_round(plan: Plan, intake: Intake, records: list[CallbackRecord]) -> Costs:
    """Send *records* through fresh parts, one stage after the other."""
    flow, journal = _parts(plan)
    for record in records:
        intake.append(record)

    watch = Stopwatch(len(records))
    watch.time("take", lambda: _drained(intake))
    made: list[list[TelemetryEvent]] = watch.time(
        "normalise", lambda: [[e for r in piece for e in flow._normalizer.feed(r)] for piece in _pieces(records)]
    )
    watch.time("process", lambda: [flow._processors.apply(event) for piece in made for event in piece])
    decisions = watch.time("route", lambda: [[flow._routing.decide(event) for event in piece] for piece in made])
    watch.time("encode", lambda: [event.to_json() for piece in made for event in piece])
    safe = watch.time("protect (encoded before)", lambda: [flow._floor.protect_all(piece) for piece in made])
    pairs = [list(zip(*both, strict=True)) for both in zip(safe, decisions, strict=True)]
    deliveries: list[list[Delivery]] = watch.time(
        "deliveries", lambda: [[d for e, decision in p for d in flow._deliveries(e, decision, 0.0)] for p in pairs]
    )
    watch.time("append", lambda: [journal.append(piece) for piece in deliveries])
    for planned in plan.sinks:
        sink: Sink[Any] = planned.sink_type.factory(planned.config)
        sink.open(_context(plan, planned.name))
        batches = watch.time(f"lane {planned.name}: lease, ack", lambda name=planned.name: _leased(journal, name))
        watch.time(
            f"lane {planned.name}: deliver", lambda sink=sink, batches=batches: [sink.deliver(b) for b in batches]
        )
        sink.close()
    return watch.costs


def _parts(plan: Plan) -> tuple[Any, MemoryJournal]:
    journal = MemoryJournal(SYSTEM_CLOCK)
    ledgers = {name: SinkLedger() for name in SINKS}
    for name in SINKS:
        journal.open_sink(name, Bounds(max_events=10**9, max_bytes=10**12), ledgers[name], lambda: None)
    process = Process(host="bench", pid=1, instance_id="bench")
    return _flow(plan, journal, ledgers, process, SYSTEM_CLOCK), journal


def _pieces(records: list[CallbackRecord]) -> Iterator[list[CallbackRecord]]:
    return (records[at : at + PIECE] for at in range(0, len(records), PIECE))


def _drained(intake: Intake) -> None:
    while taken := intake.take(PIECE):
        intake.settle(records=len(taken), routed=len(taken))


def _leased(journal: MemoryJournal, sink: str) -> list[Batch]:
    batches = []
    while lease := journal.lease(sink, max_events=BATCH, max_bytes=2 << 20):
        batches.append(Batch(id=lease.id, sink=sink, deliveries=lease.deliveries, deadline=time.monotonic() + 60))
        journal.ack(sink, lease)
    return batches


def _context(plan: Plan, name: str) -> SinkContext:
    return SinkContext(
        name=name,
        service_name="bench",
        service_version=None,
        environment=plan.environment,
        instance_id="bench",
        attributes={},
        logger=logging.getLogger("fanlight.sinks"),
    )


def whole(plan: Plan, records: list[CallbackRecord]) -> float:
    """CPU µs per event of the router thread's way in one go, from normaliser to journal."""
    flow, _ = _parts(plan)
    watch = Stopwatch(len(records))
    watch.time("whole", lambda: [flow.feed(piece) for piece in _pieces(records)])
    return watch.costs["whole"]


def main() -> None:
    gc.disable()
    intake = Intake(max_events=10**9, max_bytes=10**12)
    records = captured(intake)
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as directory:
        plan = make_plan(directory)
        rounds = [one_round(plan, intake, records) for _ in range(ROUNDS)]
        flow = median(whole(plan, records) for _ in range(ROUNDS))
    print(f"{len(records)} events, pieces of {PIECE}, batches of {BATCH}; CPU µs per event")
    for stage in rounds[0]:
        print(f"{stage:28} {median(costs[stage] for costs in rounds):6.2f}")
    print(f"{'router thread, in one go':28} {flow:6.2f}")


if __name__ == "__main__":
    main()
