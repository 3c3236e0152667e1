"""Single events for a sink's tests: every field that is not said agrees with the others."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID, uuid4

from fanlight.event import ErrorInfo, EventType, Process, TelemetryEvent
from fanlight.tracecontext import span_id_of

START: Final = 1_767_614_400_000_000_000
"""2026-01-05 12:00:00 UTC in nanoseconds, when every made run begins unless its test says otherwise."""
_MS: Final = 1_000_000


def make_event(type: EventType = "llm.end", *, parent: TelemetryEvent | None = None, **fields: Any) -> TelemetryEvent:  # noqa: A002 - the field's own name
    """
    Return one valid event; ids, times, status and error agree with each other.

    Args:
        type: The event's type.
        parent: An event of the run that this one's run is a child of; its trace is joined.
        fields: Any other field of `TelemetryEvent`. `run_id` is random unless it is given.
    """
    run_id = str(fields.pop("run_id", None) or uuid4())
    sequence = fields.pop("sequence", 0 if type.endswith(".start") else 1)
    base = {
        "event_id": f"{run_id}:{type}:{sequence}",
        "type": type,
        "run_id": run_id,
        "span_id": span_id_of(UUID(run_id)),
        "sequence": sequence,
        "name": type.partition(".")[0],
        "environment": "test",
        "service_name": "made",
        "process": Process(host="localhost", pid=1, instance_id="made"),
    }
    return TelemetryEvent(**{**base, **_place(run_id, parent), **_times(type, fields), **_outcome(type), **fields})


def _place(run_id: str, parent: TelemetryEvent | None) -> dict[str, Any]:
    if parent is None:
        return {"root_run_id": run_id, "trace_id": UUID(run_id).hex}
    return {
        "root_run_id": parent.root_run_id,
        "trace_id": parent.trace_id,
        "parent_run_id": parent.run_id,
        "parent_span_id": parent.span_id,
    }


def _times(type: str, fields: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    start = fields.get("start_time_unix_nano", START)
    if not type.endswith((".end", ".error")):
        return {"time_unix_nano": start}
    duration = fields.get("duration_ms", 120.0)
    return {"start_time_unix_nano": start, "duration_ms": duration, "time_unix_nano": start + int(duration * _MS)}


def _outcome(type: str) -> dict[str, Any]:  # noqa: A002
    if type.endswith(".error"):
        return {"status": "error", "error": ErrorInfo(type="ValueError", message="made to fail")}
    return {"status": "ok"} if type.endswith(".end") else {}
