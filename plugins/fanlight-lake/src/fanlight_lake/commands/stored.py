"""What lies in a lake's place: its files, whatever they are for."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

import msgspec

from fanlight_lake.schema import PARTITIONS

_NULL: Final = "__HIVE_DEFAULT_PARTITION__"


class Partition(msgspec.Struct, frozen=True, order=True):
    """A day of an environment: one directory."""

    date: str
    environment: str

    def __str__(self) -> str:
        return f"{self.date} {self.environment}"

    @property
    def day(self) -> dt.date:
        """The day, in UTC."""
        return dt.date.fromisoformat(self.date)


class StoredFile(msgspec.Struct, frozen=True):
    """One file, by its name below the lake."""

    name: str
    size: int
    modified: dt.datetime

    @property
    def is_data(self) -> bool:
        """Whether it holds rows: a Parquet file that no part of its name hides."""
        return self.name.endswith(".parquet") and not self.name.startswith(("_", ".")) and "/." not in self.name

    @property
    def partition(self) -> Partition | None:
        """The partition that its directory is named for."""
        return partition_of(self.name)


class DataFile(msgspec.Struct, frozen=True):
    """A file whose rows count."""

    name: str
    size: int
    partition: Partition
    rows: int | None = None
    """`None` where only the file itself says it."""


def partition_of(name: str) -> Partition | None:
    """Return the partition that a file of this name is in; `None` for one that lies where no lake puts rows."""
    directories = [part.partition("=") for part in name.split("/")[:-1]]
    if tuple(column for column, _, _ in directories) != PARTITIONS:
        return None
    day, environment = (value for _, _, value in directories)
    return Partition(day, "" if environment == _NULL else unquote(environment)) if _is_day(day) else None


def _is_day(text: str) -> bool:
    with suppress(ValueError):
        return dt.date.fromisoformat(text).isoformat() == text
    return False
