"""Builders of events."""

from collections.abc import Callable
from typing import Any

import pytest

from fanlight.event import TelemetryEvent


def build_event(
    kind: str = "chain.start", *, run: str = "root", parent: str | None = None, **fields: Any
) -> TelemetryEvent:
    given: dict[str, Any] = {"name": run, "time_unix_nano": 1, **fields}
    return TelemetryEvent(
        event_id=f"{run}:{kind}",
        type=kind,
        run_id=run,
        parent_run_id=parent,
        root_run_id="root",
        trace_id="0" * 32,
        span_id=f"span-{run}",
        parent_span_id=parent and f"span-{parent}",
        **given,
    )


@pytest.fixture(scope="session")
def event() -> Callable[..., TelemetryEvent]:
    return build_event
