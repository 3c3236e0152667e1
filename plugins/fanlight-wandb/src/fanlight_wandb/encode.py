"""
Events as rows of the tables: one row for each finished run, one for each piece of feedback.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from fanlight import TelemetryEvent
from fanlight_wandb.text import error_of, output_of, prompt_of, text_of, tool_calls_of

Column: TypeAlias = tuple[type[str | float], Callable[[TelemetryEvent], Any]]

TRACES: Final = "traces"
FEEDBACK: Final = "feedback"
_NANO: Final = 1e9


def _field(name: str, kind: type[str | float] = str) -> Column:
    return kind, lambda event: getattr(event, name)


def _said(name: str, kind: type[str | float] = str) -> Column:
    return kind, lambda event: getattr(event.feedback, name)


def timestamp_of(event: TelemetryEvent) -> float:
    """Return when the event happened, in seconds since 1970."""
    return event.time_unix_nano / _NANO


def _start(event: TelemetryEvent) -> str:
    return _iso(event.time_unix_nano if event.start_time_unix_nano is None else event.start_time_unix_nano)


def _iso(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / _NANO, UTC).isoformat(timespec="milliseconds")


_WHOSE: Final[dict[str, Column]] = {
    "user_id": _field("user_id"),
    "session_id": _field("session_id"),
    "tenant_id": _field("tenant_id"),
    "prompt_name": _field("prompt_name"),
    "prompt_version": _field("prompt_version"),
    "tags": (str, lambda event: ", ".join(event.tags) or None),
    "metadata": (str, lambda event: text_of(event.metadata or None)),
}

COLUMNS: Final[dict[str, dict[str, Column]]] = {
    TRACES: {
        "event_id": _field("event_id"),
        "trace_id": _field("trace_id"),
        "span_id": _field("span_id"),
        "parent_span_id": _field("parent_span_id"),
        "run_id": _field("run_id"),
        "root_run_id": _field("root_run_id"),
        "name": _field("name"),
        "type": _field("run_type"),
        "status": _field("status"),
        "start": (str, _start),
        "duration_ms": _field("duration_ms", float),
        "time_to_first_token_ms": _field("time_to_first_token_ms", float),
        "model": (str, lambda event: event.response_model or event.request_model),
        "provider": _field("provider"),
        "input_tokens": _field("input_tokens", float),
        "output_tokens": _field("output_tokens", float),
        "total_tokens": _field("total_tokens", float),
        "cost_usd": _field("cost_usd", float),
        "prompt": (str, prompt_of),
        "output": (str, output_of),
        "tool_calls": (str, tool_calls_of),
        "error": (str, error_of),
        **_WHOSE,
    },
    FEEDBACK: {
        "event_id": _field("event_id"),
        "trace_id": _field("trace_id"),
        "span_id": _field("span_id"),
        "run_id": _field("run_id"),
        "time": (str, lambda event: _iso(event.time_unix_nano)),
        "feedback": _said("name"),
        "score": _said("score", float),
        "label": _said("label"),
        "explanation": _said("explanation"),
        "source": _said("source"),
        "target": _said("target"),
        **_WHOSE,
    },
}
"""The columns of each table: a column's type, and how an event is read for it."""


def table_of(event: TelemetryEvent) -> str:
    """Return the name of the table that *event* is a row of."""
    return FEEDBACK if event.feedback is not None else TRACES


def row_of(event: TelemetryEvent) -> list[Any]:
    """Return *event* as a row of its table."""
    return [read(event) for _, read in COLUMNS[table_of(event)].values()]
