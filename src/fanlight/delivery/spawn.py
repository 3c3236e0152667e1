"""
Starts the process of a sink so that it shares nothing with the application but one socket.

It is started as a program, never forked: the application's locks, threads and `__main__` stay where they are. A fork
of the application waits while a process is being started, and its child closes the sockets that it inherits: else it
would hold open what must end with the application.

What the application can import can be imported there. Its `sys.path` does not travel as PYTHONPATH: tools that trace a
program from its `sitecustomize` take that out of PYTHONPATH, so as not to trace other programs, and would be back.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Final

from fanlight.delivery.frames import Channel
from fanlight.delivery.messages import Answer
from fanlight.switches import DISABLED

_PATH: Final = "FANLIGHT_CHILD_PATH"
_PROGRAM: Final = (
    f"import json, os, sys; sys.path[:] = json.loads(os.environ.pop({_PATH!r})); "
    "from fanlight.delivery.child import main; main()"
)
_FORK_PATIENCE: Final = 0.25
"""Seconds that a fork waits for a start that is under way."""

_starting = threading.RLock()
_sockets: Final[weakref.WeakSet[socket.socket]] = weakref.WeakSet()


def unsupported() -> str | None:
    """Return why no process can be started here, `None` where one can."""
    if os.name != "posix":
        return "a sink cannot run in its own process on this system, only on Linux and macOS"
    if interpreter() is None:
        return "no Python interpreter is known here that a process could be started with"
    return None


def interpreter() -> str | None:
    """Return the path of this Python; an application server that embeds it calls itself `sys.executable`."""
    if getattr(sys, "frozen", False):
        return None
    named = Path(sys.executable or "")
    if named.name.lower().startswith(("python", "pypy")):
        return str(named)
    installed = Path(sys.exec_prefix, "bin", "python3")
    return str(installed) if installed.exists() else None


class SinkProcess:
    """
    The process of one sink, as the application sees it.

    Args:
        name: The sink's name; a list of processes shows it.
    """

    def __init__(self, name: str) -> None:
        self._owner: Final = os.getpid()
        with _starting:
            self._connection, self._process = _started(name)
        self.pid: Final = self._process.pid
        self.channel: Final[Channel[Answer]] = Channel(self._connection, Answer)

    def kill(self) -> None:
        """End the process and all that it started in its group. Never waits; from any thread, any number of times."""
        if self._process.returncode is not None:
            return
        self._kill_group()
        with contextlib.suppress(OSError):  # whoever waits for its answer need not wait for its last breath
            self._connection.shutdown(socket.SHUT_RDWR)

    def wait(self) -> int:
        """
        Wait until the process has ended, and return its exit code, or the negative number of a signal.

        Of what it started in its group nothing is left then.
        """
        code = self._process.wait()
        self._kill_group()
        self._connection.close()
        return code

    def _kill_group(self) -> None:
        if os.getpid() != self._owner:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # there is nothing left of it
            os.killpg(self.pid, signal.SIGKILL)


def ending(code: int) -> str:
    """Return in words how a process ended."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal
        name = f"signal {-code}"
    return f"was ended by {name}" + (" (out of memory, or killed by somebody)" if code == -signal.SIGKILL else "")


def _started(name: str) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = pair = socket.socketpair()
    _sockets.update(pair)
    try:
        return ours, _popen(name, theirs)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()


def _popen(name: str, theirs: socket.socket) -> subprocess.Popen[bytes]:
    # `-P`: else a module in the working directory could stand in for one of the standard library's.
    command = [interpreter() or sys.executable, "-P", "-c", _PROGRAM, str(theirs.fileno()), name]
    return subprocess.Popen(  # noqa: S603 - this Python and a program of ours; the name is no argument of a shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
        env=_environment(),
        start_new_session=True,  # Ctrl-C in a terminal is not for it, and its group can be killed as a whole
    )


def _environment() -> dict[str, str]:
    """Return the application's own, for a process that finds its modules and captures nothing itself."""
    entries: list[object] = [*sys.path]  # whatever was put there; imports pass over what is no text
    return os.environ | {_PATH: json.dumps([entry for entry in entries if isinstance(entry, str)]), DISABLED: "1"}


def _before_fork() -> None:
    _starting.acquire(timeout=_FORK_PATIENCE)


def _after_in_parent() -> None:
    with contextlib.suppress(RuntimeError):  # not held: a start takes longer than a fork waits
        _starting.release()


def _after_in_child() -> None:
    global _starting  # noqa: PLW0603 - whoever held it is not in this process
    _starting = threading.RLock()
    for connection in list(_sockets):
        with contextlib.suppress(OSError):
            connection.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
