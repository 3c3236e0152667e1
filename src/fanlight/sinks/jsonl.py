"""`type: jsonl`: one event a line, in a file that only its owner may read."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import Field

from fanlight.errors import PermanentError, RetryableError
from fanlight.sinks.base import Batch, DeliveryDefaults, Sink, SinkConfig, SinkContext, SinkType
from fanlight.units import ByteSize

try:
    import fcntl
except ImportError:  # Windows has none: one process a file there
    fcntl = None  # type: ignore[assignment]

_POLL: Final = 0.005
"""Seconds between two looks at a lock that another process holds; `flock` itself would wait for ever."""
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class JsonlConfig(SinkConfig):
    """Settings of a jsonl sink."""

    path: Path = Field(examples=["/var/log/support-bot/events.jsonl"])
    """The file, relative to the working directory; `~` is the home directory. It is made with mode 0600, missing
    directories above it with 0700."""
    fsync: bool = False
    """Whether each batch is flushed to the disk, so that it survives the machine and not only the process."""
    max_file_bytes: ByteSize | None = None
    """
    A file that would grow beyond this is renamed to `<path>.1` first, `.1` to `.2` and so on; no limit. A batch is
    never split: a larger one makes a larger file.
    """
    max_files: int = Field(default=5, ge=1)
    """How many renamed files are kept."""


class JsonlSink(Sink[JsonlConfig]):
    """
    Appends each batch with one write, all or nothing: a batch that did not fit leaves the file as it was.

    Several processes may write to one path: they take turns by a lock on the file, and follow each other's renames.
    A line that a crash cut short is ended before the next batch, so it costs a reader that line and no other.
    """

    def open(self, context: SinkContext) -> None:
        """Make the file, and the directories above it."""
        super().open(context)
        self._path = self.config.path.expanduser().absolute()
        self._fd: int | None = None
        with self._disk_errors():
            self._reopen()

    def deliver(self, batch: Batch) -> None:
        """Append the batch and, with `fsync`, wait for the disk."""
        lines = b"".join(event.to_json() + b"\n" for event in batch)
        with self._disk_errors(), self._turn(len(lines), batch.deadline) as fd:
            _append(fd, lines, fsync=self.config.fsync)

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        """Turn the system's refusals into the lane's: a full disk is emptied, a missing permission given."""
        try:
            yield
        except OSError as error:
            raise RetryableError(f"{self._path}: {error.strerror or type(error).__name__}") from error

    @contextmanager
    def _turn(self, size: int, deadline: float) -> Iterator[int]:
        """Hold the lock of the file that is at the path now, with room for *size* bytes."""
        while True:
            fd = self._fd if self._fd is not None else self._reopen()
            _lock(fd, deadline)
            try:
                if self._is_current(fd) and not self._rotate(fd, size):
                    yield fd
                    return
            finally:
                _unlock(fd)
            self._reopen()

    def _is_current(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), self._path.stat())
        except FileNotFoundError:
            return False

    def _rotate(self, fd: int, size: int) -> bool:
        """Rename the file if *size* more bytes are too many for it; whether that was done."""
        written, limit = os.fstat(fd).st_size, self.config.max_file_bytes
        if limit is None or not written or written + size <= limit:
            return False
        for number in range(self.config.max_files, 0, -1):
            older = self._numbered(number - 1) if number > 1 else self._path
            if older.exists():
                older.replace(self._numbered(number))
        return True

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _reopen(self) -> int:
        self.close()
        if self._path.exists() and not stat.S_ISREG(self._path.stat().st_mode):
            raise PermanentError(f"{self._path} is not a regular file")
        for missing in reversed([parent for parent in self._path.parents if not parent.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        self._fd = os.open(self._path, _FLAGS, 0o600)
        return self._fd


def _append(fd: int, lines: bytes, *, fsync: bool) -> None:
    before = os.fstat(fd).st_size
    torn = before > 0 and os.pread(fd, 1, before - 1) != b"\n"
    data = b"\n" + lines if torn else lines
    try:
        written = os.write(fd, data)
        if written < len(data):
            raise RetryableError(f"only {written} of {len(data)} bytes could be written")
        if fsync:
            os.fsync(fd)
    except (OSError, RetryableError):
        os.ftruncate(fd, before)  # the lock is ours: what stands behind `before` is our own half
        raise


def _lock(fd: int, deadline: float) -> None:
    while fcntl is not None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_POLL)


def _unlock(fd: int) -> None:
    if fcntl is not None:
        fcntl.flock(fd, fcntl.LOCK_UN)


SINK_TYPE: Final = SinkType(
    name="jsonl",
    config_model=JsonlConfig,
    factory=JsonlSink,
    delivered_means="The event's line is in the file, with the operating system; with `fsync: true`, on the disk.",
    network=False,
    # A write costs the lane the interpreter lock, which a busy application gives back late: few and large ones keep up.
    defaults=DeliveryDefaults(batch_max_events=2000),
)
