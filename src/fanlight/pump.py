"""
The router thread: takes what was captured, in small pieces, and sends it through the flow.

It sleeps until it is woken, and is woken only when it sleeps: while it is awake an append costs the caller no wake-up.
It wakes at once, because what waits in the queue is seen by the garbage collector, and a full collection of a process
with LangChain in it stops the application for tens of milliseconds.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from fanlight.capture.intake import Intake
from fanlight.flow import Flow, Tally, place_of

_logger: Final = logging.getLogger("fanlight.router")

SMALL_PIECE: Final = 64
LARGE_PIECE: Final = 1024
"""
A piece is the backlog, within these bounds: each release of the interpreter lock (a scan, a lock, a sleep) costs this
thread up to a switch interval to get it back from an application that computes, so the more there is to do, the more
is done at once. tests/bench/handover.md has the figures.
"""
FORK_PATIENCE: Final = 0.25
"""Seconds that a fork is delayed at most until the thread is between two pieces."""
REAP_EVERY: Final = 10.0
"""Seconds between looks for runs that never ended."""


class Pump:
    """
    Runs a flow on a daemon thread of its own. An exception costs the piece it came from, counted as `router_failed`.

    Args:
        intake: Where records wait.
        make_flow: Builds the flow, on the thread: the application does not wait for it.
        failed: Told when there is no flow, or the thread ends though nobody stopped it.
    """

    def __init__(self, intake: Intake, make_flow: Callable[[], Flow], failed: Callable[[BaseException], None]) -> None:
        self._intake = intake
        self._make_flow = make_flow
        self._failed = failed
        # Not an Event: one that is set while the same thread sets it, in a signal handler, waits for itself.
        self._woken: SimpleQueue[None] = SimpleQueue()
        self._settled = threading.Condition()
        self._working = threading.RLock()
        self._stopping = False
        self._flow: Flow | None = None
        self._next_reap = time.monotonic() + REAP_EVERY
        self._thread = threading.Thread(target=self._run, name="fanlight-router", daemon=True)

    def start(self) -> None:
        """Start the thread. Raises RuntimeError when the interpreter is shutting down."""
        self._thread.start()

    def wake(self) -> None:
        """Tell the thread that there is something to do. Cheap, and safe from any thread or signal handler."""
        self._woken.put(None)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def open_runs(self) -> int:
        """How many runs have started and not ended."""
        return self._flow.open_runs if self._flow else 0

    @property
    def failed_processors(self) -> dict[str, int]:
        """How often each processor of a plugin failed, and was passed over."""
        return self._flow.failed_processors if self._flow else {}

    def drain(self, deadline: float) -> bool:
        """
        Wait until everything captured before this call went through, or until *deadline* (monotonic seconds).

        Returns whether it did.
        """
        mark = self._intake.appended
        self.wake()
        with self._settled:
            self._settled.wait_for(
                lambda: self._intake.settled >= mark or not self.alive, max(0.0, deadline - time.monotonic())
            )
        return self._intake.settled >= mark

    def rest(self) -> None:
        """Hold the thread between two pieces, where it holds no lock of anybody's, until `go_on`."""
        self._working.acquire(timeout=FORK_PATIENCE)

    def go_on(self) -> None:
        """Let the thread work again. Of two threads that fork at once, each gives back what it got, or nothing."""
        with contextlib.suppress(RuntimeError):  # patience ran out: the lock is not this thread's
            self._working.release()

    def stop(self, deadline: float) -> None:
        """End the thread after its current piece of work, and wait for that until *deadline*."""
        self._stopping = True
        self.wake()
        if threading.current_thread() is not self._thread and self._thread.is_alive():
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # a thread that is gone tells nobody
            self._failed(error)
        self._announce()

    def _work(self) -> None:
        with self._working:
            flow = self._flow = self._make_flow()
        while not self._stopping:
            with self._working:
                done = self._piece(flow)
                self._reap_if_due(flow)
            if not done:
                self._sleep()

    def _piece(self, flow: Flow) -> int:
        records = self._intake.take(min(max(SMALL_PIECE, len(self._intake)), LARGE_PIECE))
        if records:
            tally = _contained(lambda: flow.feed(records), len(records))
            self._intake.settle(
                records=len(records), routed=tally.routed, unmatched=tally.unmatched, dropped=tally.dropped
            )
            self._announce()
        return len(records)

    def _sleep(self) -> None:
        # From here on an append wakes this thread; what was appended before shows in the length.
        self._intake.idle = True
        if not len(self._intake) and not self._stopping:
            with contextlib.suppress(Empty):
                self._woken.get(timeout=REAP_EVERY)
        self._intake.idle = False

    def _reap_if_due(self, flow: Flow) -> None:
        if time.monotonic() < self._next_reap:
            return
        self._next_reap = time.monotonic() + REAP_EVERY
        tally = _contained(lambda: flow.reap(time.perf_counter_ns(), time.time_ns()), 1)
        self._intake.settle(records=0, routed=tally.routed, unmatched=tally.unmatched, dropped=tally.dropped)

    def _announce(self) -> None:
        with self._settled:
            self._settled.notify_all()


def _contained(work: Callable[[], Tally], at_stake: int) -> Tally:
    try:
        return work()
    except BaseException as error:  # whatever it is: the next piece is not to blame
        _logger.error("%d events were lost: %s at %s", at_stake, type(error).__name__, place_of(error))  # noqa: TRY400
        return Tally(dropped=Counter(router_failed=at_stake))
