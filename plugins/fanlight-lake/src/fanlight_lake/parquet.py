"""
The writer of plain Parquet: a batch is one file in each directory that it has rows for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fanlight import Batch
from fanlight_lake.schema import ARROW_TYPES, PARTITIONS
from fanlight_lake.storage import Storage

_NOTHING: Final = "__HIVE_DEFAULT_PARTITION__"
"""Hive's word for a directory whose column holds nothing."""


class ParquetWriter:
    """
    Writes files with names made from the batch: what comes again is there already.

    A file is there whole or not at all. A batch over midnight is two files; one may be there without the other until
    the batch comes again.
    """

    def __init__(self, storage: Storage, instance_id: str) -> None:
        self._storage = storage
        self._instance_id = instance_id

    def open(self) -> None:
        """There is nothing to open."""

    def write(self, rows: pa.Table, batch: Batch) -> None:
        """Write *rows*, in files of the batch's name."""
        name = batch_name(batch, self._instance_id)
        for directory, part in partitioned(rows):
            self._storage.put(f"{directory}/{name}.parquet", parquet(part))


def batch_name(batch: Batch, instance_id: str) -> str:
    """Return the file name for *batch*, the same each time that it comes; no other batch of any process has it."""
    if batch.seal is not None:
        return f"{quote(batch.seal.writer, safe='')}-{batch.seal.sequence:012}"
    return f"{quote(instance_id, safe='')}-{quote(batch.id, safe='')}"


def parquet(rows: pa.Table) -> bytes:
    """Return *rows* as a Parquet file, compressed with zstd."""
    written = pa.BufferOutputStream()
    pq.write_table(rows, written, compression="zstd")
    return bytes(written.getvalue())


def partitioned(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rows of each date and environment, with their directory, and without these columns."""
    dates, environments = (rows.column(name) for name in PARTITIONS)
    keys = sorted({*zip(dates.to_pylist(), environments.to_pylist(), strict=True)})
    for date, environment in keys:
        mask = pc.and_(pc.equal(dates, date), pc.equal(environments, environment))
        part = rows if len(keys) == 1 else rows.filter(mask)
        yield f"date={date}/environment={quote(environment, safe='') or _NOTHING}", part.drop_columns(PARTITIONS)


def read(storage: Storage, name: str) -> pa.Table:
    """Return a file's rows, with the columns that its directory is named for."""
    rows = pq.ParquetFile(pa.BufferReader(storage.get(name))).read()
    values = dict(part.split("=", 1) for part in name.split("/") if "=" in part)
    for place, column in enumerate(PARTITIONS):
        found = unquote(values[column])
        value = pa.scalar(None if found == _NOTHING else found, pa.string())
        filled = pa.repeat(value, rows.num_rows)
        rows = rows.add_column(place, column, filled.cast(ARROW_TYPES["date"]) if column == "date" else filled)
    return rows
