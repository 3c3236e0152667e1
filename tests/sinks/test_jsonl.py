"""The jsonl sink writes whole lines into a private file, whatever happens around it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from fanlight.errors import PermanentError, RetryableError
from fanlight.event import TelemetryEvent
from fanlight.sinks.jsonl import JsonlConfig, JsonlSink
from fanlight.testing.batches import make_batch, make_context
from fanlight.testing.events import make_event
from fanlight.testing.traces import make_trace


def opened(path: Path, **settings: object) -> JsonlSink:
    sink = JsonlSink(JsonlConfig.model_validate({"path": str(path), **settings}))
    sink.open(make_context())
    return sink


def read(path: Path) -> list[TelemetryEvent]:
    return [TelemetryEvent.from_json(line) for line in path.read_bytes().splitlines()]


def test_what_is_read_back_is_what_was_given(tmp_path: Path) -> None:
    """Every line is one event, equal to the one delivered, in order."""
    events = make_trace("rag")
    sink = opened(tmp_path / "events.jsonl")
    sink.deliver(make_batch(events[:3]))
    sink.deliver(make_batch(events[3:]))
    sink.close()
    assert tuple(read(tmp_path / "events.jsonl")) == events


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_only_the_owner_may_read(tmp_path: Path, umask: int) -> None:
    """The file is 0600 and made directories are 0700, whatever the umask."""
    before = os.umask(umask)
    try:
        opened(tmp_path / "a" / "b" / "events.jsonl").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a" / "b" / "events.jsonl").stat().st_mode) == 0o600
    assert [stat.S_IMODE((tmp_path / part).stat().st_mode) for part in ("a", "a/b")] == [0o700, 0o700]


def test_a_line_torn_by_a_crash_costs_only_itself(tmp_path: Path) -> None:
    """Half a line at the end of the file is ended; every event after it is readable."""
    path = tmp_path / "events.jsonl"
    first, second = make_event(name="first"), make_event(name="second")
    path.write_bytes(first.to_json() + b"\n" + first.to_json()[:40])
    sink = opened(path)
    sink.deliver(make_batch([second]))
    sink.deliver(make_batch([second]))
    lines = path.read_bytes().splitlines()
    assert lines == [first.to_json(), first.to_json()[:40], second.to_json(), second.to_json()]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from fanlight import RetryableError, TelemetryEvent
from fanlight.sinks.jsonl import JsonlConfig, JsonlSink
from fanlight.testing import make_batch, make_context, make_event

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
path = Path(sys.argv[1])
small, large = make_event(name="small"), make_event(name="large" * 1000)
sink = JsonlSink(JsonlConfig(path=str(path)))
sink.open(make_context())
sink.deliver(make_batch([small]))
refused = 0
for _ in range(2):
    try:
        sink.deliver(make_batch([small, large]))
    except RetryableError:
        refused += 1
kept = [TelemetryEvent.from_json(line) for line in path.read_bytes().splitlines()]
sink.deliver(make_batch([small]))
again = [TelemetryEvent.from_json(line) for line in path.read_bytes().splitlines()]
sys.exit(0 if (refused, kept, again) == (2, [small], [small, small]) else 1)
"""


def test_a_batch_that_does_not_fit_leaves_no_trace(tmp_path: Path) -> None:
    """A full disk makes the batch come again, and the file stays as it was: no half line, nothing twice."""
    # In a process of its own: the limit that stands for the full disk holds for every file that a process writes.
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "events.jsonl")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr


def test_a_missing_permission_is_worth_another_try(tmp_path: Path) -> None:
    """A path that cannot be made is retryable, and its message names the path."""
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(RetryableError, match=r"events\.jsonl"):
        opened(tmp_path / "file" / "events.jsonl")


def test_a_directory_is_refused_for_good(tmp_path: Path) -> None:
    """A path that is no file will never work: PermanentError."""
    with pytest.raises(PermanentError, match="not a regular file"):
        opened(tmp_path)


def test_a_file_that_would_grow_too_large_is_renamed(tmp_path: Path) -> None:
    """Files stay below `max_file_bytes`, the newest `max_files` renamed ones are kept, and no event is split."""
    path, events = tmp_path / "events.jsonl", [make_event(name=f"event-{number}") for number in range(12)]
    size = len(events[-1].to_json()) + 1
    sink = opened(path, max_file_bytes=f"{2 * size + 10}B", max_files=2)
    for event in events:
        sink.deliver(make_batch([event]))
    assert sorted(found.name for found in tmp_path.iterdir()) == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    kept = [event for name in ("events.jsonl.2", "events.jsonl.1", "events.jsonl") for event in read(tmp_path / name)]
    assert kept == events[6:]


def test_a_batch_larger_than_a_file_is_still_written(tmp_path: Path) -> None:
    """`max_file_bytes` decides when to rename, never whether to write."""
    events = make_trace("agent")
    sink = opened(tmp_path / "events.jsonl", max_file_bytes="100B")
    sink.deliver(make_batch(events))
    assert tuple(read(tmp_path / "events.jsonl")) == events


def test_a_file_renamed_by_others_is_left_alone(tmp_path: Path) -> None:
    """After logrotate or another process renamed the file, events go to a new one at the path."""
    path, first, second = tmp_path / "events.jsonl", make_event(name="first"), make_event(name="second")
    sink = opened(path)
    sink.deliver(make_batch([first]))
    path.rename(tmp_path / "rotated")
    sink.deliver(make_batch([second]))
    assert (read(tmp_path / "rotated"), read(path)) == ([first], [second])


WRITER = """
import sys
from fanlight.sinks.jsonl import JsonlConfig, JsonlSink
from fanlight.testing.batches import make_batch, make_context
from fanlight.testing.events import make_event
sink = JsonlSink(JsonlConfig.model_validate({"path": sys.argv[1], "max_file_bytes": "200KiB", "max_files": 1000}))
sink.open(make_context())
for number in range(60):
    sink.deliver(make_batch([make_event(name=f"{sys.argv[2]}-{number}-{k}", inputs="x" * 2000) for k in range(5)]))
"""


def test_processes_share_a_file(tmp_path: Path) -> None:
    """Three processes that append and rotate at once lose nothing and mix no lines."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "events.jsonl"), str(who)]) for who in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = [event.name for path in tmp_path.iterdir() for event in read(path)]
    assert sorted(found) == sorted(f"{who}-{number}-{k}" for who in range(3) for number in range(60) for k in range(5))
    assert len(list(tmp_path.iterdir())) > 5


def test_a_lock_that_is_never_given_back_costs_no_thread(tmp_path: Path) -> None:
    """While somebody else holds the file's lock, an attempt ends at its deadline and comes again."""
    path, event = tmp_path / "events.jsonl", make_event()
    sink = opened(path)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RetryableError, match=r"events\.jsonl"):
            sink.deliver(make_batch([event], timeout=0.02))
    sink.deliver(make_batch([event]))
    assert read(path) == [event]


def test_fsync_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `fsync` every batch waits for the disk, without it none does; a disk that says no takes nothing."""
    path, event, synced = tmp_path / "events.jsonl", make_event(), []

    def fsync(fd: int) -> None:
        synced.append(os.fstat(fd).st_size)
        if len(synced) == 2:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    opened(path).deliver(make_batch([event]))
    assert synced == []
    sink = opened(path, fsync=True)
    sink.deliver(make_batch([event]))
    assert synced == [path.stat().st_size]
    with pytest.raises(RetryableError, match="Input/output error"):
        sink.deliver(make_batch([event]))
    assert read(path) == [event, event]


def test_a_path_is_required() -> None:
    """Without a path there is nothing to write to."""
    with pytest.raises(ValidationError, match="path"):
        JsonlConfig.model_validate({})
