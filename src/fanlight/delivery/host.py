"""
One sink's current instance and the thread it runs on; a hung one is left behind and replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from fanlight.clock import Clock
from fanlight.delivery.attempt import AttemptThread, AttemptTimeoutError
from fanlight.delivery.hooks import deliver_hook
from fanlight.sinks.base import Batch, Sink, SinkConfig, SinkContext, SinkType

MAX_HUNG: Final = 2
"""Hung threads a sink may hold: the zombie, and the replacement that hangs too."""


class SinkInstance:
    """A sink from its making to its closing. Opened, called and closed on the attempt thread."""

    def __init__(
        self,
        sink_type: SinkType,
        config: SinkConfig,
        context: SinkContext,
        wrappers: Sequence[object],
        after_open: Callable[[], None] | None = None,
    ) -> None:
        self._sink_type: Final = sink_type
        self._config: Final = config
        self._context: Final = context
        self._wrappers: Final = wrappers
        self._after_open: Final = after_open
        self._sink: Sink[Any] | None = None
        self._deliver: Callable[..., Any] | None = None

    @property
    def lost(self) -> bool:
        """Whether it went away by itself, so that only a new instance can deliver."""
        return False

    @property
    def pid(self) -> int | None:
        """The id of the process that it has for itself, if it has one."""
        return None

    def abandon(self) -> None:
        """Give it up in the middle of a call. What runs on a thread goes on; called from any other thread."""

    def open(self) -> None:
        """Make the sink and open it; here its SDK is imported."""
        sink = self._make()
        sink.open(self._context)
        self._deliver = deliver_hook(self._context.name, sink, self._wrappers)
        self._sink = sink
        if self._after_open is not None:
            self._after_open()

    def deliver(self, batch: Batch) -> None:
        """Deliver *batch* through the sink's hook."""
        if self._deliver is not None:
            self._deliver(batch=batch)

    def close(self) -> None:
        """Close the sink, if it was opened; once, however often it is asked for."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()

    def _make(self) -> Sink[Any]:
        return self._sink_type.factory(self._config)


class SinkHost:
    """
    Opens, calls and closes one sink, and returns in time whatever the sink does.

    Every method returns what the sink raised, or `None`. After a hang the instance and its thread are left behind:
    the thread closes the instance when it ever comes back, and the next `open` makes new ones.
    """

    def __init__(
        self, make: Callable[[], SinkInstance], *, name: str, condition: threading.Condition, clock: Clock
    ) -> None:
        self._make: Final = make
        self._name: Final = name
        self._condition: Final = condition
        self._clock: Final = clock
        self._thread: AttemptThread | None = None
        self._instance: SinkInstance | None = None
        self._hung: list[AttemptThread] = []
        self.opened = False
        """Whether there is an instance that can take a batch."""

    @property
    def pid(self) -> int | None:
        """The id of the process that the instance has for itself, if it has one."""
        instance = self._instance
        return instance.pid if instance else None

    @property
    def hung(self) -> int:
        """How many threads still hang in a call that was given up."""
        return sum(not thread.ended for thread in self._hung)

    @property
    def available(self) -> bool:
        """Whether another call may be tried: not while a zombie and its replacement hang."""
        return self.hung < MAX_HUNG

    def start(self) -> None:
        """Start the attempt thread ahead of its first call; RuntimeError where there can be none."""
        if self._thread is None:
            thread = AttemptThread(f"fanlight-sink-{self._name}", self._condition, self._clock)
            thread.start()
            self._thread = thread

    def open(self, until: Callable[[], float]) -> BaseException | None:
        """Make a new instance and open it."""
        instance = self._instance = self._make()
        error = self._call(instance, instance.open, until)
        if error is None:
            self.opened = True
        else:
            self._forget()
        return error

    def deliver(self, batch: Batch, until: Callable[[], float]) -> BaseException | None:
        """Deliver *batch* to the open instance."""
        instance = self._instance
        if instance is None or not self.opened:
            raise RuntimeError("the sink is not open")
        return self._call(instance, lambda: instance.deliver(batch), until)

    def close(self, until: Callable[[], float]) -> BaseException | None:
        """Close the instance and end its thread; what is not back in time goes on without being waited for."""
        instance, thread = self._instance, self._thread
        error = self._call(instance, instance.close, until) if instance and thread else None
        if self._thread is not None:
            self._thread.retire()
        self._forget()
        self._thread = None
        return error

    def abandon(self) -> None:
        """Give up whatever the instance is doing, from another thread than the lane's: there is no time left."""
        instance = self._instance
        if instance is not None:
            instance.abandon()

    def _call(
        self, instance: SinkInstance, function: Callable[[], object], until: Callable[[], float]
    ) -> BaseException | None:
        try:
            self.start()
        except RuntimeError as no_thread:  # perhaps there is one later
            return no_thread
        thread = self._thread
        if thread is None:
            raise RuntimeError("the attempt thread is gone")
        error = thread.call(function, until)
        if isinstance(error, AttemptTimeoutError):
            self._leave_behind(thread, instance)
        elif instance.lost:
            self._forget()
        return error

    def _leave_behind(self, thread: AttemptThread, instance: SinkInstance) -> None:
        instance.abandon()
        thread.retire(instance.close)
        self._hung = [other for other in self._hung if not other.ended]
        self._hung.append(thread)
        self._forget()
        self._thread = None

    def _forget(self) -> None:
        self._instance, self.opened = None, False
