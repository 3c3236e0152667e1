"""
The rows of a lake, whatever its format and however many columns its writers knew.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from fanlight_lake import parquet
from fanlight_lake.schema import PARTITIONS, holds_events
from fanlight_lake.storage import Storage
from fanlight_lake.table import open_table


def tables(storage: Storage) -> Iterator[pa.Table]:
    """Yield the rows at *storage*, of a Delta table where there is one, else of Parquet files; nothing of nothing."""
    table = open_table(storage)
    if table is not None:
        yield from map(_one, table.to_pyarrow_dataset().to_batches())
        return
    for name in storage.names(".parquet", under=""):
        if all(f"/{column}=" in f"/{name}" for column in PARTITIONS):
            rows = parquet.read(storage, name)
            if holds_events(rows.schema.names):
                yield rows


def _one(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])
