"""Where each event goes: what routes decide holds for the run, what restrictions decide for the whole trace."""

from __future__ import annotations

from typing import Final

import msgspec

from fanlight.event import TelemetryEvent
from fanlight.routing.decision import Decision
from fanlight.routing.judge import Verdict, stands_alone
from fanlight.routing.pins import Remembered
from fanlight.routing.rules import Restriction
from fanlight.routing.table import Pin, RoutingTable, unmet
from fanlight.routing.traces import Trace

_OVER_SHARE: Final = 5


class _Run(msgspec.Struct, frozen=True, eq=False):
    pin: Pin
    trace: Trace


class Routing:
    """
    Decides about events in the order in which they happened. Not thread-safe, but for `swap`.

    What a run was decided at its start holds for all its events and for what starts below it; what a restriction
    was once found to forbid is forbidden for the rest of the trace. Both are remembered in bounded memory. Where
    a trace's memory was lost, everything that any lost trace was forbidden is forbidden to what still comes of it.

    Args:
        table: The routes and sinks.
        max_pins: How many open runs, and how many open traces, are remembered.
    """

    def __init__(self, table: RoutingTable, *, max_pins: int = 100_000) -> None:
        self._table = table
        over = max(1, max_pins // _OVER_SHARE)
        self._runs: Remembered[str, _Run] = Remembered(max_pins, over, self._forget_run)
        self._traces: Remembered[str, Trace] = Remembered(max_pins, over, self._forget)
        self._forgotten: frozenset[Restriction] = frozenset()
        self._out_of_reach: frozenset[Restriction] = frozenset()
        """What traces are forbidden that one of their forgotten runs no longer leads to."""
        self._any_lost = False

    @property
    def table(self) -> RoutingTable:
        """The table in use."""
        return self._table

    def swap(self, table: RoutingTable) -> None:
        """Use *table* from the next event on. Open runs keep their routes; its restrictions hold for them at once."""
        self._table = table

    def decide(self, event: TelemetryEvent) -> Decision:
        """Return where *event* goes. To be called once for each event."""
        table = self._table
        verdict = table.steady.judge(event)
        run, lacking = self._run(event, verdict, table)
        forbidden = verdict.restrictions | lacking
        passing = table.passing.judge(event)
        if passing.restrictions or passing.requires:
            known = run.pin.known | verdict.known | passing.known
            forbidden |= passing.restrictions | unmet(passing.requires, known)
        if run.pin.table is not table:
            passing = run.pin.table.passing.judge(event)
        decision = self._under(run, forbidden, passing, table)
        self._end(event, run.trace)
        return decision

    def _run(self, event: TelemetryEvent, verdict: Verdict, table: RoutingTable) -> tuple[_Run, frozenset[Restriction]]:
        """Return the run that *event* is part of, and what is forbidden for want of a required key."""
        run = self._runs.get(event.run_id)
        if stands_alone(event):
            return self._beside(event, run or self._above(event), verdict, table)
        return (run, frozenset()) if run is not None and not event.starts_run else self._begin(event, verdict, table)

    def _under(self, run: _Run, forbidden: frozenset[Restriction], passing: Verdict, table: RoutingTable) -> Decision:
        trace = run.trace
        if trace.lost:
            forbidden = self._forgotten = self._forgotten | forbidden
        closed = trace.restrict(forbidden, table)
        decision = table.decision(run.pin, passing, trace.restrictions, trace.closed)
        for target in decision.targets:
            trace.sent(target.sink)
        return msgspec.structs.replace(decision, closed=tuple(sorted(closed))) if closed else decision

    def _begin(
        self, event: TelemetryEvent, verdict: Verdict, table: RoutingTable
    ) -> tuple[_Run, frozenset[Restriction]]:
        above = self._above(event)
        pin, lacking = table.pin(above.pin if above else None, verdict)
        run = _Run(pin, self._trace(event, above, table))
        self._runs.put(event.run_id, run)
        self._traces.put(event.trace_id, run.trace)
        if not event.starts_run:
            self._runs.retire(event.run_id)
        return run, lacking

    def _beside(
        self, event: TelemetryEvent, about: _Run | None, verdict: Verdict, table: RoutingTable
    ) -> tuple[_Run, frozenset[Restriction]]:
        """Judge *event* as if it began below the run it is about: where that goes, and where its own keys send it."""
        pin, lacking = table.pin(about.pin if about else None, verdict)
        return _Run(pin, self._trace(event, about, table)), lacking

    def _above(self, event: TelemetryEvent) -> _Run | None:
        for run_id in (event.parent_run_id, event.root_run_id):
            if run_id is not None and run_id != event.run_id and (run := self._runs.get(run_id)) is not None:
                return run
        return None

    def _trace(self, event: TelemetryEvent, above: _Run | None, table: RoutingTable) -> Trace:
        known = self._traces.get(event.trace_id)
        if above is not None:
            trace = above.trace
            if known is not None and known is not trace:
                trace.restrict(known.restrictions, table)
        else:
            trace = known or self._unseen(event, table)
        return trace

    def _unseen(self, event: TelemetryEvent, table: RoutingTable) -> Trace:
        if stands_alone(event):
            # It comes long after its trace, which is then no more than forgotten: what it says itself is taken.
            lost = self._forgotten | self._out_of_reach
            answered = table.answered(event) if lost else frozenset()
            return Trace(frozenset(rule for rule in lost if rule.route not in answered), table.sinks)
        # A root may have a parent: one outside of what is captured. It still begins its trace.
        begins = event.starts_run and event.is_root
        return Trace() if begins else Trace(self._forgotten, table.sinks, lost=self._any_lost)

    def _end(self, event: TelemetryEvent, trace: Trace) -> None:
        if event.ends_run:
            self._runs.retire(event.run_id)
            if event.is_root:
                self._traces.retire(event.trace_id)
        elif stands_alone(event) and trace.restrictions and self._traces.get(event.trace_id) is None:
            # Of a trace that nobody knows only this is remembered: that it is closed.
            self._traces.put(event.trace_id, trace)
            self._traces.retire(event.trace_id)

    def _forget(self, trace: Trace) -> None:
        # Runs that are still remembered may hold it, and learn more.
        trace.lost = self._any_lost = True
        self._forgotten |= trace.restrictions

    def _forget_run(self, run: _Run) -> None:
        if not run.trace.restrictions <= self._out_of_reach:
            self._out_of_reach |= run.trace.restrictions
