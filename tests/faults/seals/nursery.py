"""
A process that has everything imported and forks a life for each line that it reads: its pid, then how it ended.

The libraries are only imported here, never used: none of their threads exist when it forks.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback

import deltalake
import msgspec
import pyarrow.parquet

import fanlight_lake.delta
import fanlight_lake.encode

from .life import Life, Order

WARM = (deltalake, pyarrow.parquet, fanlight_lake.delta, fanlight_lake.encode)


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        order = msgspec.json.decode(line, type=Order)
        is_open, opened = os.pipe()
        child = os.fork()
        if child == 0:
            _be(order, opened)
        os.close(opened)
        print(child, flush=True)
        if not order.from_birth:
            os.read(is_open, 1)  # its end: it is open, or it is dead
        os.close(is_open)
        if order.kill_after is not None and _outlives(child, order.kill_after):
            os.kill(child, signal.SIGKILL)  # it is not reaped yet: nobody else has its pid
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _outlives(child: int, seconds: float) -> bool:
    handle = os.pidfd_open(child)
    try:
        return not select.select([handle], [], [], seconds)[0]
    finally:
        os.close(handle)


def _be(order: Order, opened: int) -> None:
    try:
        Life(order, lambda: os.close(opened)).run()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
