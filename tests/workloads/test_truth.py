"""What every workload did is what fanlight says, whatever the way of attaching: the scripts are the measure."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from fanlight.demo.workloads import COST, WORKLOADS, Workload
from fanlight.event import TelemetryEvent
from fanlight.pipeline.prices.tokens import is_charged
from fanlight.testing import capture

EVERYTHING: dict[str, Any] = {
    "version": 1,
    "service": "workloads",
    "environments": ["test"],
    "environment": "test",
    "cost": COST,
    "sinks": {"all": {"type": "memory"}},
    "routes": [{"name": "all", "match": {}, "to": ["all"]}],
}


def events_of(workload: Workload, *, handler: bool) -> tuple[TelemetryEvent, ...]:
    with capture(EVERYTHING) as captured:
        workload(RunnableConfig(callbacks=[captured.handler]) if handler else RunnableConfig())
        events = captured.sinks["all"].events
        health = captured.router.health()
        assert (health.balanced, health.open_runs) == (True, 0)
        return events


@pytest.mark.parametrize("handler", [True, False], ids=["handler", "hook"])
@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_events_tell_what_the_script_did(workload: Workload, *, handler: bool) -> None:
    """Statuses of the roots, calls, retrievals, tokens and cache hits: on the runs, and once more in the roll-ups."""
    truth = workload.truth
    ends = [event for event in events_of(workload, handler=handler) if event.ends_run]
    roots = sorted((event for event in ends if event.is_root), key=lambda event: event.start_time_unix_nano or 0)
    kinds = Counter(event.run_type for event in ends)
    assert [root.status for root in roots] == list(truth.roots)
    assert (kinds["llm"], kinds["tool"], kinds["retriever"]) == (truth.llm_calls, truth.tool_calls, truth.retrievals)
    wanted = {
        "input_tokens": truth.input_tokens,
        "output_tokens": truth.output_tokens,
        "cache_read_tokens": truth.cache_read_tokens,
        "reasoning_tokens": truth.reasoning_tokens,
    }
    assert {name: sum(getattr(event, name) or 0 for event in ends) for name in wanted} == wanted
    assert sum(event.from_cache for event in ends) == truth.from_cache
    for root in roots:
        # Not the whole tree: a closed stream's root ends before the model below it does.
        before = [event for event in ends[: ends.index(root)] if event.root_run_id == root.run_id] + [root]
        assert root.rollup is not None
        assert {name: getattr(root.rollup, name) for name in wanted} == {
            name: sum(getattr(event, name) or 0 for event in before) for name in wanted
        }
    rollups = [root.rollup for root in roots if root.rollup is not None]
    assert sum(rollup.llm_calls for rollup in rollups) == truth.llm_calls
    assert sum(rollup.runs for rollup in rollups) == len(ends)


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_calls_cost_what_was_worked_out_by_hand(workload: Workload) -> None:
    """Each workload costs its truth to the last digit, each root what its calls did, and the unknown are counted."""
    ends = [event for event in events_of(workload, handler=True) if event.ends_run]
    assert cost_of(ends) == (workload.truth.cost_usd, workload.truth.cost_unknown)
    assert {event.price_source for event in ends if event.cost_usd is not None} <= {"override", "cache"}
    for index, root in enumerate(ends):
        if root.rollup is not None:
            before = [event for event in ends[: index + 1] if event.root_run_id == root.run_id]
            known = None if root.rollup.cost_usd is None else Decimal(repr(root.rollup.cost_usd))
            assert (known, root.rollup.cost_unknown) == cost_of(before)


def cost_of(ends: list[TelemetryEvent]) -> tuple[Decimal | None, int]:
    """What is known of the cost of *ends*, added as it is written, and how many of them have none that is known."""
    known = [Decimal(repr(event.cost_usd)) for event in ends if event.cost_usd is not None]
    unknown = sum(event.cost_usd is None and is_charged(event) for event in ends)
    return sum(known) if known else None, unknown


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_every_run_starts_once_and_ends_once(workload: Workload) -> None:
    """Each run has one start and one end, every parent is a run of the same trace, and no event comes twice."""
    events = events_of(workload, handler=True)
    starts = Counter(event.run_id for event in events if event.starts_run)
    ends = Counter(event.run_id for event in events if event.ends_run)
    assert starts == ends
    assert set(starts.values()) == {1}
    assert len({event.event_id for event in events}) == len(events)
    by_run = {event.run_id: event for event in events if event.ends_run}
    for event in by_run.values():
        if event.parent_run_id is not None:
            parent = by_run[event.parent_run_id]
            assert (parent.trace_id, parent.span_id) == (event.trace_id, event.parent_span_id)
