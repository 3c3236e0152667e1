"""
What a power loss leaves of a SQLite database with a write-ahead log: any part of the log that was not yet synced is
missing, or is something else.

A cut log is a state that can occur: SQLite reads it up to the first frame whose checksum does not fit. It cannot end
before what a sync or a checkpoint has covered: a checkpoint syncs the log before it touches the database.
"""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_MARK: Final = struct.Struct("8sq")


class Frames(NamedTuple):
    """What is in a log; a restarted one has other salts."""

    salts: bytes
    ends: list[int]
    """The offset that the header ends at, then that of each frame."""
    commits: list[int]
    """Those of the frames that end a transaction."""


class SyncMark:
    """Remembers, outside the database and whatever happens to this process, how far the log was synced last."""

    def __init__(self, database: Path) -> None:
        self._log: Final = log_of(database)
        self._file: Final = os.open(mark_of(database), os.O_RDWR | os.O_CREAT, 0o600)

    def set(self) -> None:
        """All that the log has now is on the disk."""
        frames = _frames(self._log)
        os.pwrite(self._file, _MARK.pack(frames.salts, frames.ends[-1]), 0)


def log_of(database: Path) -> Path:
    """Return the write-ahead log's place."""
    return database.with_name(f"{database.name}-wal")


def mark_of(database: Path) -> Path:
    """Return the place of the mark."""
    return database.with_name(f"{database.name}-synced")


def lose_power(database: Path, chance: random.Random, commits: int | None = None) -> int:
    """
    Take the last commits that were not synced out of the log of a dead process's *database*, and return how many.

    Args:
        database: The file that the log belongs to.
        chance: Chooses where in the first lost commit the log ends, and what stands there instead.
        commits: How many, where there are as many; by chance otherwise.
    """
    log = log_of(database)
    frames = _frames(log)
    floor = _synced(database, frames.salts)
    unsynced = [end for end in frames.commits if end > floor]
    if not unsynced:
        return 0
    lost = min(commits or chance.randint(1, len(unsynced)), len(unsynced))
    kept = [floor, *unsynced][len(unsynced) - lost]
    _tear(log, chance.randint(kept, unsynced[-lost] - 1), chance)
    database.with_name(f"{database.name}-shm").unlink(missing_ok=True)  # it was memory
    return lost


def _tear(log: Path, cut: int, chance: random.Random) -> None:
    rest = log.stat().st_size - cut
    with log.open("r+b") as file:
        file.truncate(cut)
        file.seek(cut)
        file.write(chance.choice((b"", bytes(rest), chance.randbytes(rest))))


def _synced(database: Path, salts: bytes) -> int:
    mark = mark_of(database).read_bytes() if mark_of(database).exists() else b""
    of_salts, offset = _MARK.unpack(mark) if mark else (b"", 0)
    return int(offset) if of_salts == salts else _HEADER


def _frames(log: Path) -> Frames:
    data = log.read_bytes() if log.exists() else b""
    frames = Frames(data[16:24], [_HEADER], [])
    (page,) = struct.unpack_from(">I", data, 8) if len(data) >= _HEADER else (0,)
    end = _HEADER
    while data[end + 8 : end + 16] == frames.salts and (end := end + _FRAME_HEADER + page) <= len(data):
        frames.ends.append(end)
        (size_after_commit,) = struct.unpack_from(">I", data, frames.ends[-2] + 4)
        if size_after_commit:
            frames.commits.append(end)
    return frames
