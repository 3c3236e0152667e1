"""
What the caller's thread hands over: one callback, with its time and a snapshot of its arguments.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from fanlight.context import ContextValues


class CallbackRecord(msgspec.Struct, frozen=True):
    """
    One callback as it was captured.

    Containers in `args` and `kwargs` are copies; leaves and message objects are the application's own.
    """

    callback: str
    """The method's name without `on_`: `chain_start`, `chat_model_start`, `interrupt`."""
    run_id: UUID | None
    """`None` for LangGraph's lifecycle events that name no run, and for feedback that names a trace alone."""
    parent_run_id: UUID | None
    time_unix_nano: int
    perf_ns: int
    """`time.perf_counter_ns()`; durations come from it, never from the wall clock."""
    args: tuple[Any, ...]
    """The positional arguments, in the order of langchain-core's signatures."""
    kwargs: dict[str, Any]
    """`tags`, `metadata`, `name`, `inputs`, `invocation_params`, `tool_call_id` and whatever else came along."""
    context: ContextValues | None = None
    """What `fanlight.context` said where the run started; on starts, and on feedback where that was given."""
    trace_id: str | None = None
    """The trace that begins or is joined here, on starts without a parent run; the one that feedback names."""
    traceparent: str | None = None
    """The caller's W3C position; on starts without a parent run only."""
    configurable: dict[str, Any] | None = None
    """LangGraph's `configurable` where the run started, as far as the configuration names its keys."""
    first_token_perf_ns: int | None = None
    """When the run's first non-empty token came; on ends of model runs only."""
    token_count: int = 0
    """How many non-empty token callbacks the run had."""
    size: int = 0
    """Estimated bytes of the snapshot; what the intake is bounded by."""
