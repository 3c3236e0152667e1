"""
A lake in a local directory that only its owner may enter.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from fanlight import PermanentError, RetryableError


class LocalStorage:
    """Files below one directory. Those it makes have mode 0600, and directories 0700."""

    is_conditional = True

    def __init__(self, path: str) -> None:
        self.root = Path(path).expanduser().absolute()

    @property
    def uri(self) -> str:
        """The directory."""
        return str(self.root)

    @property
    def options(self) -> dict[str, str]:
        """Nothing is needed."""
        return {}

    def open(self) -> None:
        """Make the directory, and those above it."""
        self.diagnose()

    def diagnose(self) -> None:
        """Write a file and delete it: what a full disk, a missing permission or a file in the way says to that."""
        name = f".probe-{secrets.token_hex(8)}"
        try:
            self.put(name, b"probe")
            self.delete(name)
        except (NotADirectoryError, FileExistsError):
            raise PermanentError(f"{self.root} is not a directory") from None
        except OSError as error:
            must_act = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
            raise RetryableError(f"{self.root}: {error.strerror}", open_breaker=must_act) from error

    def put(self, name: str, data: bytes, *, replace: bool = False) -> bool:
        """Write a file, onto the disk; `False` where there is one already and it is not to be replaced."""
        path = self.root / name
        if not replace and path.exists():
            return False
        make_directories(path.parent)
        written = path.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            _write(written, data)
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)
        _sync(path.parent)
        return True

    def get(self, name: str) -> bytes:
        """Return what a file holds."""
        return (self.root / name).read_bytes()

    def names(self, suffix: str, under: str = "") -> Iterator[str]:
        """Return the names of the files below the directory *under* that end in *suffix*, sorted."""
        yield from sorted(name for name, *_ in self.entries(under) if name.endswith(suffix))

    def entries(self, under: str = "") -> Iterator[tuple[str, int, datetime]]:
        """Yield the name, the size and the time of the last change of each file below the directory *under*."""
        for directory, _, names in os.walk(self.root / under, onerror=_raise_unless_gone):
            for path in (Path(directory, name) for name in names):
                with suppress(FileNotFoundError):  # it is gone again
                    found = path.stat()
                    changed = datetime.fromtimestamp(found.st_mtime, UTC)
                    yield path.relative_to(self.root).as_posix(), found.st_size, changed

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is well."""
        (self.root / name).unlink(missing_ok=True)


def make_directories(path: Path) -> None:
    """Make *path* and what is missing above it, for their owner alone."""
    for missing in reversed([each for each in (path, *path.parents) if not each.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def _raise_unless_gone(error: OSError) -> None:
    """A directory that is not there has no files; one that may not be read has, and they must not be passed over."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """Have the disk remember the names in *directory* too."""
    fd = os.open(directory, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
