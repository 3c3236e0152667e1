"""
The runs that are still under way, as trees; a tree is handed out when the run at its top ends.

The top is the first run that this sink was given, which is not always the root of the trace: a route may send only an
inner chain here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

import msgspec

from fanlight.event import Status, TelemetryEvent
from fanlight.sinks.console.facts import clean, explanation, facts, problem


class Run(msgspec.Struct, kw_only=True):
    """One run as it is shown."""

    run_id: str
    parent_run_id: str | None
    name: str
    kind: str
    started: int
    """Unix nanoseconds."""
    ended: bool = False
    status: Status | None = None
    duration_ms: float | None = None
    facts: tuple[str, ...] = ()
    problem: str = ""
    explanation: str = ""


class Tree(msgspec.Struct, kw_only=True):
    """The runs below one top, itself included."""

    top: TelemetryEvent
    """The first event of the topmost run; it says when, where and for whom."""
    touched: float
    """Monotonic seconds of the latest event."""
    runs: dict[str, Run] = {}
    priced: bool = False
    """Whether the cost of any run is known."""

    @property
    def complete(self) -> bool:
        """Whether the run at the top has ended."""
        return self.runs[self.top.run_id].ended

    def children(self) -> dict[str, list[Run]]:
        """Return for each run the runs directly below it, in the order in which they began."""
        below: dict[str, list[Run]] = {}
        for run in sorted(self.runs.values(), key=lambda run: run.started):
            if run.run_id != self.top.run_id and run.parent_run_id is not None:
                below.setdefault(run.parent_run_id, []).append(run)
        return below


class Forest:
    """
    Collects events into trees.

    What is held is bounded: beyond *max_runs* the oldest tree is handed out as it is, and so is one of which nothing
    was heard for *max_age* seconds.
    """

    def __init__(self, *, max_runs: int = 10_000, max_age: float = 600.0, content: bool = False) -> None:
        self._max_runs: Final = max_runs
        self._max_age: Final = max_age
        self._content: Final = content
        self._trees: OrderedDict[str, Tree] = OrderedDict()
        self._tree_of: dict[str, Tree] = {}

    def add(self, event: TelemetryEvent, now: float) -> Iterator[Tree]:
        """Take an event that begins or ends a run; give the trees that are to be printed now."""
        tree = self._tree_of.get(event.run_id) or self._plant(event, now)
        tree.touched = now
        run = tree.runs.setdefault(event.run_id, _begun(event))
        if event.ends_run:
            _end(run, event, content=self._content)
            tree.priced |= event.cost_usd is not None
        if tree.complete:
            yield self._fell(tree)
        while len(self._tree_of) > self._max_runs:
            yield self._fell(next(iter(self._trees.values())))

    def overdue(self, now: float) -> Iterator[Tree]:
        """Give the trees of which nothing was heard for too long."""
        for tree in [tree for tree in self._trees.values() if now - tree.touched > self._max_age]:
            yield self._fell(tree)

    def rest(self) -> Iterator[Tree]:
        """Give everything that is held."""
        for tree in list(self._trees.values()):
            yield self._fell(tree)

    def _plant(self, event: TelemetryEvent, now: float) -> Tree:
        tree = self._tree_of.get(event.parent_run_id or "")
        if tree is None:
            tree = self._trees[event.run_id] = Tree(top=event, touched=now)
        self._tree_of[event.run_id] = tree
        return tree

    def _fell(self, tree: Tree) -> Tree:
        del self._trees[tree.top.run_id]
        for run_id in tree.runs:
            del self._tree_of[run_id]
        return tree


def _begun(event: TelemetryEvent) -> Run:
    return Run(
        run_id=event.run_id,
        parent_run_id=event.parent_run_id,
        name=clean(event.name, 60),
        kind=event.run_type,
        started=event.start_time_unix_nano or event.time_unix_nano,
    )


def _end(run: Run, event: TelemetryEvent, *, content: bool) -> None:
    run.ended = True
    run.status = event.status
    run.duration_ms = event.duration_ms
    run.facts = facts(event, content=content)
    run.problem = problem(event)
    run.explanation = explanation(event)
