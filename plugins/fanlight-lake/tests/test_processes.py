"""Several processes at one lake: at the same time, killed, and forked."""

import random
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from fanlight_lake.testing import read_events

WRITER = Path(__file__).parent / "writer.py"
FORMATS = ["delta", "parquet"]


@contextmanager
def writer(path: str, format_: str, batches: int) -> Iterator[subprocess.Popen[str]]:
    """A process that waits for a line before it writes."""
    command = [sys.executable, str(WRITER), path, format_, str(batches)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def start(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def batches_in(path: str) -> Counter[str]:
    """How many events of each batch the lake has."""
    return Counter(event.tags[0] for event in read_events(path))


@pytest.mark.long
@pytest.mark.parametrize("format_", FORMATS)
def test_eight_processes_write_at_once(path: str, format_: str) -> None:
    """Eight processes make the lake and append to it at the same time: no batch is lost, none is there twice."""
    with ExitStack() as stack:
        processes = [stack.enter_context(writer(path, format_, 12)) for _ in range(8)]
        for process in processes:
            wait_until_ready(process)
        for process in processes:
            start(process)
        for process in processes:
            _, errors = process.communicate(timeout=120)
            assert (process.returncode, errors) == (0, "")
    found = batches_in(path)
    assert set(found.values()) == {10}
    assert len(found) == 8 * 12


@pytest.mark.long
@pytest.mark.parametrize("format_", FORMATS)
def test_killed_processes_leave_whole_batches(path: str, format_: str) -> None:
    """SIGKILL at random: the lake stays readable, and holds whole batches, all that were acknowledged among them."""
    chance = random.Random(7)
    acknowledged: set[str] = set()
    for _ in range(10):
        with writer(path, format_, 100_000) as process:
            wait_until_ready(process)
            start(process)
            killer = threading.Timer(0.5 + chance.random(), process.kill)
            killer.start()
            assert process.stdout is not None
            acknowledged |= {f"{process.pid}-{line.strip()}" for line in process.stdout if line.endswith("\n")}
            killer.join()
        found = batches_in(path)
        assert set(found.values()) <= {10}
        assert acknowledged <= set(found)
    assert len(acknowledged) > 10


FORKING = """
import os, signal, sys
from fanlight import PermanentError, testing
from fanlight_lake import LakeConfig, LakeSink

def deliver(path, format):
    sink = LakeSink(LakeConfig(path=path, format=format))
    sink.open(testing.make_context("lake", instance_id=str(os.getpid())))
    sink.deliver(testing.make_batch([testing.make_event()]))

path, format, parent_writes = sys.argv[1:]
if parent_writes == "yes":
    deliver(path, format)
child = os.fork()
if child == 0:
    signal.alarm(20)
    try:
        deliver(path, format)
        print("written", flush=True)
    except PermanentError as error:
        print(error, flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1], flush=True)
"""


def forked(path: str, format_: str, parent_writes: str) -> list[str]:
    command = [sys.executable, "-c", textwrap.dedent(FORKING), path, format_, parent_writes]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


@pytest.mark.parametrize(("format_", "parent_writes"), [("delta", "no"), ("parquet", "no"), ("parquet", "yes")])
def test_a_child_writes_with_a_sink_of_its_own(path: str, format_: str, parent_writes: str) -> None:
    """After a fork a new sink writes; to local Parquet also where the parent wrote before."""
    assert forked(path, format_, parent_writes) == ["written", "0"]
    assert len(read_events(path)) == 1 + (parent_writes == "yes")


def test_a_child_of_a_writer_is_told_what_to_do(path: str) -> None:
    """Delta's threads do not survive a fork: where the parent used them, the child's sink says so and does not hang."""
    said, status = forked(path, "delta", "yes")
    assert "`isolation: process`" in said
    assert status == "0"
    assert len(read_events(path)) == 1
