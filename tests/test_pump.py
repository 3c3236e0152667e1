"""The router thread's wake-ups and rests, from whatever side they come."""

from __future__ import annotations

import faulthandler
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from uuid import uuid4

import pytest

from fanlight.capture.intake import Intake
from fanlight.capture.record import CallbackRecord
from fanlight.flow import Flow, Tally
from fanlight.pump import FORK_PATIENCE, Pump


class Through(Flow):
    """A flow in which everything is routed."""

    def __init__(self) -> None:
        pass

    def feed(self, records: Sequence[CallbackRecord]) -> Tally:
        return Tally(routed=len(records))

    def reap(self, now_perf_ns: int, now_unix_ns: int) -> Tally:
        return Tally()


def record() -> CallbackRecord:
    return CallbackRecord("chain_start", uuid4(), None, 1, 1, (), {})


@pytest.fixture
def intake() -> Intake:
    return Intake(max_events=1_000_000, max_bytes=1 << 40)


@pytest.fixture
def pump(intake: Intake) -> Iterator[Pump]:
    pump = Pump(intake, Through, lambda error: None)
    intake.wake = pump.wake
    pump.start()
    yield pump
    pump.stop(time.monotonic() + 10)
    assert not pump.alive


def _drained(pump: Pump) -> bool:
    return pump.drain(time.monotonic() + 20)


def test_every_append_is_seen(pump: Pump, intake: Intake) -> None:
    """However an append falls between the thread's last look and its sleep, it is woken."""
    for _ in range(2000):
        intake.append(record())
        assert _drained(pump)

    assert intake.counts().routed == 2000


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer on this system")
def test_a_signal_handler_may_append_and_wake(pump: Pump, intake: Intake) -> None:
    """A handler that runs in the middle of a wake-up, on the same thread, and wakes too does not wait for itself."""
    hits: list[int] = []

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        hits.append(1)
        intake.append(record())
        pump.wake()

    before = signal.signal(signal.SIGALRM, on_signal)
    faulthandler.dump_traceback_later(60, exit=True)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        appended = 0
        while len(hits) < 3000:
            intake.append(record())
            pump.wake()
            appended += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()

    assert _drained(pump)
    counts = intake.counts()
    assert counts.balanced
    assert counts.routed == appended + len(hits)


def test_two_threads_that_fork_at_once_leave_the_pump_running(pump: Pump, intake: Intake) -> None:
    """One holds the thread longer than the other's patience lasts; both let go, and it works again."""
    pump.rest()
    impatient = threading.Thread(target=lambda: (pump.rest(), pump.go_on()))
    impatient.start()
    impatient.join(FORK_PATIENCE * 40)
    assert not impatient.is_alive()
    pump.go_on()
    intake.append(record())

    assert _drained(pump)


class Stumbling(Through):
    """A flow that fails over its first piece as a whole."""

    def __init__(self) -> None:
        self.pieces = 0

    def feed(self, records: Sequence[CallbackRecord]) -> Tally:
        self.pieces += 1
        if self.pieces == 1:
            raise SystemExit(1)
        return super().feed(records)


def test_what_escapes_a_piece_costs_that_piece(intake: Intake) -> None:
    """Whatever a flow lets out, even `SystemExit`, the piece is counted as lost and the next one goes through."""
    failures: list[BaseException] = []
    pump = Pump(intake, Stumbling, failures.append)
    intake.append(record())
    intake.append(record())
    intake.wake = pump.wake
    pump.start()
    assert _drained(pump)
    intake.append(record())
    assert _drained(pump)
    pump.stop(time.monotonic() + 10)

    counts = intake.counts()
    assert (counts.routed, counts.dropped, counts.queued) == (1, {"router_failed": 2}, 0)
    assert counts.balanced
    assert failures == []
