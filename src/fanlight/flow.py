"""
The way of one event between the intake and the journal: normalise, enrich, route, protect, accept.

A `Flow` belongs to the router thread and to one process; a forked child makes a new one.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
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

    @property
    def open_runs(self) -> int:
        """How many runs have started and not ended."""
        return self._normalizer.open_runs

    def feed(self, records: Sequence[CallbackRecord]) -> Tally:
        """Take *records* all the way to the journal."""
        tally = Tally()
        for record in records:
            try:
                events = self._normalizer.feed(record)
            except Exception as error:
                self._lost(tally, "normalize_failed", error)
                continue
            if not events:
                tally.dropped["bookkeeping"] += 1
            for event in events:
                self._send(event, tally)
        return tally

    def reap(self, now_perf_ns: int, now_unix_ns: int) -> Tally:
        """End the runs that never ended."""
        tally = Tally()
        try:
            for event in self._normalizer.reap(now_perf_ns, now_unix_ns):
                self._send(event, tally)
        except Exception as error:
            self._lost(tally, "normalize_failed", error)
        return tally

    def _send(self, event: TelemetryEvent, tally: Tally) -> None:
        enriched = self._processors.apply(event)
        if enriched is None:
            tally.dropped["processor_dropped"] += 1
            return
        try:
            decision = self._routing.decide(enriched)
        except Exception as error:
            self._lost(tally, "route_failed", error)
            return
        self._close(decision, enriched)
        if decision.targets:
            try:
                self._accept(self._floor.protect(enriched), decision)
            except Exception as error:
                self._lost(tally, "protect_failed", error)
                return
        self._count(decision, tally)

    def _close(self, decision: Decision, event: TelemetryEvent) -> None:
        # A restriction was learnt inside the trace: what waits for that sink must not leave either.
        for sink in decision.closed:
            self._journal.drop_pending(sink, "restricted", {event.trace_id})

    def _accept(self, event: TelemetryEvent, decision: Decision) -> None:
        now = self._clock.monotonic()
        stripped: TelemetryEvent | None = None
        deliveries = []
        for target in decision.targets:
            outlet = self._outlets[target.sink]
            if outlet.metadata_only:
                stripped = stripped or strip_content(event)
            chosen = self._for_outlet(stripped if outlet.metadata_only and stripped else event, outlet)
            if chosen is not None:
                deliveries.append(
                    Delivery(
                        event=chosen,
                        sink=target.sink,
                        routes=target.routes,
                        size=len(chosen.to_json()),
                        accepted_at=now,
                    )
                )
        if deliveries:
            self._journal.append(deliveries)

    def _for_outlet(self, event: TelemetryEvent, outlet: Outlet) -> TelemetryEvent | None:
        chosen = outlet.collapser.apply(event) if outlet.collapser else event
        if chosen is not None and consumed(outlet.sink_type.consumes, chosen):
            return chosen
        with outlet.ledger.lock:
            outlet.ledger.collapsed += 1
        return None

    def _count(self, decision: Decision, tally: Tally) -> None:
        if decision.outcome == "routed":
            tally.routed += 1
        elif decision.outcome == "unmatched":
            tally.unmatched += 1
        else:
            tally.dropped["restricted"] += 1

    def _lost(self, tally: Tally, reason: str, error: Exception) -> None:
        tally.dropped[reason] += 1
        # The error's text may quote what the application said; its type may not.
        _logger.debug("%s: %s", reason, type(error).__name__, stack_info=False)
