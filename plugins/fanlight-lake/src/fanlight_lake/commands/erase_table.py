"""
Rows leave a Delta table.

A partition is written anew without them, in one commit whose text names the partition and nobody. Where writers add to
the partition faster than that, rows are deleted by their ids, which rewrites only the files that hold some.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from fanlight_lake.commands.commit import committed
from fanlight_lake.commands.lake import Lake
from fanlight_lake.commands.predicates import in_partition, one_of
from fanlight_lake.commands.rows import Rows
from fanlight_lake.commands.stored import Partition
from fanlight_lake.commands.subject import Belongings
from fanlight_lake.schema import ARROW_TYPES

_WRITER: Final = WriterProperties(compression="ZSTD")
_ATTEMPTS: Final = 3
_IDS_A_COMMIT: Final = 2000


def erase_from_table(lake: Lake, theirs: Belongings) -> int:
    """Take the rows out of the table's newest version; how many they were."""
    return sum(_erase(lake, partition, theirs) for partition in _partitions(lake, theirs))


def _partitions(lake: Lake, theirs: Belongings) -> list[Partition]:
    scanner = lake.dataset().scanner(columns=["date", "environment"], filter=theirs.condition())
    found = scanner.to_table().group_by(["date", "environment"]).aggregate([])
    pairs = zip(found.column("date").to_pylist(), found.column("environment").to_pylist(), strict=True)
    return sorted(Partition(str(day), environment or "") for day, environment in pairs)


def _erase(lake: Lake, partition: Partition, theirs: Belongings) -> int:
    for _ in range(_ATTEMPTS):
        try:
            return _written_anew(lake.table(), partition, theirs)
        except CommitFailedError:  # somebody has added to it meanwhile
            continue
    return sum(committed(lake, _deleted, f"{in_partition(partition)} AND {ids}") for ids in _by_id(theirs))


def _written_anew(table: DeltaTable, partition: Partition, theirs: Belongings) -> int:
    rows = Rows.of(table.to_pyarrow_dataset())
    here = _is_in(partition)
    found = int(rows.count_rows(filter=here & theirs.condition()))
    if found:
        kept = rows.scanner(filter=here & ~theirs.condition()).to_reader()
        write_deltalake(table, kept, mode="overwrite", predicate=in_partition(partition), writer_properties=_WRITER)
    return found


def _is_in(partition: Partition) -> ds.Expression:
    environment = pc.field("environment")
    day = pc.field("date") == pa.scalar(partition.day, ARROW_TYPES["date"])
    return day & (environment == partition.environment if partition.environment else environment.is_null())


def _by_id(theirs: Belongings) -> Iterator[str]:
    for column, ids in (("trace_id", sorted(theirs.traces)), ("event_id", sorted(theirs.events))):
        for start in range(0, len(ids), _IDS_A_COMMIT):
            yield one_of(column, ids[start : start + _IDS_A_COMMIT])


def _deleted(table: DeltaTable, condition: str) -> int:
    return int(table.delete(condition, writer_properties=_WRITER)["num_deleted_rows"])
