"""
Runs, and what the runs of one tree share.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fanlight.context import ContextValues
from fanlight.event import RunEvent, TelemetryEvent
from fanlight.normalize.links import Requests
from fanlight.normalize.rollup import Tally

MAX_RUN_EVENTS: Final = 128


class Tree:
    """What all runs below one root share."""

    __slots__ = ("open", "requests", "root_run_id", "tally", "trace_id")

    def __init__(self, root_run_id: str, trace_id: str) -> None:
        self.root_run_id = root_run_id
        self.trace_id = trace_id
        self.tally = Tally()
        self.requests = Requests()
        self.open: set[UUID] = set()


class Lineage:
    """What a run hands down to the runs below it. `tree` is `None` where nothing is captured."""

    __slots__ = ("context", "handed_down", "session_id", "tenant_id", "tree", "user_id")

    def __init__(
        self,
        tree: Tree | None,
        context: ContextValues | None = None,
        handed_down: dict[str, Any] | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        tenant_id: str | None = None,
    ) -> None:
        self.tree = tree
        self.context = context
        self.handed_down = handed_down or {}
        self.user_id = user_id
        self.session_id = session_id
        self.tenant_id = tenant_id


OFF: Final = Lineage(None)
"""The lineage of a run that is not captured, and of all below it."""


class Run:
    """One open run. Of its payload it keeps what the event that ends it repeats: the start event."""

    __slots__ = (
        "attempt", "events", "failures", "id", "interrupted_by", "lineage", "parent_id", "resumed", "sequence", "start",
        "started_perf_ns",
    )  # fmt: skip

    def __init__(
        self, run_id: UUID, parent_id: UUID | None, lineage: Lineage, start: TelemetryEvent, started_perf_ns: int
    ) -> None:
        self.id = run_id
        self.parent_id = parent_id
        self.lineage = lineage
        self.start = start
        self.started_perf_ns = started_perf_ns
        self.sequence = start.sequence
        self.attempt = start.attempt
        self.events: list[RunEvent] = []
        self.failures: set[tuple[int, int | None]] = set()
        """What tells the exceptions with which runs below failed."""
        self.interrupted_by: set[str | None] = set()
        """Threads of the runs directly below that were interrupted and not resumed since."""
        self.resumed = bool(start.links) and any(link.kind == "resumes" for link in start.links)

    def next_sequence(self) -> int:
        """Return the ordinal of the run's next event."""
        self.sequence += 1
        return self.sequence

    def remember(self, event: RunEvent) -> None:
        """Keep what happened inside the run for the event that ends it."""
        if len(self.events) < MAX_RUN_EVENTS:
            self.events.append(event)


class Past:
    """What is still known of a run that is no longer open."""

    __slots__ = ("ended", "lineage", "sequence")

    def __init__(self, lineage: Lineage, sequence: int = 0, *, ended: bool = False) -> None:
        self.lineage = lineage
        self.sequence = sequence
        self.ended = ended
        """Whether its end was seen; not so where it was given up, or never seen itself."""
