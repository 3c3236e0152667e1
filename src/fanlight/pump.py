"""
The router thread: takes what was captured, in small pieces, and sends it through the flow.

It works in short bursts, because whoever holds the interpreter lock delays the application. It sleeps until it is
woken, and is woken only when it sleeps: while it is awake an append costs the caller no wake-up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from fanlight.capture.intake import Intake
from fanlight.flow import Flow

BURST: Final = 32
"""Records taken at once: some 2 ms of work, below the interpreter's switch interval of 5 ms."""
NAP: Final = 0.01
"""Seconds between bursts while events come: the caller pays no wake-up, and an event waits at most this long."""
IDLE_NAPS: Final = 5
"""Naps without an event after which the thread sleeps until it is woken."""
REAP_EVERY: Final = 10.0
"""Seconds between looks for runs that never ended."""


class Pump:
    """
    Runs a flow on a daemon thread of its own.

    Args:
        intake: Where records wait.
        make_flow: Builds the flow, on the thread: the application does not wait for it.
    """

    def __init__(self, intake: Intake, make_flow: Callable[[], Flow]) -> None:
        self._intake = intake
        self._make_flow = make_flow
        self._woken = threading.Event()
        self._settled = threading.Condition()
        self._stopping = False
        self._flow: Flow | None = None
        self._next_reap = time.monotonic() + REAP_EVERY
        self._thread = threading.Thread(target=self._run, name="fanlight-router", daemon=True)

    def start(self) -> None:
        """Start the thread. Raises RuntimeError when the interpreter is shutting down."""
        self._thread.start()

    def wake(self) -> None:
        """Tell the thread that there is something to do. Cheap and safe from any thread or signal handler."""
        self._woken.set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def open_runs(self) -> int:
        """How many runs have started and not ended."""
        return self._flow.open_runs if self._flow else 0

    def drain(self, deadline: float) -> bool:
        """Wait until everything captured before this call went through, or until *deadline* (monotonic seconds)."""
        self.wake()
        with self._settled:
            return self._settled.wait_for(
                lambda: not len(self._intake) or not self.alive, max(0.0, deadline - time.monotonic())
            )

    def stop(self, deadline: float) -> None:
        """End the thread, after its current piece of work."""
        self._stopping = True
        self.wake()
        if threading.current_thread() is not self._thread and self._thread.is_alive():
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        self._flow = self._make_flow()
        self._intake.idle = False
        quiet = 0
        while not self._stopping:
            quiet = 0 if self._burst() else quiet + 1
            self._reap_if_due()
            if quiet > IDLE_NAPS:
                self._sleep()
            elif not self._stopping and not len(self._intake):
                self._woken.wait(NAP) if quiet else time.sleep(NAP)
        self._announce()

    def _burst(self) -> int:
        records = self._intake.take(BURST)
        for record in records:
            tally = self._flow_for().feed(record)
            self._intake.settle(
                records=1, routed=tally.routed, unmatched=tally.unmatched, dropped=tally.dropped
            )
        if not len(self._intake):
            self._announce()
        return len(records)

    def _flow_for(self) -> Flow:
        if self._flow is None:
            self._flow = self._make_flow()
        return self._flow

    def _sleep(self) -> None:
        self._woken.clear()
        self._intake.idle = True
        if not len(self._intake) and not self._stopping:
            self._woken.wait(REAP_EVERY)
        self._intake.idle = False

    def _reap_if_due(self) -> None:
        if time.monotonic() < self._next_reap:
            return
        self._next_reap = time.monotonic() + REAP_EVERY
        tally = self._flow_for().reap(time.perf_counter_ns(), time.time_ns())
        self._intake.settle(records=0, routed=tally.routed, unmatched=tally.unmatched, dropped=tally.dropped)

    def _announce(self) -> None:
        with self._settled:
            self._settled.notify_all()
