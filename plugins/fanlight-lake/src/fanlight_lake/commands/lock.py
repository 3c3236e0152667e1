"""
One command at a time may change what is written already.

On a disk the lock is the operating system's and ends with its process. In a bucket it is an object with an expiry,
which its holder renews, and looks at before every step that destroys something.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from fanlight_lake.commands.errors import CommandError
from fanlight_lake.local import LocalStorage
from fanlight_lake.storage import Storage

Check: TypeAlias = Callable[[], None]
"""Call it before a step that destroys: raises CommandError where the lock is no longer held."""

_LOCAL: Final = ".maintenance.lock"
_OBJECT: Final = "_maintenance.lock"
_LEASE_SECONDS: Final = 900.0


@contextmanager
def maintenance(storage: Storage) -> Iterator[Check]:
    """
    Hold the lake's lock.

    Raises:
        CommandError: another command holds it.
    """
    if isinstance(storage, LocalStorage):
        with _locked(storage):
            yield lambda: None
        return
    lease = _Lease(storage)
    lease.take()
    try:
        yield lease.check
    finally:
        lease.release()


@contextmanager
def _locked(storage: LocalStorage) -> Iterator[None]:
    fd = os.open(storage.root / _LOCAL, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError("another command is at work on this lake; try again when it has ended") from None
        yield
    finally:
        os.close(fd)


class _Lease:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._token = secrets.token_hex(8)
        self._until = 0.0

    def take(self) -> None:
        if not self._write(replace=False):
            self._wait_is_over(self._read())
            self._write(replace=True)
        self.check()

    def check(self) -> None:
        if self._read().get("token") != self._token:
            raise CommandError("another command has taken over this lake; nothing more was done")
        if self._until - time.time() < _LEASE_SECONDS / 2:
            self._write(replace=True)

    def release(self) -> None:
        if self._read().get("token") == self._token:
            self._storage.delete(_OBJECT)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._storage.get(_OBJECT))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, *, replace: bool) -> bool:
        self._until = time.time() + _LEASE_SECONDS
        content = json.dumps({"token": self._token, "until": self._until}).encode()
        return self._storage.put(_OBJECT, content, replace=replace)

    def _wait_is_over(self, found: dict[str, Any]) -> None:
        left = found.get("until", 0.0) - time.time()
        if left > 0:
            raise CommandError(
                f"another command is at work on this lake, or was killed: try again in {left / 60:.0f} minutes, "
                f"or delete {self._storage.uri}/{_OBJECT} if you know that it has ended"
            )
