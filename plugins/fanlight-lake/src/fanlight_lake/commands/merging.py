"""
Plain Parquet: the small files of one directory become large ones, and nothing is lost if that is cut off anywhere.

A large file is written whole, checked, and names in its footer the files that it replaces; only then are those deleted.
Whoever lists the directory between the two finds rows twice, never too few, and the next compaction deletes what was
left. The large file's name sorts behind those it replaces: a bucket is listed in that order, so a listing that begins
before and ends after sees one or the other.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from fanlight_lake.commands.errors import CommandError
from fanlight_lake.commands.lake import Lake
from fanlight_lake.commands.lock import Check
from fanlight_lake.commands.stored import DataFile

MARK: Final = "_c-"
"""Stands in the name of every file that replaces others."""
_SOURCES: Final = b"fanlight.replaces"
_ROW_GROUP_BYTES: Final = 64 * 1024 * 1024


def finish(lake: Lake, files: Sequence[DataFile], check: Check) -> list[DataFile]:
    """Delete those of *files* that others of them replace, left by a compaction that was cut off; return the rest."""
    # With its partition: a batch over midnight has files of one name in two of them.
    replaced = {(file.partition, name) for file in files if MARK in file.name for name in replaces(lake, file)}
    rest = []
    for file in files:
        if (file.partition, _base(file.name)) in replaced:
            check()
            lake.storage.delete(file.name)
        else:
            rest.append(file)
    return rest


def merge(lake: Lake, files: Sequence[DataFile], check: Check) -> DataFile:
    """
    Put one file in the place of *files*, which are of one directory.

    Raises:
        CommandError: what was written is not what was read; nothing was deleted.
    """
    directory = files[0].name.rpartition("/")[0]
    name = f"{directory}/{_name([_base(file.name) for file in files])}"
    content, rows = _merged(lake, files)
    lake.storage.put(name, content)
    merged = DataFile(name, len(content), files[0].partition)
    if lake.rows([merged]) != rows:
        raise CommandError(f"{name} does not hold the rows of the files that it replaces; they were left")
    for file in files:
        check()
        lake.storage.delete(file.name)
    return merged


def replaces(lake: Lake, file: DataFile) -> set[str]:
    """Return the names of the files whose rows *file* took over, in its directory, and of those that they took over."""
    footer = lake.footer_of_events(file)
    metadata = (footer.metadata if footer else None) or {}
    return set(json.loads(metadata.get(_SOURCES, b"[]")))


def _merged(lake: Lake, files: Sequence[DataFile]) -> tuple[bytes, int]:
    taken = {_base(file.name) for file in files}.union(*(replaces(lake, file) for file in files if MARK in file.name))
    schema = pa.unify_schemas([_schema(lake, file) for file in files])
    described = schema.with_metadata({_SOURCES: json.dumps(sorted(taken)).encode()})
    written, rows = io.BytesIO(), 0
    with pq.ParquetWriter(written, described, compression="zstd") as writer:
        for group in _grouped(lake, files, schema):
            writer.write_table(group)
            rows += group.num_rows
    return written.getvalue(), rows


def _grouped(lake: Lake, files: Sequence[DataFile], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows of *files*, in tables of a size that fits into memory whatever the files amount to."""
    waiting: list[pa.Table] = []
    size = 0
    for file in files:
        opened = pq.ParquetFile(pa.BufferReader(lake.storage.get(file.name)))
        for index in range(opened.num_row_groups):
            waiting.append(_conformed(opened.read_row_group(index), schema))
            size += waiting[-1].nbytes
            if size >= _ROW_GROUP_BYTES:
                yield pa.concat_tables(waiting)
                waiting, size = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def _schema(lake: Lake, file: DataFile) -> pa.Schema:
    return lake.footer(file).schema.to_arrow_schema().remove_metadata()


def _conformed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows.column(field.name) if field.name in rows.schema.names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _name(sources: Sequence[str]) -> str:
    last = max(sources)
    stem = last.removesuffix(".parquet").partition(MARK)[0]
    generation = max((int(each.partition(MARK)[2][:4]) for each in sources if MARK in each), default=0) + 1
    digest = hashlib.sha256("\n".join(sorted(sources)).encode()).hexdigest()[:12]
    return f"{stem}{MARK}{generation:04}-{digest}.parquet"


def _base(name: str) -> str:
    return name.rpartition("/")[2]
