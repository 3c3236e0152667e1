"""A lake as commands see it: its files, and the rows in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
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

from fanlight_lake.commands.errors import CommandError
from fanlight_lake.commands.rows import Rows
from fanlight_lake.commands.stored import DataFile, Partition, StoredFile
from fanlight_lake.local import LocalStorage
from fanlight_lake.quarantine import DIRECTORY
from fanlight_lake.schema import PARTITIONS, SCHEMA, holds_events
from fanlight_lake.storage import Storage
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

    def footer_of_events(self, file: StoredFile | DataFile) -> pq.FileMetaData | None:
        """Return the footer of a file that a lake wrote; `None` for one of somebody else, broken, or gone again."""
        try:
            footer = self.footer(file)
        except (pa.ArrowInvalid, FileNotFoundError):
            return None
        return footer if holds_events(footer.schema.to_arrow_schema().names) else None

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
            raise no_lake(self.storage.uri)
        return table

    def live(self) -> list[DataFile]:
        """Return the files whose rows count, sorted by name; plain ones by their place, whoever wrote them."""
        if not self.is_delta:
            return [DataFile(file.name, file.size, partition) for file, partition in self._placed()]
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
        return self.dataset_of([file for file, _ in self._placed()])

    def dataset_of(self, files: Sequence[StoredFile]) -> Rows:
        """Return the rows of some of the lake's Parquet files; those of files that no lake wrote are none."""
        if not files:
            return Rows([], SCHEMA, ds.ParquetFileFormat(), self.filesystem([]))
        names = [file.name for file in files]
        return Rows.of(
            ds.dataset(
                names,
                schema=pa.schema([*SCHEMA, *self._more_columns(files)]),
                filesystem=self.filesystem(files),
                format="parquet",
                partitioning=_PARTITIONING,
            ),
            of_events_alone=True,
        )

    def delete_empty_directories(self) -> None:
        """Delete the lake's directories that nothing lies in any more; in a bucket there are none."""
        if isinstance(self.storage, LocalStorage):
            for top in (*self.storage.root.glob(f"{PARTITIONS[0]}=*"), self.storage.root / DIRECTORY):
                for directory, *_ in os.walk(top, topdown=False):
                    with suppress(OSError):  # something lies in it
                        Path(directory).rmdir()

    def _placed(self) -> Iterator[tuple[StoredFile, Partition]]:
        for file in self.stored():
            if file.is_data and (partition := file.partition):
                yield file, partition

    def _more_columns(self, files: Sequence[StoredFile]) -> list[pa.Field]:
        """Return those that a newer fanlight writes and this one does not know."""
        newest_first = sorted(files, key=lambda file: file.modified, reverse=True)
        footer = next(filter(None, map(self.footer_of_events, newest_first)), None)
        found = footer.schema.to_arrow_schema() if footer else SCHEMA
        return [field for field in found if field.name not in SCHEMA.names]


def no_lake(uri: str) -> CommandError:
    """Return the answer for a place with nothing in it."""
    return CommandError(f"there is no lake at {uri}, or nothing was written to it yet")
