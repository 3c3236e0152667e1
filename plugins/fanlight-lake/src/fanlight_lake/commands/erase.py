"""Rows leave a lake for good: the files that held them are gone, not only unused."""

from __future__ import annotations

import io
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq

from fanlight_lake.commands.dead import delete_dead, delete_half_written
from fanlight_lake.commands.erase_table import erase_from_table
from fanlight_lake.commands.lake import Lake
from fanlight_lake.commands.lock import Check
from fanlight_lake.commands.rows import Rows
from fanlight_lake.commands.subject import Belongings
from fanlight_lake.quarantine import forget


def erase_rows(lake: Lake, theirs: Belongings, check: Check) -> int:
    """Take the rows out of the table; how many they were."""
    check()
    return erase_from_table(lake, theirs) if lake.is_delta else _erase_from_files(lake, theirs, check)


def erase_unused(lake: Lake, theirs: Belongings) -> tuple[int, int]:
    """
    Delete the files outside of the table that hold such rows, and what killed writers have left half written.

    Returns how many those were, and how many it is too early for.
    """
    deleted, early = delete_half_written(lake)
    if lake.is_delta:
        dead, undecided = delete_dead(lake, lambda files: set(_files_with(lake.dataset_of(files), theirs)))
        deleted, early = deleted + dead, early + undecided
    return deleted, early


def erase_quarantined(lake: Lake, theirs: Belongings) -> int:
    """Delete such events from the quarantine; how many they were."""
    return forget(lake.storage, lambda entry: theirs.has(entry.get("event") or {}))


def _erase_from_files(lake: Lake, theirs: Belongings, check: Check) -> int:
    held = _files_with(lake.dataset(), theirs)
    for name in sorted(held):
        check()
        _rewrite(lake, name, theirs)
    return held.total()


def _rewrite(lake: Lake, name: str, theirs: Belongings) -> None:
    """Put a file without these rows in the place of another, in one step; where none is left, delete it."""
    opened = pq.ParquetFile(pa.BufferReader(lake.storage.get(name)))
    written, rows = io.BytesIO(), 0
    with pq.ParquetWriter(written, opened.schema_arrow, compression="zstd") as writer:
        for index in range(opened.num_row_groups):
            kept = opened.read_row_group(index).filter(~theirs.condition())
            writer.write_table(kept)
            rows += kept.num_rows
    if rows:
        lake.storage.put(name, written.getvalue(), replace=True)
    else:
        lake.storage.delete(name)


def _files_with(rows: Rows, theirs: Belongings) -> Counter[str]:
    """Return the names of the files with rows that are theirs, and how many those are."""
    return Counter(rows.names_of_files(theirs.condition()))
