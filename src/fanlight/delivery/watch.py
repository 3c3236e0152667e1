"""
Ends the process of a sink that has lost its application, and one that has come to a standstill.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Final

INTERVAL: Final = 1.0
"""Seconds between two looks."""
GRACE: Final = 3.0
"""Seconds that the sink has to close itself once the application is gone."""
STANDSTILL: Final = 30.0
"""
Seconds after which a process ends in which no thread gets its turn any more: an extension module that holds the
interpreter's lock would outlive the application, because nobody in here could see that it is gone.
"""


def watch(connection: socket.socket, parent: int) -> None:
    """
    Look after this process from now on, on a daemon thread.

    The application is gone when its end of *connection* is closed, or when this process is no child of *parent* any
    more: a fork of the application may hold that end open. Reading from *connection* then comes to its end.
    """
    threading.Thread(target=_watch, args=(connection, parent), name="fanlight-watch", daemon=True).start()


def _watch(connection: socket.socket, parent: int) -> None:
    with Path(os.devnull).open("w") as nowhere:  # an SDK may have put something of its own where stderr was
        faulthandler.dump_traceback_later(STANDSTILL, exit=True, file=nowhere)
        while not _is_gone(connection, parent):
            faulthandler.dump_traceback_later(STANDSTILL, exit=True, file=nowhere)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        time.sleep(GRACE)
    with contextlib.suppress(OSError):
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _is_gone(connection: socket.socket, parent: int) -> bool:
    """Whether the application is gone; waits a while for that to happen."""
    hang_up = select.poll()
    hang_up.register(connection, 0)  # what is always reported: the other end is closed
    return bool(hang_up.poll(INTERVAL * 1000)) or os.getppid() != parent
