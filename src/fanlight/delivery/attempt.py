"""
Calls a sink on a thread of its own, so that the lane can stop waiting for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from fanlight.clock import Clock
from fanlight.delivery.suppression import suppressed
from fanlight.errors import RetryableError


class AttemptTimeoutError(RetryableError):
    """The sink did not come back in time, and was left behind."""


class Attempt:
    """One call and how it ended. Whoever reads it holds the condition that its thread notifies."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call: Final = call
        self._error: BaseException | None = None
        self.done = False

    def run(self, condition: threading.Condition) -> None:
        """Make the call, contain whatever it raises, and notify *condition*."""
        try:
            with suppressed():
                self._call()
        except BaseException as raised:  # SystemExit, KeyboardInterrupt and CancelledError of a sink end here too
            self._error = raised
        with condition:
            self.done = True
            condition.notify_all()

    def take_error(self) -> BaseException | None:
        """Return what the call raised, and let go of it: its traceback holds this attempt, and so the batch."""
        error, self._error = self._error, None
        return error


class AttemptThread:
    """
    Runs one attempt after the other on a daemon thread.

    Args:
        name: The thread's name.
        condition: What is notified when an attempt is done and when the thread ends.
    """

    def __init__(self, name: str, condition: threading.Condition, clock: Clock) -> None:
        self._condition: Final = condition
        self._clock: Final = clock
        self._inbox: Final[SimpleQueue[Attempt | None]] = SimpleQueue()
        self._thread: Final = threading.Thread(target=self._run, name=name, daemon=True)
        self.ended = False
        """Whether the thread has done all it will ever do."""

    def start(self) -> None:
        """Start the thread; RuntimeError where the system or a dying interpreter has none."""
        self._thread.start()

    def call(self, function: Callable[[], object], until: Callable[[], float]) -> BaseException | None:
        """
        Run *function*, and return what it raised or `None`.

        Args:
            function: The sink's work.
            until: Returns the monotonic seconds at which the caller stops waiting; asked again at every wake-up.

        Returns an `AttemptTimeoutError` where the call did not end in time. It goes on then: `retire` the thread.
        """
        attempt = Attempt(function)
        begin = self._clock.monotonic()
        self._inbox.put(attempt)
        with self._condition:
            while not attempt.done:
                remaining = until() - self._clock.monotonic()
                if remaining <= 0:
                    return AttemptTimeoutError(f"no answer within {self._clock.monotonic() - begin:.1f} s")
                self._clock.wait(self._condition, remaining)
            return attempt.take_error()

    def retire(self, last: Callable[[], object] | None = None) -> None:
        """Let the thread end after what it is doing now, and after *last*."""
        if last is not None:
            self._inbox.put(Attempt(last))
        self._inbox.put(None)

    def _run(self) -> None:
        while (attempt := self._inbox.get()) is not None:
            attempt.run(self._condition)
            del attempt  # it holds a batch
        with self._condition:
            self.ended = True
            self._condition.notify_all()
