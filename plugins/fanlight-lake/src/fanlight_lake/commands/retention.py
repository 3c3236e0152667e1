"""`fanlight lake retention`: what is older than it may become goes, in whole days."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from deltalake import DeltaTable

from fanlight_lake.commands.arguments import add_consent, days, require_consent
from fanlight_lake.commands.commit import committed
from fanlight_lake.commands.dead import delete_dead
from fanlight_lake.commands.lake import Lake, open_lake
from fanlight_lake.commands.lock import Check, maintenance
from fanlight_lake.commands.predicates import in_partition
from fanlight_lake.commands.stored import DataFile, Partition, StoredFile
from fanlight_lake.commands.words import counted, spelled
from fanlight_lake.quarantine import DIRECTORY


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "retention",
        help="delete whole days that are older than so many days",
        description="Delete the days (UTC) that ended longer ago than so many days, quarantined events included.",
    )
    parser.add_argument("--older-than", type=days, required=True, metavar="DAYS", help="such as 90d")
    parser.add_argument("--environment", metavar="NAME", help="only of this environment")
    parser.add_argument(
        "--now",
        action="store_true",
        help="Delta: delete the files at once, instead of when the table's period of 7 days is over",
    )
    add_consent(parser)
    parser.set_defaults(run=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """Delete what is old enough, or say what would be; 2 where it was not said that it may be deleted."""
    lake = open_lake(options)
    before = datetime.now(UTC).date() - timedelta(days=options.older_than)
    old = [file for file in lake.live() if _is_old(file.partition, before, options.environment)]
    # An event in the quarantine may have no environment at all.
    kept = [] if options.environment else [file for file in lake.stored(DIRECTORY) if _came_before(file, before)]
    print(_summary(lake, old, kept, before))
    if options.dry_run or not (old or kept or options.now):
        return 0
    require_consent(options)
    with maintenance(lake.storage) as check:
        for file in kept:
            check()
            lake.storage.delete(file.name)
        if lake.is_delta:
            _delete_rows(lake, old)
            _delete_unused(lake, before, options)
        else:
            _delete_files(lake, old, check)
        lake.delete_empty_directories()
    return 0


def _is_old(partition: Partition | None, before: date, environment: str | None) -> bool:
    if partition is None or partition.day >= before:
        return False
    return environment is None or partition.environment == environment


def _came_before(file: StoredFile, before: date) -> bool:
    day = re.search(r"/date=(\d{4}-\d\d-\d\d)/", file.name)
    return day is not None and date.fromisoformat(day[1]) < before


def _summary(lake: Lake, old: Sequence[DataFile], kept: Sequence[StoredFile], before: date) -> str:
    partitions = counted(len({file.partition for file in old}), "partition")
    size = spelled(sum(file.size for file in old) + sum(file.size for file in kept))
    beside = f", {counted(len(kept), 'file')} in quarantine" if kept else ""
    return f"from before {before}: {partitions}, {counted(lake.rows(old), 'row')}, {size}{beside}"


def _delete_rows(lake: Lake, old: Sequence[DataFile]) -> None:
    # By the partitions' columns alone: files leave the table as they are, and none is read or written.
    for partition in sorted({file.partition for file in old}):
        found = committed(lake, DeltaTable.delete, in_partition(partition))
        print(f"{partition}: {counted(found['num_removed_files'], 'file')} deleted", flush=True)


def _delete_unused(lake: Lake, before: date, options: argparse.Namespace) -> None:
    if not options.now:
        deleted = len(lake.table().vacuum(dry_run=False))
        print(f"{counted(deleted, 'file')} of earlier deletions gone; those of now go when the table's period is over")
        return
    deleted, early = delete_dead(
        lake, lambda files: (file.name for file in files if _is_old(file.partition, before, options.environment))
    )
    print(f"{counted(deleted, 'file')} gone")
    if early:
        print(f"{counted(early, 'file')} may be about to be committed, and stay for an hour")


def _delete_files(lake: Lake, old: Sequence[DataFile], check: Check) -> None:
    for file in old:
        check()
        lake.storage.delete(file.name)
    print(f"{counted(len(old), 'file')} gone")
