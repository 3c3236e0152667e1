"""
Which trace an open run belongs to, so that code inside a run can say where it is (`fanlight.inject`).
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from langchain_core.runnables.config import var_child_runnable_config

from fanlight.carrier import register_run_positions
from fanlight.context import ContextValues
from fanlight.tracecontext import otel_traceparent, parse_traceparent, span_id_of

MAX_OPEN_RUNS: Final = 100_000
_SAMPLED: Final = 1
"""The flags of a trace that begins here. One that is joined keeps its caller's, which may have decided against it."""


class Traces:
    """Trace id and flags of every open run, from its root's start; the oldest is forgotten beyond a bound."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[str, int]] = {}
        register_run_positions(self)

    def start_root(self, run_id: UUID, context: ContextValues | None) -> tuple[str, str | None]:
        """Return the trace id for a root that starts here, and the caller's W3C position where there is one."""
        traceparent = (context.traceparent if context else None) or otel_traceparent()
        joined = parse_traceparent(traceparent) if traceparent else None
        trace_id = joined[0] if joined else run_id.hex
        if context is not None and context.trace is not None:
            trace_id = context.trace.take(trace_id) if not joined else context.trace.join(trace_id)
        self._remember(run_id, (trace_id, joined[2] if joined else _SAMPLED))
        return trace_id, traceparent if joined else None

    def start_child(self, run_id: UUID, parent_run_id: UUID) -> None:
        """Note that a run belongs to its parent's trace."""
        trace = self._of.get(parent_run_id.int)
        if trace is not None:
            self._remember(run_id, trace)

    def end(self, run_id: UUID) -> None:
        """Forget a run."""
        self._of.pop(run_id.int, None)

    def _remember(self, run_id: UUID, trace: tuple[str, int]) -> None:
        if len(self._of) >= MAX_OPEN_RUNS:
            self._of.pop(next(iter(self._of)), None)
        self._of[run_id.int] = trace

    def current_traceparent(self) -> str | None:
        """Return the W3C position of the run that this code is called from, if it is one of ours."""
        run_id = _current_run_id()
        trace = self._of.get(run_id.int) if run_id is not None else None
        return f"00-{trace[0]}-{span_id_of(run_id)}-{trace[1]:02x}" if trace and run_id else None


def _current_run_id() -> UUID | None:
    config = var_child_runnable_config.get()
    manager: Any = config.get("callbacks") if config else None
    run_id = getattr(manager, "parent_run_id", None)
    return run_id if isinstance(run_id, UUID) else None
