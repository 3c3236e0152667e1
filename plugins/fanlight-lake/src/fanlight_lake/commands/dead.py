"""Files that are no part of the lake: of older versions of a Delta table, and half written ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from fanlight_lake.commands.lake import Lake
from fanlight_lake.commands.stored import StoredFile

_HALF: Final = re.compile(r"(^|/)\.[^/]*\.tmp$|#\d+$")
"""Names of temporary files: fanlight's own, and those of Delta's writer."""
YOUNG: Final = timedelta(hours=1)
"""How long a file that no version names may belong to a commit that is not made yet."""


def dead_files(lake: Lake) -> Iterator[tuple[StoredFile, bool]]:
    """
    Yield each file that holds rows which do not count, and whether it may be deleted now.

    A file that the log calls removed may be: no writer needs it, only a reader of an older version. One that the log
    does not name was left by a writer that was killed, or is about to be committed.
    """
    stored = [file for file in lake.stored() if file.is_data]  # first: what is committed meanwhile must not look dead
    table = lake.table()
    removed = set(table.vacuum(0, dry_run=True, enforce_retention_duration=False))
    live = {file.name for file in lake.live()}
    settled = datetime.now(UTC) - YOUNG
    for file in stored:
        if file.name not in live:
            yield file, file.name in removed or file.modified < settled


def delete_dead(lake: Lake, is_meant: Callable[[StoredFile], bool]) -> tuple[int, int]:
    """Delete the dead files that are meant; how many those were, and how many it is too early for."""
    deleted = early = 0
    for file, is_settled in dead_files(lake):
        if not is_meant(file):
            continue
        if is_settled:
            lake.storage.delete(file.name)
            deleted += 1
        else:
            early += 1
    return deleted, early


def delete_half_written(lake: Lake) -> tuple[int, int]:
    """Delete what a killed writer has left in a directory; how many files, and how many may still be written to."""
    settled = datetime.now(UTC) - YOUNG
    half = [file for file in lake.stored() if _HALF.search(file.name)]
    old = [file for file in half if file.modified < settled]
    for file in old:
        lake.storage.delete(file.name)
    return len(old), len(half) - len(old)
