"""Files that are no part of the lake: of older versions of a Delta table, and half written ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from fanlight_lake.commands.lake import Lake
from fanlight_lake.commands.stored import StoredFile

_HALF: Final = re.compile(r"(^|/)\.[0-9a-f]{16}\.tmp$|\.parquet#\d+$")
"""Names of temporary files: fanlight's own, and those of Delta's writer."""
YOUNG: Final = timedelta(hours=1)
"""How long a file that no version names may belong to a commit that is not made yet."""


def dead_files(lake: Lake) -> dict[StoredFile, bool]:
    """
    Return each file that holds rows which do not count, and whether it may be deleted now.

    A file that the log calls removed may be: no writer needs it, only a reader of an older version. One that the log
    does not name was left by a writer that was killed, or is about to be committed.
    """
    stored = [file for file in lake.stored() if file.is_data]  # first: what is committed meanwhile must not look dead
    table = lake.table()
    removed = set(table.vacuum(0, dry_run=True, enforce_retention_duration=False))
    live = {file.name for file in lake.live()}
    settled = datetime.now(UTC) - YOUNG
    return {file: file.name in removed or file.modified < settled for file in stored if file.name not in live}


def delete_dead(lake: Lake, choose: Callable[[list[StoredFile]], Iterable[str]]) -> tuple[int, int]:
    """Delete the dead files whose names are chosen; how many those were, and how many it is too early for."""
    dead = dead_files(lake)
    chosen = set(choose(list(dead)))
    settled = {file.name for file, is_settled in dead.items() if is_settled}
    for name in chosen & settled:
        lake.storage.delete(name)
    return len(chosen & settled), len(chosen - settled)


def delete_half_written(lake: Lake) -> tuple[int, int]:
    """Delete what a killed writer has left in a directory; how many files, and how many may still be written to."""
    settled = datetime.now(UTC) - YOUNG
    half = [file for file in lake.stored() if _HALF.search(file.name)]
    old = [file for file in half if file.modified < settled]
    for file in old:
        lake.storage.delete(file.name)
    return len(old), len(half) - len(old)
