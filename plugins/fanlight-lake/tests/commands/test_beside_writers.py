"""Commands beside a process that writes, and beside each other: nothing is lost, nobody waits for long."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from fanlight.testing.clock import eventually
from fanlight_lake.commands.errors import CommandError
from fanlight_lake.commands.lock import maintenance

BOTH = pytest.mark.parametrize("local", ["delta", "parquet"], indirect=True)
PARQUET = pytest.mark.parametrize("local", ["parquet"], indirect=True)

WRITER = """
import json, sys, time
import msgspec
from fanlight import RetryableError
from fanlight.testing import make_batch, make_context, make_trace
from fanlight_lake import LakeConfig, LakeSink

settings, user, shift, first = json.loads(sys.argv[1])
sink = LakeSink(LakeConfig(**settings))
sink.open(make_context("lake"))
for number in range(first, 100_000):
    who = user if number % 4 == 0 else "bob"
    events = make_trace("rag" if number % 2 else "agent", seed=number, user_id=who, environment="prod")
    moved = [
        event.replace(
            time_unix_nano=event.time_unix_nano + shift,
            start_time_unix_nano=event.start_time_unix_nano and event.start_time_unix_nano + shift,
        )
        for event in events
    ]
    batch = msgspec.structs.replace(make_batch(moved, sink="lake", timeout=30.0), id=f"batch-{number}")
    while True:
        try:
            sink.deliver(batch)
            break
        except RetryableError:
            time.sleep(0.01)
    time.sleep(0.2)
    print(json.dumps([who, [event.event_id for event in events]]), flush=True)
"""


@contextmanager
def writer(place, make, file, *, first=0, today=False):
    """A process that delivers small batches, every fourth of alice; what it was told to be delivered is in *file*."""
    events = make.trace(seed=0)
    shift = make.today(events)[0].time_unix_nano - events[0].time_unix_nano if today else 0
    argument = json.dumps([place.settings, make.user, shift, first])
    with file.open("wb") as out, subprocess.Popen([sys.executable, "-c", WRITER, argument], stdout=out) as process:
        try:
            yield process
        finally:
            process.terminate()


def delivered(file):
    """What *file* says was delivered: pairs of the user and the batch's event ids."""
    return [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]


def ids_of(place, user):
    return {event.event_id for event in place.events() if event.user_id == user}


@pytest.mark.long
@pytest.mark.parametrize("today", [False, True], ids=["an-old-day", "today"])
@BOTH
def test_nothing_is_lost_beside_a_writer(local, run, make, tmp_path, today):
    """
    While a process writes five times a second, to the very day, files are compacted and users forgotten.

    Every row of the others that was acknowledged is there, once, when it is over; of the user nothing is.
    """
    told = tmp_path / "told"
    codes = []
    with writer(local, make, told, today=today) as process:
        eventually(lambda: len(delivered(told)) >= 8, patience=60)
        for _ in range(3):
            codes.append(run("compact", "--today", *local.arguments()).code)
            codes.append(run("forget", "--user", make.user, "--yes", *local.arguments()).code)
            codes.append(
                run("retention", "--older-than", "365d", "--environment", "dev", "--yes", *local.arguments()).code
            )
        assert process.poll() is None
    last = run("forget", "--user", make.user, "--yes", *local.arguments())

    assert set(codes) <= {0, 1}  # 1 where rows of theirs came meanwhile
    assert last.code in (0, 1), last.err
    assert ids_of(local, make.user) == set()
    acknowledged = [event for who, events in delivered(told) if who == "bob" for event in events]
    found = [event.event_id for event in local.events() if event.user_id == "bob"]
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found)


@pytest.mark.long
@pytest.mark.parametrize("command", ["compact", "forget"])
@BOTH
def test_killed_anywhere_nothing_is_lost(local, run, make, command):
    """
    SIGKILL at eight places of a compaction, or of a deletion: at each moment every row of the others is there.

    Run to its end afterwards, each is there once, files are few, and of the user nothing is left.
    """
    bob = [make.trace("rag", seed=seed, day=seed % 4, user_id="bob") for seed in range(40)]
    alice = [make.trace(seed=seed, day=seed % 4, user_id=make.user) for seed in range(100, 120)]
    local.deliver(*bob, *alice)
    wanted = {event.event_id for events in bob for event in events}

    def _killed(arguments, place, *, changes):
        """Kill the command once it has changed so many files; return how it ended. No row of bob's is missing."""
        before = {file.name for file in place.lake.stored()}
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and len(before ^ {file.name for file in place.lake.stored()}) < changes:
                time.sleep(0.001)
            process.kill()
        assert wanted <= {event.event_id for event in place.events()}
        return process.returncode

    options = ["--user", make.user, "--yes"] if command == "forget" else []
    arguments = [sys.executable, "-m", "fanlight.cli", "lake", command, *options, *local.arguments()]

    ends = [_killed(arguments, local, changes=changes) for changes in (1, 2, 3, 5, 8, 12, 16, 20)]

    assert -signal.SIGKILL in ends
    assert run("query", "SELECT count(*) FROM runs", *local.arguments()).code == 0
    for path in Path(local.config.path).rglob("*"):  # as if the next one ran hours later
        os.utime(path, (0, 0))
    assert run(command, *options, *local.arguments()).code == 0
    found = [event.event_id for event in local.events() if event.user_id == "bob"]
    assert sorted(found) == sorted(wanted)
    if command == "forget":
        assert ids_of(local, make.user) == set()
    else:
        assert len(local.lake.live()) == 4


def test_one_command_at_a_time(place, run, make):
    """The second one is told so, 1; when the first has ended, it may."""
    place.deliver(make.trace(seed=1), make.trace(seed=2))

    with maintenance(place.storage):
        for command in (["compact"], ["retention", "--older-than", "1d", "--yes"], ["forget", "--user", "x", "--yes"]):
            ran = run(*command, *place.arguments())
            assert ran.code == 1
            assert "another command is at work on this lake" in ran.err
        assert run("query", "SELECT 1", *place.arguments()).code == 0
    assert run("compact", *place.arguments()).code == 0


@pytest.mark.parametrize("place", ["parquet-s3"], indirect=True)
def test_a_lock_in_a_bucket_ends_with_its_time(place, run, make):
    """Who was killed holds it for a quarter of an hour; who was too slow, and has lost it, deletes nothing more."""
    place.deliver(make.trace(seed=1), make.trace(seed=2))

    with maintenance(place.storage) as check:
        held = json.loads(place.storage.get("_maintenance.lock"))
        assert 890 < held["until"] - time.time() < 910
        place.storage.put("_maintenance.lock", json.dumps({**held, "until": time.time() - 1}).encode(), replace=True)
        with maintenance(place.storage) as second:
            second()
            with pytest.raises(CommandError, match="has taken over"):
                check()
        assert "_maintenance.lock" not in place.contents()


@pytest.mark.parametrize("place", ["parquet-s3"], indirect=True)
@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"token": 1}'])
def test_a_lock_that_cannot_be_read_is_nobodys(place, run, make, content):
    """What stands there was not written by a command."""
    place.deliver(make.trace(seed=1), make.trace(seed=2))
    place.storage.put("_maintenance.lock", content)

    assert run("compact", *place.arguments()).code == 0
