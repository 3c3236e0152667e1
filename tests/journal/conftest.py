"""
Deliveries of given sizes, for tests that look at queues only.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fanlight.event import TelemetryEvent
from fanlight.sinks.base import Delivery


@pytest.fixture
def delivery() -> Callable[..., Delivery]:
    """Makes a delivery by its event id."""

    def make(event_id: str, *, sink: str = "lake", size: int = 1, trace_id: str = "0" * 32) -> Delivery:
        event = TelemetryEvent(
            event_id=event_id,
            type="custom",
            run_id="r",
            root_run_id="r",
            trace_id=trace_id,
            span_id="0" * 16,
            name="n",
            time_unix_nano=1,
        )
        return Delivery(event=event, sink=sink, size=size)

    return make
