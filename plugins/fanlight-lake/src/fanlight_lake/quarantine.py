"""
Events that no row can hold, kept beside the table: `_quarantine/date=…/….jsonl`, by the day on which they came.

Readers of Delta and Hive tables pass over directories that begin with an underscore, and so does Delta's `vacuum`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from fanlight import TelemetryEvent
from fanlight_lake.encode import Misfit
from fanlight_lake.storage import Storage

DIRECTORY: Final = "_quarantine"


def keep(storage: Storage, name: str, misfits: Iterable[tuple[TelemetryEvent, Misfit]]) -> None:
    """Write the events of one batch that do not fit, with the reason, one a line; *name* is the batch's."""
    lines = "".join(f"{_line(event, misfit)}\n" for event, misfit in misfits)
    today = datetime.now(UTC).date()
    storage.put(f"{DIRECTORY}/date={today}/{name}.jsonl", lines.encode(), replace=True)


def quarantined(storage: Storage) -> Iterator[dict[str, Any]]:
    """Yield what is kept: `event_id`, `reason`, and `event`, its fields as they were found."""
    for name in storage.names(".jsonl", DIRECTORY):
        yield from map(json.loads, storage.get(name).splitlines())


def forget(storage: Storage, is_forgotten: Callable[[dict[str, Any]], bool]) -> int:
    """Delete the entries that *is_forgotten* says yes to; how many they were."""
    count = 0
    for name in storage.names(".jsonl", DIRECTORY):
        lines = storage.get(name).splitlines(keepends=True)
        rest = [line for line in lines if not is_forgotten(json.loads(line))]
        if not rest:
            storage.delete(name)
        elif len(rest) < len(lines):
            storage.put(name, b"".join(rest), replace=True)
        count += len(lines) - len(rest)
    return count


def _line(event: TelemetryEvent, misfit: Misfit) -> str:
    # The standard library's JSON has a way to write NaN, huge integers and half surrogate pairs; `repr` stands for
    # what has none.
    try:
        found = msgspec.to_builtins(event, str_keys=True, enc_hook=repr)
        return json.dumps({"event_id": event.event_id, "reason": str(misfit), "event": found}, default=repr)
    except (RecursionError, ValueError, TypeError):
        return json.dumps({"event_id": repr(event.event_id), "reason": str(misfit), "event": None})
