"""
The metrics of a finished run, each with its own step: what is not known is left out, and never 0.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from fanlight import TelemetryEvent

STEP: Final = "fanlight/step"
"""The step metric of all others: counts the rows that fanlight logged to the run, over restarts."""

METRICS: Final = (
    "llm/input_tokens", "llm/output_tokens", "llm/total_tokens", "llm/cost_usd", "llm/latency_ms",
    "llm/time_to_first_token_ms", "embedding/input_tokens", "embedding/cost_usd", "embedding/latency_ms",
    "agent/tool_call_latency_ms", "agent/steps_per_session", "retriever/latency_ms", "errors",
)  # fmt: skip
FEEDBACK: Final = "feedback/"
"""Feedback's scores, by its name: `feedback/helpful`."""
_MOST_SESSIONS: Final = 10_000


class Sessions:
    """The steps that each session took so far; those that were idle longest are forgotten beyond 10 000."""

    def __init__(self) -> None:
        self._steps: OrderedDict[str, int] = OrderedDict()

    def add(self, event: TelemetryEvent) -> int | None:
        """Return the session's steps with those of *event*; `None` where it is no root or its steps are not known."""
        steps = event.rollup.steps if event.rollup is not None and event.is_root else 0
        if not steps:
            return None
        session = event.session_id or event.trace_id
        self._steps[session] = total = self._steps.pop(session, 0) + steps
        if len(self._steps) > _MOST_SESSIONS:
            self._steps.popitem(last=False)
        return total


def metrics_of(event: TelemetryEvent, sessions: Sessions) -> dict[str, float]:
    """Return what is known of *event*, by metric."""
    named = {
        **_of_type(event),
        "agent/steps_per_session": sessions.add(event),
        "errors": errors_of(event),
    }
    return {name: value for name, value in named.items() if value is not None}


def errors_of(event: TelemetryEvent) -> int | None:
    """Return how many failures began in the tree that *event* ends; `None` where it ends none."""
    if not (event.ends_run and event.is_root):
        return None
    return event.rollup.errors if event.rollup is not None else int(event.status == "error")


def is_unpriced(event: TelemetryEvent) -> bool:
    """Return whether *event* ended a call that must have cost something, nobody knows how much."""
    if not event.ends_run or event.cost_usd is not None:
        return False
    return event.usage_missing or event.input_tokens is not None or event.output_tokens is not None


def _of_type(event: TelemetryEvent) -> dict[str, float | None]:
    match event.run_type if event.ends_run else event.type:
        case "llm":
            return {
                "llm/input_tokens": event.input_tokens,
                "llm/output_tokens": event.output_tokens,
                "llm/total_tokens": event.total_tokens,
                "llm/cost_usd": event.cost_usd,
                "llm/latency_ms": event.duration_ms,
                "llm/time_to_first_token_ms": event.time_to_first_token_ms,
            }
        case "embedding":
            return {
                "embedding/input_tokens": event.input_tokens,
                "embedding/cost_usd": event.cost_usd,
                "embedding/latency_ms": event.duration_ms,
            }
        case "tool":
            return {"agent/tool_call_latency_ms": event.duration_ms}
        case "retriever":
            return {"retriever/latency_ms": event.duration_ms}
        case "feedback" if event.feedback is not None:
            return {FEEDBACK + event.feedback.name: event.feedback.score}
        case _:
            return {}
