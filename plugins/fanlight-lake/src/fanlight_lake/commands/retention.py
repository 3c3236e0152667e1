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
from fanlight_lake.commands.errors import CommandError
from fanlight_lake.commands.foreign import without_foreign
from fanlight_lake.commands.lake import Lake
from fanlight_lake.commands.lock import Check, maintenance
from fanlight_lake.commands.opening import open_lake
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
    if options.environment is not None:
        _check_environment(lake, options.environment)
    before = datetime.now(UTC).date() - timedelta(days=options.older_than)
    old = _old(lake, before, options.environment)
    # An event in the quarantine may have no environment at all.
    kept = [] if options.environment is not None else _kept(lake, before)
    if not (old or kept):
        print(f"nothing is from before {before}")
    if not (old or kept or options.now):
        return 0
    summary = f"{_summary(lake, old, kept)}, from before {before}" if old or kept else ""
    if summary and (options.dry_run or not options.yes):
        print(f"would delete {summary}")
    if options.dry_run:
        return 0
    require_consent(options)
    with maintenance(lake.storage) as check:
        if summary:
            print(f"deleting {summary}", flush=True)
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


def _check_environment(lake: Lake, environment: str) -> None:
    """
    Return where the lake knows *environment*: a slip of the pen must not look like nothing to do.

    Raises:
        CommandError: it does not.
    """
    # By the directories: of a Delta table they may have files left that are no part of it any more.
    known = {file.partition.environment for file in lake.stored() if file.is_data and file.partition}
    if environment not in known:
        raise CommandError(f"no environment `{environment}` in this lake; there are: {', '.join(sorted(known))}")


def _old(lake: Lake, before: date, environment: str | None) -> list[DataFile]:
    placed = [file for file in lake.live() if _is_old(file.partition, before, environment)]
    return without_foreign(lake, "retention", placed)


def _kept(lake: Lake, before: date) -> list[StoredFile]:
    return [file for file in lake.stored(DIRECTORY) if _came_before(file, before)]


def _is_old(partition: Partition | None, before: date, environment: str | None) -> bool:
    if partition is None or partition.day >= before:
        return False
    return environment is None or partition.environment == environment


def _came_before(file: StoredFile, before: date) -> bool:
    day = re.search(r"/date=(\d{4}-\d\d-\d\d)/", file.name)
    return day is not None and date.fromisoformat(day[1]) < before


def _summary(lake: Lake, old: Sequence[DataFile], kept: Sequence[StoredFile]) -> str:
    partitions = counted(len({file.partition for file in old}), "partition")
    size = spelled(sum(file.size for file in old) + sum(file.size for file in kept))
    beside = f", {counted(len(kept), 'file')} in quarantine" if kept else ""
    return f"{partitions}, {counted(lake.rows(old), 'row')}, {size}{beside}"


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
