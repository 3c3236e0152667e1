"""
The one thread that touches a journal's file, and the transactions that it makes of what others ask for.
"""

from __future__ import annotations

import itertools
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
_GROUP: Final = 500
_TIMEOUT: Final = 60.0


class Request(NamedTuple):
    """Statements that belong into one transaction, and whether that must be on the disk before anybody is told."""

    work: Work
    sync: bool
    done: Future[Any]


class Owner:
    """
    Runs all work on one connection; what waits at the same time is committed together.

    Args:
        path: The file; made where it is missing.
        prepare: Called with the connection before any work, outside a transaction.
        checkpoint: Called with the connection after every *checkpoint_every* transactions.
        checkpoint_every: How many those are.
        on_sync: Called whenever all that was committed so far is on the disk.
    """

    def __init__(
        self, path: Path, prepare: Work, checkpoint: Work, checkpoint_every: int, on_sync: Callable[[], None]
    ) -> None:
        self._path: Final = path
        self._checkpoint: Final = checkpoint
        self._checkpoint_every: Final = checkpoint_every
        self._on_sync: Final = on_sync
        self._requests: Final[queue.SimpleQueue[Request | None]] = queue.SimpleQueue()
        self._thread: Final = threading.Thread(target=self._run, args=(prepare,), name="journal", daemon=True)
        self._opened: Final[Future[None]] = Future()
        self._thread.start()
        self._opened.result(_TIMEOUT)

    def run(self, work: Callable[[sqlite3.Connection], T], *, sync: bool = False) -> T:
        """Return what *work* returned, once its transaction is committed; with *sync*, once it is on the disk."""
        done: Future[T] = Future()
        self._requests.put(Request(work, sync, done))
        return done.result(_TIMEOUT)

    def close(self) -> None:
        """Finish what was asked for, and close the file."""
        self._requests.put(None)
        self._thread.join(_TIMEOUT)

    def _run(self, prepare: Work) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            prepare(connection)
        except BaseException as error:
            self._opened.set_exception(error)
            connection.close()
            return
        self._opened.set_result(None)
        for number in itertools.count(1):
            group = self._next_group()
            if not group:
                break
            self._commit(connection, group)
            if number % self._checkpoint_every == 0:
                self._checkpoint(connection)
        connection.close()

    def _next_group(self) -> list[Request]:
        """Wait for a request and take those that wait behind it; empty at the end."""
        group: list[Request] = []
        while not group or not (self._requests.empty() or len(group) == _GROUP):
            request = self._requests.get()
            if request is None:
                if group:
                    self._requests.put(None)
                break
            group.append(request)
        return group

    def _commit(self, connection: sqlite3.Connection, group: list[Request]) -> None:
        sync = any(request.sync for request in group)
        # The level holds for a transaction and cannot change within it.
        connection.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            results = [request.work(connection) for request in group]
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for request in group:
                request.done.set_exception(error)
            return
        if sync:
            self._on_sync()
        for request, result in zip(group, results, strict=True):
            request.done.set_result(result)
