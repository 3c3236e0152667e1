"""The lake that a command is about: found by its place, or by the configuration of its sink."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pydantic import ValidationError

from fanlight import sink_config
from fanlight_lake.commands.errors import CommandError, UsageError
from fanlight_lake.commands.rows import Rows
from fanlight_lake.commands.stored import DataFile, Partition, StoredFile
from fanlight_lake.config import LakeConfig
from fanlight_lake.local import LocalStorage
from fanlight_lake.schema import PARTITIONS, SCHEMA
from fanlight_lake.storage import Storage, storage_of
from fanlight_lake.table import open_table

_PARTITION_VALUES: Final = tuple(f"partition.{name}" for name in PARTITIONS)
_PARTITIONING: Final = ds.partitioning(pa.schema([SCHEMA.field(name) for name in PARTITIONS]), flavor="hive")


class Lake:
    """A lake that is there, in either format."""

    def __init__(self, storage: Storage, *, is_delta: bool) -> None:
        self.storage = storage
        self.is_delta = is_delta

    def filesystem(self, files: Iterable[StoredFile | DataFile]) -> pafs.FileSystem:
        """Return some of the lake's files, for Arrow; their sizes are known, so none is asked for."""
        sizes = {file.name: file.size for file in files}
        return pafs.PyFileSystem(DeltaStorageHandler(self.storage.uri, self.storage.options, sizes))

    def footer(self, file: StoredFile | DataFile) -> pq.FileMetaData:
        """Return what the end of a Parquet file says of it."""
        with self.filesystem([file]).open_input_file(file.name) as opened:
            return pq.read_metadata(opened)

    def stored(self, under: str = "") -> list[StoredFile]:
        """Return all files below *under*, sorted by name."""
        return sorted((StoredFile(*entry) for entry in self.storage.entries(under)), key=lambda file: file.name)

    def table(self) -> DeltaTable:
        """
        Return the newest version of the Delta table.

        Raises:
            CommandError: there is none.
        """
        table = open_table(self.storage)
        if table is None:
            raise _no_lake(self.storage.uri)
        return table

    def live(self) -> list[DataFile]:
        """Return the files whose rows count, sorted by name."""
        if not self.is_delta:
            files = [file for file in self.stored() if file.is_data]
            return [DataFile(file.name, file.size, file.partition) for file in files if file.partition]
        actions = pa.table(self.table().get_add_actions(flatten=True))
        columns = (
            actions.column(name).to_pylist() for name in ("path", "size_bytes", "num_records", *_PARTITION_VALUES)
        )
        found = (
            DataFile(unquote(path), size, Partition(str(day), environment or ""), rows)
            for path, size, rows, day, environment in zip(*columns, strict=True)
        )
        return sorted(found, key=lambda file: file.name)

    def rows(self, files: Sequence[DataFile]) -> int:
        """Return how many rows *files* hold; of plain files, by their footers."""
        return sum(file.rows if file.rows is not None else self.footer(file).num_rows for file in files)

    def dataset(self) -> Rows:
        """Return the rows, as far as they are read: by column, and by partition."""
        if self.is_delta:
            return Rows.of(self.table().to_pyarrow_dataset())
        return self.dataset_of([file for file in self.stored() if file.is_data])

    def dataset_of(self, files: Sequence[StoredFile]) -> Rows:
        """Return the rows of some of the lake's Parquet files."""
        newest = max(files, key=lambda file: file.modified, default=None)
        if newest is None:
            return Rows([], SCHEMA, ds.ParquetFileFormat(), self.filesystem([]))
        # A newer fanlight may have written more columns than this one knows.
        more = [field for field in self.footer(newest).schema.to_arrow_schema() if field.name not in SCHEMA.names]
        names = [file.name for file in files]
        return Rows.of(
            ds.dataset(
                names,
                schema=pa.schema([*SCHEMA, *more]),
                filesystem=self.filesystem(files),
                format="parquet",
                partitioning=_PARTITIONING,
            )
        )

    def delete_empty_directories(self) -> None:
        """Delete the directories that nothing lies in any more; in a bucket there are none."""
        if isinstance(self.storage, LocalStorage):
            for directory, *_ in os.walk(self.storage.root, topdown=False):
                with suppress(OSError):  # something lies in it
                    Path(directory).rmdir()


def open_lake(options: argparse.Namespace) -> Lake:
    """
    Return the lake that the options name.

    Raises:
        UsageError: they name none.
        CommandError: there is none.
        ConfigError: the configuration that they name does not describe one.
    """
    if options.path is None:
        if options.config is None and not os.environ.get("FANLIGHT_CONFIG"):
            raise UsageError("which lake? Say --path or --config, or set FANLIGHT_CONFIG")
        config = sink_config(LakeConfig, options.config, sink=options.sink)
    elif options.sink is not None:
        raise UsageError("--sink names a sink of a configuration; with --path there is none")
    else:
        config = _config_of(options.path)
    return _opened(storage_of(config))


def _config_of(path: str) -> LakeConfig:
    is_open = path.startswith("s3") and os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    try:
        return LakeConfig(path=path, allow_http=is_open)
    except ValidationError as error:
        raise UsageError("; ".join(each["msg"] for each in error.errors())) from None


def _opened(storage: Storage) -> Lake:
    if any(storage.names(".json", "_delta_log")):
        return Lake(storage, is_delta=True)
    if any(storage.names(".parquet")):
        return Lake(storage, is_delta=False)
    raise _no_lake(storage.uri)


def _no_lake(uri: str) -> CommandError:
    return CommandError(f"there is no lake at {uri}, or nothing was written to it yet")
