"""
A clock that a test owns: time passes when the test says so, and whoever waits for it wakes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

_POLL: Final = 0.005
"""Real seconds between two looks at a condition that another thread will bring about."""


class FakeClock:
    """
    A `Clock` whose time stands still until `advance`.

    A thread that asks for the time, computes a timeout from it and then waits cannot miss an `advance` in between:
    its timeout counts from the time that it was told.

    Args:
        start: Monotonic seconds at the beginning.
        unix_nano: Wall clock nanoseconds at the beginning.
    """

    def __init__(self, start: float = 1000.0, unix_nano: int = 1_700_000_000_000_000_000) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._now = start
        self._unix_nano = unix_nano
        self._told = threading.local()
        self._waiting: list[tuple[threading.Condition, float | None]] = []

    def monotonic(self) -> float:
        """Return the current fake monotonic seconds."""
        self._told.now = self._now
        return self._now

    def time_ns(self) -> int:
        """Return the current fake nanoseconds since 1970."""
        return self._unix_nano + round((self._now - self._start) * 1e9)

    def wait(self, condition: threading.Condition, timeout: float | None) -> bool:
        """Wait on the held *condition* until it is notified or fake time has passed; whether it was notified."""
        due = None if timeout is None else getattr(self._told, "now", self._now) + timeout
        waiter = (condition, due)
        with self._lock:
            if due is not None and due <= self._now:
                return False
            self._waiting.append(waiter)
        try:
            condition.wait()
        finally:
            with self._lock:
                self._waiting.remove(waiter)
        return due is None or self._now < due

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass and wake every thread whose time has come."""
        with self._lock:
            self._now += seconds
            due = [condition for condition, at in self._waiting if at is not None and at <= self._now]
        for condition in due:
            with condition:
                condition.notify_all()

    def advance_until(
        self, happened: Callable[[], bool], *, step: float = 0.1, limit: float = 3600.0, patience: float = 20.0
    ) -> float:
        """
        Let time pass in steps until *happened*, and return how many fake seconds that took.

        Args:
            happened: What is waited for.
            step: Fake seconds that pass at once, each when all whose time has come are awake again.
            limit: Fake seconds that may pass.
            patience: Real seconds it may take.

        Raises:
            TimeoutError: it did not happen.
        """
        begin, end = self._now, time.monotonic() + patience
        while not happened():
            if self._now - begin >= limit or time.monotonic() >= end:
                raise TimeoutError(f"did not happen within {self._now - begin:g} fake seconds")
            if self._all_wait():
                self.advance(step)
            time.sleep(_POLL)
        return self._now - begin

    def _all_wait(self) -> bool:
        """Whether some thread waits for a time to come, and none whose time has come is still to wake."""
        with self._lock:
            times = [at for _, at in self._waiting if at is not None]
            return bool(times) and min(times) > self._now


def eventually(happened: Callable[[], bool], *, patience: float = 20.0) -> None:
    """Wait, in real time, until other threads have made *happened* true; TimeoutError after *patience* seconds."""
    end = time.monotonic() + patience
    while not happened():
        if time.monotonic() >= end:
            raise TimeoutError(f"did not happen within {patience:g} s")
        time.sleep(_POLL)
