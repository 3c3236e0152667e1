"""
A place among the processes that log to the same W&B runs from one machine.

W&B has one writer for a run. Four workers need four runs, and after a restart the same four: each takes the lowest
place that is free. A place is free again when its process ends, however it ends.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from fanlight import PermanentError, RetryableError

_MOST: Final = 1000


class Slot:
    """
    The lowest free place below *directory* for *purpose*, held until `release` or the end of the process.

    Raises:
        PermanentError: this system has no file locks of the kind that is needed.
        RetryableError: all places are taken.
    """

    def __init__(self, directory: Path, purpose: str) -> None:
        name = hashlib.sha256(purpose.encode()).hexdigest()[:16]
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.number, descriptor = _lowest(directory, name)
        self._held: int | None = descriptor

    def release(self) -> None:
        """Let another process have the place."""
        held, self._held = self._held, None
        if held is not None:
            os.close(held)


def _lowest(directory: Path, name: str) -> tuple[int, int]:
    for number in range(_MOST):
        descriptor = _lock(directory / f"{name}.{number}.lock")
        if descriptor is not None:
            return number, descriptor
    raise RetryableError(f"{_MOST} processes log to these W&B runs already")


def _lock(path: Path) -> int | None:
    """Return the descriptor that holds *path* locked, `None` where another process holds it."""
    try:
        import fcntl  # noqa: PLC0415 - Windows has none
    except ImportError:
        raise PermanentError("W&B runs of fanlight's own need Linux or macOS; elsewhere, set run: current") from None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
