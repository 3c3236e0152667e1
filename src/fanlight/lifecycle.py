"""
Forks and the end of the process, for all routers that are open.

A forked child starts anew: what the parent queued is the parent's to deliver. At the end of the process, routers close
within their deadline, after the application's own non-daemon threads and before SDKs that a sink imported.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import weakref
from typing import Final, Protocol


class Living(Protocol):
    """What has threads and queues."""

    def before_fork(self) -> None:
        """Come to rest, shortly: what a thread holds at a fork stays held in the child, a library's mutex too."""
        ...

    def after_fork(self) -> None:
        """Go on, in the parent."""
        ...

    def reset_after_fork(self) -> None:
        """Forget what belongs to the parent process."""
        ...

    def prepare_exit(self) -> None:
        """Start the threads that will be needed: soon none can be started any more."""
        ...

    def close(self) -> None:
        """Deliver what can be delivered within the deadline, and end."""
        ...


_open: Final[dict[int, Living]] = {}
_forkable: Final[weakref.WeakSet[Living]] = weakref.WeakSet()


def watch(living: Living) -> None:
    """Look after *living* from now on; it is kept alive until it is closed."""
    _open[id(living)] = living
    _forkable.add(living)
    be_first_at_exit()


def forget(living: Living) -> None:
    """Stop looking after *living*."""
    _open.pop(id(living), None)


def be_first_at_exit() -> None:
    """
    Register for the end of the process once more, as the newest.

    Exit handlers run newest first, and an SDK that a sink imports registers its own: called after each `open`, so
    that the lanes drain while the SDK still works.
    """
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)


def _at_exit() -> None:
    for living in list(_open.values()):
        with contextlib.suppress(Exception):
            living.close()


def _before_threads_end() -> None:
    for living in list(_open.values()):
        with contextlib.suppress(Exception):
            living.prepare_exit()


def _before_fork() -> None:
    for living in list(_forkable):
        with contextlib.suppress(Exception):
            living.before_fork()


def _in_parent() -> None:
    for living in list(_forkable):
        with contextlib.suppress(Exception):
            living.after_fork()


def _in_child() -> None:
    with contextlib.suppress(Exception):
        # A compiled pattern has a mutex; a child that compiles the same pattern gets a new one, not the cached one.
        sys.modules["re2"].purge()
    for living in list(_forkable):
        with contextlib.suppress(Exception):
            living.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
# From Python 3.12 on no thread can be started once the non-daemon threads have ended, and `atexit` runs after that.
# 3.12.0 to 3.12.2 start none as soon as the main thread has ended (python/cpython#113964): what a process captured in
# its last moments before any thread ran, or after, is dropped there, counted as `shutdown`.
with contextlib.suppress(AttributeError, RuntimeError):
    threading._register_atexit(_before_threads_end)  # type: ignore[attr-defined]  # noqa: SLF001
