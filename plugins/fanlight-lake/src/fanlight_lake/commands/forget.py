"""`fanlight lake forget`: everything of a user, a session or a tenant goes, and that it is gone is looked after."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any, Final

from fanlight_lake.commands.arguments import add_consent, require_consent
from fanlight_lake.commands.dead import dead_files
from fanlight_lake.commands.erase import erase_quarantined, erase_rows, erase_unused
from fanlight_lake.commands.errors import CommandError
from fanlight_lake.commands.foreign import without_foreign
from fanlight_lake.commands.lake import Lake
from fanlight_lake.commands.left_over import naming_files, naming_traces
from fanlight_lake.commands.lock import Check, maintenance
from fanlight_lake.commands.opening import open_lake
from fanlight_lake.commands.pending import begin, complete, pending
from fanlight_lake.commands.subject import Belongings, Subject, Who
from fanlight_lake.commands.words import counted
from fanlight_lake.quarantine import quarantined

_PASSES: Final = 5
_SHOWN: Final = 5

DESCRIPTION: Final = """\
Delete every row that names a user, a session or a tenant, and every other row of the traces in which one does:
prompts and answers included, in the table, in the quarantine, and in the files of a Delta table's older versions.
Then look whether anything still names them.

Files are rewritten and the old ones deleted at once. Writers are not disturbed. A reader that is still busy with an
older version of a Delta table fails; it does not get wrong rows. What is on its way to the lake (in a queue, in a
process that runs) is not in the lake yet: stop sending it first, and run this again when the queues are empty.

Ids are matched exactly, as they were written. Where nothing names them the exit code is 0, so that a job may run twice;
1 where something is left."""


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "forget",
        help="delete everything of a user, session or tenant",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whom = parser.add_mutually_exclusive_group(required=True)
    for name in ("user", "session", "tenant", "trace"):
        whom.add_argument(f"--{name}", metavar="ID", help=f"whose rows: all traces with this {name}_id")
    add_consent(parser)
    parser.set_defaults(run=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """Delete what is theirs, or say how much it is; 1 where something still names them."""
    lake = open_lake(options)
    subject = _subject(options)
    if lake.is_delta:
        _check_table(lake)
    without_foreign(lake, "forget", lake.live())
    if options.dry_run or not options.yes:
        print(_foretold(lake, subject))
    if options.dry_run:
        return 0
    require_consent(options)
    with maintenance(lake.storage) as check:
        return _forget(lake, subject, check)


def _subject(options: argparse.Namespace) -> Subject:
    columns: dict[Who, str | None] = {
        "user_id": options.user,
        "session_id": options.session,
        "tenant_id": options.tenant,
        "trace_id": options.trace,
    }
    return next(Subject(column, value) for column, value in columns.items() if value is not None)


def _check_table(lake: Lake) -> None:
    if lake.table().metadata().configuration.get("delta.enableChangeDataFeed") == "true":
        raise CommandError(
            "the table keeps a feed of its changes, deleted rows included; set delta.enableChangeDataFeed to false, "
            "delete the directory _change_data, and try again"
        )


def _theirs(lake: Lake, subject: Subject) -> Belongings:
    """Return what is theirs, wherever it lies."""
    found = subject.in_rows(lake.dataset()) | subject.in_events(_quarantined_events(lake)) | pending(lake.storage)
    return found | subject.in_rows(lake.dataset_of(list(dead_files(lake)))) if lake.is_delta else found


def _quarantined_events(lake: Lake) -> Iterator[dict[str, Any]]:
    return (entry["event"] for entry in quarantined(lake.storage) if entry.get("event"))


def _foretold(lake: Lake, subject: Subject) -> str:
    theirs = _theirs(lake, subject)
    return f"would delete {_summary(lake, theirs)}" if theirs else _nobody(subject)


def _nobody(subject: Subject) -> str:
    # Without the id: what this prints is kept in logs.
    who = subject.column.removesuffix("_id")
    return f"nothing in the lake names this {who}; ids are matched exactly, as they were written"


def _summary(lake: Lake, theirs: Belongings) -> str:
    rows = lake.dataset().count_rows(filter=theirs.condition())
    events = sum(theirs.has(event) for event in _quarantined_events(lake))
    beside = f", and {counted(events, 'event')} in quarantine" if events else ""
    return f"{counted(rows, 'row')} in {counted(len(theirs.traces), 'trace')}{beside}"


def _forget(lake: Lake, subject: Subject, check: Check) -> int:
    rows, theirs = 0, _theirs(lake, subject)
    if theirs:
        begin(lake.storage, theirs)
        rows = erase_rows(lake, theirs, check)
    for _ in range(_PASSES):  # writers may add to a trace while it is deleted
        theirs |= subject.in_rows(lake.dataset())
        if not _remaining(lake, theirs):
            break
        begin(lake.storage, theirs)
        rows += erase_rows(lake, theirs, check)
    events = erase_quarantined(lake, theirs)
    files, early = erase_unused(lake, theirs)
    beside = f", {counted(events, 'event')} in quarantine" if events else ""
    older = f", {counted(files, 'unused file')}" if files else ""
    if theirs or files:
        print(f"deleted: {counted(rows, 'row')} in {counted(len(theirs.traces), 'trace')}{beside}{older}")
    left = list(_left(lake, subject, theirs, early))
    for sentence in left:
        print(f"fanlight lake forget: {sentence}", file=sys.stderr)
    if not left:
        print("nothing in the lake names them any more" if theirs else _nobody(subject))
    if not early and not _remaining(lake, theirs):
        complete(lake.storage)
    return 1 if left else 0


def _remaining(lake: Lake, theirs: Belongings) -> int:
    return int(lake.dataset().count_rows(filter=theirs.condition()))


def _left(lake: Lake, subject: Subject, theirs: Belongings, early: int) -> Iterator[str]:
    if early:
        yield (
            f"{counted(early, 'file')} may be about to become part of the table, or were left by a writer that was "
            "killed; run this again in an hour"
        )
    names_nobody = subject.column == "trace_id"
    naming = set() if names_nobody else naming_traces(lake, subject.value)
    late = subject.in_rows(lake.dataset())  # after the search, so that nothing of theirs is taken for another's
    if remaining := _remaining(lake, theirs | late):
        yield f"{counted(remaining, 'row')} of theirs came meanwhile; stop what sends them, and run this again"
    if traces := sorted(naming - late.traces):
        more = f" and {len(traces) - _SHOWN} more" if len(traces) > _SHOWN else ""
        yield (
            f"{counted(len(traces), 'other trace')} with this id as a value elsewhere, in metadata or content: "
            f"{', '.join(traces[:_SHOWN])}{more}; look at them, and delete what is theirs with --trace"
        )
    if files := [] if names_nobody else naming_files(lake, subject.value):
        yield (
            f"{counted(len(files), 'file')} beside the rows with this id, such as {files[0]}; Delta's log is cut off "
            "when delta.logRetentionDuration is over (30 days)"
        )
