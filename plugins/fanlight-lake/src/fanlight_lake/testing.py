"""
Reads a lake back as events, for tests and demos.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fanlight import TelemetryEvent
from fanlight_lake.config import LakeConfig
from fanlight_lake.decode import decode
from fanlight_lake.quarantine import quarantined
from fanlight_lake.reading import tables
from fanlight_lake.storage import storage_of

__all__ = ["read_events", "read_quarantine"]


def read_events(path: str | Path, **settings: Any) -> list[TelemetryEvent]:
    """
    Return all events of the lake at *path*, equal to those that were delivered, in the order of their time.

    Args:
        path: A directory or `s3://…`, as in the configuration. The format is found out; nothing there is no events.
        settings: Other keys of the sink, such as `endpoint` and `access_key_id`.
    """
    storage = storage_of(LakeConfig(path=str(path), **settings))
    events = [event for table in tables(storage) for event in decode(table)]
    return sorted(events, key=lambda event: (event.time_unix_nano, event.run_id, event.sequence))


def read_quarantine(path: str | Path, **settings: Any) -> list[dict[str, Any]]:
    """Return what was kept beside the lake at *path*: `event_id`, `reason`, and `event` as it was found."""
    return list(quarantined(storage_of(LakeConfig(path=str(path), **settings))))
