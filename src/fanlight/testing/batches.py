"""What a lane gives to a sink: a context to open it with, and batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from fanlight.event import TelemetryEvent
from fanlight.sinks.base import Batch, Delivery, SinkContext


def make_batch(events: Iterable[TelemetryEvent], *, sink: str = "sink", timeout: float = 10.0, **fields: Any) -> Batch:
    """
    Return a batch of *events*.

    Args:
        events: What to deliver.
        sink: The sink's name in the configuration.
        timeout: Seconds from now to the batch's deadline.
        fields: Any other field of `Batch`: `attempt`, `replay`, `id`.
    """
    deliveries = tuple(Delivery(event=event, sink=sink, size=len(event.to_json())) for event in events)
    known = {"id": "batch-1", "deadline": time.monotonic() + timeout}
    return Batch(**{**known, **fields}, sink=sink, deliveries=deliveries)


def make_context(name: str = "sink", **fields: Any) -> SinkContext:
    """Return what a sink called *name* is opened with; *fields* are those of `SinkContext`."""
    known = {"service_name": "made", "environment": "test", "instance_id": "made"}
    return SinkContext(**{**known, **fields}, name=name, logger=logging.getLogger(f"fanlight.sinks.{name}"))
