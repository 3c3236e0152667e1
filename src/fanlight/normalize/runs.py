"""
The runs that are open, what they belong to, and what becomes of those that never end.

Some runs never end: LangChain fires nothing for a cancelled async retriever, and a killed thread fires nothing at all.
So the table is bounded three ways: a run is given up as `abandoned` after `ttl`; the oldest is when there are too
many; and what is still open below a root is given up `grace` after the root ended. The grace is there because ends may
come late by right: generators are closed by the garbage collector, background tasks outlive the request that began
them, and callbacks of two threads are not ordered.

Runs that ended are remembered by id for a while, so that what comes late still finds its trace.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import islice, takewhile
from typing import Final
from uuid import UUID

from fanlight.normalize.tree import OFF, Lineage, Past, Run, Tree

_MAX_PAST: Final = 10_000


class RunTable:
    """
    The open runs by id, oldest first.

    Args:
        max_open: Runs it holds; `crowded_out` gives up the oldest beyond that.
        ttl: Seconds after which an open run is given up.
        grace: Seconds after a root's end at which the open runs below it are given up.
    """

    def __init__(self, *, max_open: int, ttl: float, grace: float) -> None:
        self._max_open = max_open
        self._ttl_ns = int(ttl * 1e9)
        self._grace_ns = int(grace * 1e9)
        self._open: OrderedDict[UUID, Run] = OrderedDict()
        self._off: OrderedDict[UUID, int] = OrderedDict()
        self._past: OrderedDict[UUID, Past] = OrderedDict()
        self._ended_roots: deque[tuple[int, Tree]] = deque()
        self._root_of: OrderedDict[str, UUID] = OrderedDict()
        """The latest root of each trace that is not named after its root."""

    def __len__(self) -> int:
        return len(self._open)

    def open(self, run: Run) -> None:
        """Add a run that started."""
        self._open[run.id] = run
        if run.lineage.tree is not None:
            run.lineage.tree.open.add(run.id)
        if run.start.is_root and run.start.trace_id != run.id.hex:
            self._root_of[run.start.trace_id] = run.id
            if len(self._root_of) > _MAX_PAST:
                self._root_of.popitem(last=False)

    def open_off(self, run_id: UUID, perf_ns: int) -> None:
        """Add a run that is not captured, so that those below it are not either."""
        self._off[run_id] = perf_ns
        if len(self._off) > self._max_open:
            self._off.popitem(last=False)

    def get(self, run_id: UUID | None) -> Run | None:
        """Return the open run, if it is one that is captured."""
        return self._open.get(run_id) if run_id is not None else None

    def lineage(self, run_id: UUID | None) -> Lineage | None:
        """Return the lineage of a run that is open or ended not long ago."""
        if run_id is None:
            return None
        if (run := self._open.get(run_id)) is not None:
            return run.lineage
        if run_id in self._off:
            return OFF
        past = self._past.get(run_id)
        return past.lineage if past else None

    def root_of(self, trace_id: str) -> UUID:
        """Return the latest root of a trace; of one that is not known, the root whose own trace it would be."""
        return self._root_of.get(trace_id) or UUID(hex=trace_id)

    def next_sequence(self, run_id: UUID) -> int:
        """Return the ordinal of the first event of a run that is not open: 0, unless it was known before."""
        past = self._past.get(run_id)
        return past.sequence + 1 if past is not None else 0

    def has_ended(self, run_id: UUID) -> bool:
        """Whether the run's end has been seen already."""
        past = self._past.get(run_id)
        return past is not None and past.ended

    def past(self, run_id: UUID, lineage: Lineage) -> Past:
        """Return what is known of a run that is not open; from now on its *lineage*, where that is nothing."""
        if run_id not in self._past:
            self._remember(run_id, Past(lineage))
        return self._past[run_id]

    def close(self, run: Run, perf_ns: int, *, seen: bool = True) -> None:
        """Remove a run; *seen* is false where its end never came."""
        self._open.pop(run.id, None)
        self._remember(run.id, Past(run.lineage, run.sequence, ended=seen))
        tree = run.lineage.tree
        if tree is not None:
            tree.open.discard(run.id)
            if tree.open and run.start.is_root:
                self._ended_roots.append((perf_ns, tree))

    def close_off(self, run_id: UUID) -> bool:
        """Remove a run that is not captured; whether there was one."""
        if not self._off or self._off.pop(run_id, None) is None:
            return False
        self._remember(run_id, Past(OFF, ended=True))
        return True

    def crowded_out(self) -> list[Run]:
        """Return the oldest runs beyond the bound."""
        excess = len(self._open) - self._max_open
        return list(islice(self._open.values(), excess)) if excess > 0 else []

    def overdue(self, perf_ns: int) -> list[Run]:
        """Return the open runs that have been waited for long enough, the youngest first: children before parents."""
        limit = perf_ns - self._ttl_ns
        while self._off and next(iter(self._off.values())) <= limit:
            self._off.popitem(last=False)
        runs = {run.id: run for run in takewhile(lambda run: run.started_perf_ns <= limit, self._open.values())}
        while self._ended_roots and self._ended_roots[0][0] + self._grace_ns <= perf_ns:
            _, tree = self._ended_roots.popleft()
            runs |= {run_id: self._open[run_id] for run_id in tree.open if run_id in self._open}
        return sorted(runs.values(), key=lambda run: -run.started_perf_ns)

    def _remember(self, run_id: UUID, past: Past) -> None:
        self._past[run_id] = past
        if len(self._past) > _MAX_PAST:
            self._past.popitem(last=False)
