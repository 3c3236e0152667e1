"""
The way of one event between the intake and the journal: normalise, enrich, route, protect, accept.

A `Flow` belongs to the router thread and to one process; a forked child makes a new one.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from fanlight.capture.record import CallbackRecord
from fanlight.clock import Clock
from fanlight.event import TelemetryEvent
from fanlight.journal.base import Journal
from fanlight.ledger import SinkLedger
from fanlight.pipeline.collapse import Collapser
from fanlight.pipeline.content import strip_content
from fanlight.pipeline.floor import SecretsFloor
from fanlight.pipeline.processors import ProcessorChain
from fanlight.routing import Decision, Routing
from fanlight.sinks.base import Delivery, SinkType, consumed

_logger: Final = logging.getLogger("fanlight.router")


class Outlet(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between sinks before the journal."""

    name: str
    sink_type: SinkType
    metadata_only: bool
    collapser: Collapser | None
    ledger: SinkLedger


class Tally(msgspec.Struct, kw_only=True):
    """What became of one record, or of what fanlight made itself."""

    routed: int = 0
    unmatched: int = 0
    dropped: Counter[str] = msgspec.field(default_factory=Counter)


class Normalizing(Protocol):
    """What makes events of records."""

    def feed(self, record: CallbackRecord) -> Sequence[TelemetryEvent]:
        """Return the events that *record* became."""
        ...

    def reap(self, now_perf_ns: int, now_unix_ns: int) -> Sequence[TelemetryEvent]:
        """Return the ends of runs that never ended."""
        ...

    @property
    def open_runs(self) -> int:
        """How many runs are open."""
        ...


class Flow:
    """
    Takes records and hands deliveries to the journal. Whatever fails costs one event, counted, and nothing else.
    """

    def __init__(
        self,
        *,
        normalizer: Normalizing,
        processors: ProcessorChain,
        routing: Routing,
        floor: SecretsFloor,
        outlets: Mapping[str, Outlet],
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._normalizer = normalizer
        self._processors = processors
        self._routing = routing
        self._floor = floor
        self._outlets = outlets
        self._journal = journal
        self._clock = clock
        self._complained: set[tuple[str, str]] = set()

    @property
    def open_runs(self) -> int:
        """How many runs have started and not ended."""
        return self._normalizer.open_runs

    @property
    def failed_processors(self) -> dict[str, int]:
        """How often each processor of a plugin failed, and was passed over."""
        return dict(self._processors.failures)

    def feed(self, records: Sequence[CallbackRecord]) -> Tally:
        """Take *records* all the way to the journal."""
        tally = Tally()
        events: list[TelemetryEvent] = []
        for record in records:
            try:
                made = self._normalizer.feed(record)
            except BaseException as error:  # an exception's own `__str__` may raise anything; this thread goes on
                self._lost(tally, "normalize_failed", error)
                continue
            if not made:
                tally.dropped["bookkeeping"] += 1
            events += made
        self._send(events, tally)
        return tally

    def reap(self, now_perf_ns: int, now_unix_ns: int) -> Tally:
        """End the runs that never ended."""
        tally = Tally()
        try:
            events = self._normalizer.reap(now_perf_ns, now_unix_ns)
        except BaseException as error:
            self._lost(tally, "normalize_failed", error)
        else:
            self._send(events, tally)
        return tally

    def _send(self, events: Sequence[TelemetryEvent], tally: Tally) -> None:
        routed = [pair for event in events if (pair := self._routed(event, tally)) is not None]
        wanted = [event for event, decision in routed if decision.targets]
        try:
            protected = iter(self._floor.protect_all(wanted))
        except BaseException as error:
            self._lost(tally, "protect_failed", error, count=len(routed))
            for event, decision in routed:
                self._close(event, decision)
            return
        self._accept([(next(protected) if decision.targets else event, decision) for event, decision in routed], tally)

    def _routed(self, event: TelemetryEvent, tally: Tally) -> tuple[TelemetryEvent, Decision] | None:
        try:
            enriched = self._processors.apply(event)
            if enriched is not None:
                return enriched, self._routing.decide(enriched)
            tally.dropped["processor_dropped"] += 1
        except BaseException as error:
            self._lost(tally, "route_failed", error)
        return None

    def _accept(self, routed: Sequence[tuple[TelemetryEvent, Decision]], tally: Tally) -> None:
        now = self._clock.monotonic()
        waiting: list[Delivery] = []
        for event, decision in routed:
            if decision.closed:
                self._journal.append(waiting)
                waiting = []
                self._close(event, decision)
            try:
                waiting += list(self._deliveries(event, decision, now))  # all of its sinks, or none
            except BaseException as error:
                self._lost(tally, "encode_failed", error)
            else:
                _count(decision, tally)
        self._journal.append(waiting)

    def _close(self, event: TelemetryEvent, decision: Decision) -> None:
        # A restriction was learnt inside the trace: what waits for that sink must not leave either.
        for sink in decision.closed:
            self._journal.drop_pending(sink, "restricted", {event.trace_id})

    def _deliveries(self, event: TelemetryEvent, decision: Decision, now: float) -> Iterator[Delivery]:
        stripped: TelemetryEvent | None = None
        for target in decision.targets:
            outlet = self._outlets[target.sink]
            if outlet.metadata_only:
                stripped = stripped or strip_content(event)
            chosen = _for_outlet(stripped if outlet.metadata_only and stripped else event, outlet)
            if chosen is not None:
                size = len(chosen.to_json())
                yield Delivery(event=chosen, sink=target.sink, routes=target.routes, size=size, accepted_at=now)

    def _lost(self, tally: Tally, reason: str, error: BaseException, *, count: int = 1) -> None:
        tally.dropped[reason] += count
        # The error's text may quote what the application said; where it was raised may not.
        place = place_of(error)
        if (reason, place) not in self._complained:
            self._complained.add((reason, place))
            _logger.warning("an event was lost, counted as %s: %s at %s", reason, type(error).__name__, place)


def _for_outlet(event: TelemetryEvent, outlet: Outlet) -> TelemetryEvent | None:
    chosen = outlet.collapser.apply(event) if outlet.collapser else event
    if chosen is not None and consumed(outlet.sink_type.consumes, chosen):
        return chosen
    with outlet.ledger.lock:
        outlet.ledger.collapsed += 1
    return None


def _count(decision: Decision, tally: Tally) -> None:
    if decision.outcome == "routed":
        tally.routed += 1
    elif decision.outcome == "unmatched":
        tally.unmatched += 1
    else:
        tally.dropped["restricted"] += 1


def place_of(error: BaseException) -> str:
    """Return file and line where *error* was raised: what can be told of it without quoting anybody."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
