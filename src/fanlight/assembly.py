"""
The running parts of one router in one process: journal, lanes and flow, built from a plan.

Built on the router thread at the process's first event, so that the application does not wait for it, and built anew
in a forked child.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from random import random
from typing import Final

import msgspec

from fanlight.clock import Clock
from fanlight.delivery.lane import Lane
from fanlight.event import Process
from fanlight.flow import Flow, Outlet
from fanlight.journal.base import Journal
from fanlight.journal.memory import MemoryJournal
from fanlight.ledger import SinkLedger
from fanlight.normalize import Normalizer, NormalizerSettings
from fanlight.pipeline import Collapser, ProcessorChain, SecretsFloor
from fanlight.pipeline.prices import Pricing
from fanlight.plan import Plan, PlannedSink
from fanlight.plan.prices import make_pricing
from fanlight.routing import Routing
from fanlight.sinks.base import SinkContext

_digest_key: Final = secrets.token_bytes(32)
"""Keys the digests of cut fields: equal content is recognised within a process tree, and nobody can guess it."""


class Assembly(msgspec.Struct, frozen=True, kw_only=True):
    """A flow, the journal it appends to, and the lanes that read it."""

    flow: Flow
    journal: Journal
    lanes: tuple[Lane, ...]
    pricing: Pricing
    stopped: Callable[[], None]

    @classmethod
    def build(cls, plan: Plan, clock: Clock, after_open: Callable[[], None]) -> Assembly:
        """Make and wire the parts; lanes start their threads when the first event reaches them."""
        process = Process(host=socket.gethostname(), pid=os.getpid(), instance_id=secrets.token_hex(8))
        journal = MemoryJournal(clock)
        ledgers = {sink.name: SinkLedger() for sink in plan.sinks}
        lanes = tuple(_lane(plan, sink, journal, ledgers[sink.name], process, clock, after_open) for sink in plan.sinks)
        pricing = make_pricing(plan.config.cost, plan.registry)
        normalizer = Normalizer(_normalizer_settings(plan, process), pricing.price)
        flow = _flow(plan, normalizer, journal, ledgers, clock)
        plan.registry.call_started(tuple(sink.name for sink in plan.sinks))
        return cls(flow=flow, journal=journal, lanes=lanes, pricing=pricing, stopped=plan.registry.call_stopped)

    def prepare_exit(self) -> None:
        """Start the threads of every lane that has something to deliver."""
        for lane in self.lanes:
            if self.journal.depth(lane.name).events:
                lane.start()

    def flush(self, deadline: float) -> bool:
        """Wait until every lane has given its final word on what it had, or until *deadline*."""
        for lane in self.lanes:
            lane.flush(0.0)  # asks all of them first: the deadline is one for all
        reached = [lane.flush(deadline) for lane in self.lanes]  # a list: every lane is waited for
        return all(reached)

    def pending(self) -> dict[str, int]:
        """Return how many events wait, for each sink that has any."""
        depths = {lane.name: self.journal.depth(lane.name).events for lane in self.lanes}
        return {name: events for name, events in depths.items() if events}

    def close(self, deadline: float) -> None:
        """Close all lanes at once, each within *deadline* and its extension, then the journal."""
        for lane in self.lanes:
            lane.begin_close(deadline)
        for lane in self.lanes:
            lane.close(deadline)
        self.journal.close()
        self.stopped()


def _lane(
    plan: Plan,
    sink: PlannedSink,
    journal: Journal,
    ledger: SinkLedger,
    process: Process,
    clock: Clock,
    after_open: Callable[[], None],
) -> Lane:
    return Lane(
        sink.name,
        sink_type=sink.sink_type,
        config=sink.config,
        context=_context(plan, sink, process),
        settings=sink.settings,
        isolation=sink.isolation,
        journal=journal,
        ledger=ledger,
        wrappers=plan.registry.wrappers,
        outcome=plan.registry.call_delivery_outcome,
        after_open=after_open,
        clock=clock,
        random=random,
    )


def _context(plan: Plan, sink: PlannedSink, process: Process) -> SinkContext:
    return SinkContext(
        name=sink.name,
        service_name=plan.service.name,
        service_version=plan.service.version,
        environment=plan.environment,
        instance_id=process.instance_id,
        attributes=dict(plan.attributes),
        logger=logging.getLogger(f"fanlight.sinks.{sink.name}"),
    )


def _flow(
    plan: Plan, normalizer: Normalizer, journal: Journal, ledgers: Mapping[str, SinkLedger], clock: Clock
) -> Flow:
    return Flow(
        normalizer=normalizer,
        processors=ProcessorChain(plan.registry.processors),
        routing=Routing(plan.table),
        floor=SecretsFloor(plan.registry.detectors),
        outlets={sink.name: _outlet(sink, ledgers[sink.name]) for sink in plan.sinks},
        journal=journal,
        clock=clock,
    )


def _outlet(sink: PlannedSink, ledger: SinkLedger) -> Outlet:
    collapse = sink.collapse
    return Outlet(
        name=sink.name,
        sink_type=sink.sink_type,
        metadata_only=sink.content == "metadata",
        collapser=Collapser(collapse.hidden, collapse.types) if collapse.hidden or collapse.types else None,
        ledger=ledger,
    )


def _normalizer_settings(plan: Plan, process: Process) -> NormalizerSettings:
    capture = plan.capture
    return NormalizerSettings(
        environment=plan.environment,
        service_name=plan.service.name,
        service_version=plan.service.version,
        vcs_revision=plan.service.revision,
        attributes=dict(plan.attributes),
        process=process,
        max_field_bytes=capture.max_field_bytes,
        prompt_name_key=capture.prompt_name_key,
        prompt_version_key=capture.prompt_version_key,
        session_keys=capture.session_keys,
        user_keys=capture.user_keys,
        tenant_keys=capture.tenant_keys,
        configurable_keys=capture.configurable_keys,
        max_open_runs=capture.max_open_runs,
        run_ttl=capture.run_ttl,
        digest_key=_digest_key,
    )
