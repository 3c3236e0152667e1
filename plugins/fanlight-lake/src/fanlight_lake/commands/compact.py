"""`fanlight lake compact`: many small files become few large ones."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from deltalake import DeltaTable, WriterProperties

from fanlight_lake.commands.arguments import size
from fanlight_lake.commands.commit import committed
from fanlight_lake.commands.errors import UsageError
from fanlight_lake.commands.foreign import without_foreign
from fanlight_lake.commands.lake import Lake
from fanlight_lake.commands.lock import Check, maintenance
from fanlight_lake.commands.merging import finish, merge
from fanlight_lake.commands.opening import open_lake
from fanlight_lake.commands.stored import DataFile, Partition
from fanlight_lake.commands.words import counted, spelled

_WRITER: Final = WriterProperties(compression="ZSTD")


class Amount(msgspec.Struct, frozen=True):
    """So many files, so large."""

    files: int = 0
    size: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.files + other.files, self.size + other.size)

    def __str__(self) -> str:
        return f"{counted(self.files, 'file')}, {spelled(self.size)}"


class Change(msgspec.Struct, frozen=True):
    """What became of a partition's small files."""

    before: Amount = Amount()
    after: Amount = Amount()

    def __add__(self, other: Change) -> Change:
        return Change(self.before + other.before, self.after + other.after)

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compact",
        help="make few large files of many small ones",
        description="Make few large files of the small ones of each day and environment, while others read and write.",
    )
    parser.add_argument(
        "--target-size", type=size, default="64MiB", metavar="SIZE", help="how large files become (default: 64MiB)"
    )
    parser.add_argument("--today", action="store_true", help="today's files too, although writers still add to them")
    parser.add_argument(
        "--vacuum",
        action="store_true",
        help="Delta: also delete what has been no part of the table for 7 days, or for the table's own period",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what could be fewer, and do nothing")
    parser.set_defaults(run=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """Compact what is worth it and print what became of each partition."""
    lake = open_lake(options)
    if options.vacuum and not lake.is_delta:
        raise UsageError("--vacuum is for Delta tables; plain files that were replaced are deleted at once")
    if options.dry_run:
        _foretell(lake, options)
        return 0
    with maintenance(lake.storage) as check:
        total, partitions = Change(), 0
        for partition, change in _delta(lake, options) if lake.is_delta else _plain(lake, options, check):
            print(f"{partition}: {change}", flush=True)
            total, partitions = total + change, partitions + 1
        print(f"{counted(partitions, 'partition')} compacted: {total}" if partitions else _nothing(lake, options))
        if lake.is_delta:
            _tidy(lake, vacuum=options.vacuum)
    return 0


def _foretell(lake: Lake, options: argparse.Namespace) -> None:
    found = list(_worth_it(lake, lake.live(), options))
    for partition, files in found:
        print(f"{partition}: {_amount(files)} could be fewer")
    if not found:
        print(_nothing(lake, options))


def _nothing(lake: Lake, options: argparse.Namespace) -> str:
    this_day = datetime.now(UTC).date()
    found = [] if options.today else _small(lake.live(), options.target_size, today=True)
    files = sum(len(small) for partition, small in found if partition.day >= this_day)
    if not files:
        return "nothing to compact"
    return f"nothing to compact; today's {counted(files, 'file')} are left to their writers, unless you say --today"


def _delta(lake: Lake, options: argparse.Namespace) -> Iterator[tuple[Partition, Change]]:
    for partition, _ in _worth_it(lake, lake.live(), options):
        found = committed(lake, _optimized, partition, options.target_size)
        if found["numFilesRemoved"]:
            yield partition, Change(_metric(found["filesRemoved"]), _metric(found["filesAdded"]))


def _optimized(table: DeltaTable, partition: Partition, target_size: int) -> dict[str, Any]:
    place = [("date", "=", partition.date), ("environment", "=", partition.environment)]
    return table.optimize.compact(place, target_size=target_size, writer_properties=_WRITER)


def _metric(text: str) -> Amount:
    found = json.loads(text)
    return Amount(found["totalFiles"], found["totalSize"])


def _tidy(lake: Lake, *, vacuum: bool) -> None:
    table = lake.table()
    table.create_checkpoint()
    if vacuum:
        print(f"{counted(len(table.vacuum(dry_run=False)), 'file')} deleted that were no part of the table any more")


def _plain(lake: Lake, options: argparse.Namespace, check: Check) -> Iterator[tuple[Partition, Change]]:
    for partition, files in _worth_it(lake, finish(lake, lake.live(), check), options):
        change = Change()
        for chosen in _chosen(files, options.target_size):
            change += Change(_amount(chosen), _amount([merge(lake, chosen, check)]))
        yield partition, change


def _worth_it(
    lake: Lake, files: Sequence[DataFile], options: argparse.Namespace
) -> Iterator[tuple[Partition, list[DataFile]]]:
    """Yield the partitions with files that together stay within the target, and their small files."""
    small = _small(files, options.target_size, today=options.today)
    own = without_foreign(lake, "compact", [file for _, each in small for file in each])
    for partition, rest in _small(own, options.target_size, today=options.today):
        # Delta begins with the smallest.
        if any(_chosen(sorted(rest, key=lambda file: file.size) if lake.is_delta else rest, options.target_size)):
            yield partition, rest


def _small(files: Sequence[DataFile], target_size: int, *, today: bool) -> list[tuple[Partition, list[DataFile]]]:
    """Return the files that might be larger, of each partition that has more than one of them."""
    this_day = datetime.now(UTC).date()
    found: dict[Partition, list[DataFile]] = {}
    for file in files:
        if file.size < target_size and (today or file.partition.day < this_day):
            found.setdefault(file.partition, []).append(file)
    return [(partition, small) for partition, small in sorted(found.items()) if len(small) > 1]


def _chosen(files: Sequence[DataFile], target_size: int) -> Iterator[list[DataFile]]:
    """Yield neighbours by name that together come near the target: the same ones each time, for the same files."""
    chosen: list[DataFile] = []
    for file in files:
        if chosen and _amount([*chosen, file]).size > target_size:
            if len(chosen) > 1:
                yield chosen
            chosen = []
        chosen.append(file)
    if len(chosen) > 1:
        yield chosen


def _amount(files: Sequence[DataFile]) -> Amount:
    return Amount(len(files), sum(file.size for file in files))
