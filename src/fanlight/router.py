"""
The composition root: reads the configuration, wires the parts, starts, flushes and closes them.

Nothing runs before the first event of a process: no thread, no file, no connection. That is what makes a router safe
to build before a fork.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

from fanlight import lifecycle
from fanlight.assembly import Assembly
from fanlight.capture.capture import Capture
from fanlight.capture.feedback import Source, judgement
from fanlight.capture.handler import handler_kind, make_handler
from fanlight.capture.intake import Intake
from fanlight.clock import SYSTEM_CLOCK, Clock
from fanlight.delivery.health import LaneHealth
from fanlight.flow import Flow, place_of
from fanlight.health import FlushReport, RouterHealth
from fanlight.plan import Plan, load_plan
from fanlight.pump import Pump
from fanlight.switches import DISABLED, is_on

if TYPE_CHECKING:
    from langchain_core.callbacks import BaseCallbackHandler

_LONGEST: Final = 1e6
"""Seconds that count as for ever; the locks of the standard library refuse much more."""
_logger: Final = logging.getLogger("fanlight.router")


class Router:
    """
    One handler in front, lanes and sinks behind. Made by `from_config` or by `fanlight.install`.

    Usable as a context manager, which closes it.
    """

    def __init__(self, plan: Plan | None, *, reason: str = "", clock: Clock = SYSTEM_CLOCK) -> None:
        self._plan = plan
        self._reason = reason
        self._clock = clock
        self._lock = threading.RLock()
        self._closing = threading.RLock()
        self._assembly: Assembly | None = None
        self._pump: Pump | None = None
        self._failed = False
        self._closed = False
        self._inherited: list[object] = []
        limits = plan.capture.intake if plan else None
        self._intake = Intake(
            max_events=limits.max_events if limits else 0,
            max_bytes=limits.max_bytes if limits else 0,
            wake=self._wake,
        )
        self._capture = Capture(self._intake, configurable_keys=plan.capture.configurable_keys if plan else ())
        self._handler = make_handler(self._capture)
        if plan is None:
            self._intake.close()
        else:
            lifecycle.watch(self)

    @classmethod
    def from_config(cls, source: str | os.PathLike[str] | dict[str, Any], *, environment: str | None = None) -> Router:
        """
        Return a router for *source*; nothing is started before the first event.

        With `FANLIGHT_DISABLED=1` in the environment the router captures nothing, whatever *source* says.

        Args:
            source: A path to a YAML file, or the same as a dict.
            environment: Used in place of the file's `environment`.

        Raises:
            ConfigError: with every problem there is; nothing was started.
        """
        if is_on(DISABLED):
            return cls.disabled(f"{DISABLED} is set")
        return cls(load_plan(source, environment=environment))

    @classmethod
    def disabled(cls, reason: str) -> Router:
        """Return a router that captures nothing and says why in `health()`."""
        return cls(None, reason=reason)

    @property
    def handler(self) -> BaseCallbackHandler:
        """
        The callback handler, for `config={"callbacks": [router.handler]}`.

        Read it after LangGraph was imported, if LangGraph is used: then it hears of interrupts and resumes too. All
        handlers of one router are equal, and LangChain attaches equal handlers once.
        """
        # Kept: the hook asks for it at every run, on the caller's path, and LangChain compares by identity first.
        handler = self._handler
        if type(handler) is not handler_kind():  # LangGraph was imported meanwhile
            handler = self._handler = make_handler(self._capture)
        return handler

    def handler_for_hook(self) -> BaseCallbackHandler | None:
        """Return the handler that `install` attaches to every run, or `None` once there is nothing to capture for."""
        return None if self._closed or self._plan is None else self.handler

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the configuration without being wrong."""
        return tuple(str(problem) for problem in self._plan.warnings) if self._plan else ()

    def health(self) -> RouterHealth:
        """Return both ledger equations and the state of every sink, as of now."""
        with self._lock:
            assembly, pump = self._assembly, self._pump
        return RouterHealth(
            state=self._state(),
            reason=self._reason,
            pid=os.getpid(),
            environment=self._plan.environment if self._plan else "",
            config=self._plan.file if self._plan else None,
            intake=self._intake.counts(),
            open_runs=pump.open_runs if pump else 0,
            sinks={lane.name: lane.health() for lane in assembly.lanes} if assembly else self._sinks_to_come(),
            warnings=self.warnings,
            processors_failed=pump.failed_processors if pump else {},
            plugins_failed=self._plan.plugins_failed if self._plan else (),
            cost_unknown=assembly.pricing.unknown if assembly else {},
            price_sources_failed=dict(assembly.pricing.failures) if assembly else {},
        )

    def feedback(
        self,
        run_id: UUID | str | None = None,
        name: str = "",
        *,
        score: float | None = None,
        label: str | None = None,
        explanation: str | None = None,
        source: Source = "human",
        trace_id: str | None = None,
        user_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] = (),
    ) -> None:
        """
        Note what somebody said about a run or a whole trace: at any time, from any process.

        It becomes one `feedback` event and takes the way of all others: bounds, routes, restrictions, secrets. Sinks
        that were given the run get it while the run is remembered here; otherwise the routes decide by what the call
        and the `fanlight.context` around it say, so name the tenant there if a restriction asks for it.

        Feedback is never changed. Who rates again adds another, and of those that agree in target, name, source and
        user the latest counts; destinations that keep one for each name replace it.

        Args:
            run_id: The run that is rated, as UUID or its text. Without it the trace is.
            name: What is judged, such as `helpful`.
            score: A finite number; which range is the application's affair. `True` is 1.
            label: A category, such as `correct`.
            explanation: Why, in prose.
            source: Who judged: `human`, `model` (a model as judge) or `code`.
            trace_id: 32 hex digits, as `fanlight.context` tells them. Beside *run_id* needed only where this process
                does not remember the run, and it is no root, or one that joined its caller's trace or one that a
                context named; the trace is that of a root with this id otherwise.
            user_id: Who is meant by `user_id` of the event; the context's, else the run's, where it is not given.
            metadata: Further values, on top of the context's.
            tags: Tags for routing, on top of the context's.

        Raises:
            TypeError: an argument is of the wrong type.
            ValueError: neither run nor trace is named, an id is none, there is no name, or nothing is said.
        """
        self._capture.feedback(
            judgement(
                run_id,
                name,
                score=score,
                label=label,
                explanation=explanation,
                source=source,
                trace_id=trace_id,
                user_id=user_id,
                metadata=metadata,
                tags=tags,
            )
        )

    def flush(self, timeout: float | None = None) -> FlushReport:
        """
        Wait until everything captured before this call was delivered, refused or dropped, or until time is up.

        Args:
            timeout: Seconds; without it the configured `shutdown_timeout`.
        """
        deadline = self._clock.monotonic() + self._seconds(timeout)
        with self._lock:
            pump = self._pump
        through = pump.drain(deadline) if pump else not len(self._intake)
        assembly = self._assembly
        delivered = assembly.flush(deadline) if assembly else True
        return FlushReport(
            complete=through and delivered,
            queued=len(self._intake),
            pending=assembly.pending() if assembly else {},
        )

    async def aflush(self, timeout: float | None = None) -> FlushReport:  # noqa: ASYNC109 - the same as `flush` takes
        """Do as `flush` does, without holding the event loop."""
        return await asyncio.to_thread(self.flush, timeout)

    def close(self, timeout: float | None = None) -> None:
        """
        Deliver what can be delivered in time, drop the rest (counted as `shutdown`), and end all threads.

        Args:
            timeout: Seconds; without it the configured `shutdown_timeout`. While events are being delivered it may
                take up to twice as long, never longer.
        """
        seconds = self._seconds(timeout)
        # Whoever closes second waits for the first: the process must not end while `install` closes the old router.
        if not self._closing.acquire(timeout=2 * seconds):
            return
        try:
            if not self._closed:
                self._closed = True
                self._end(self._clock.monotonic() + seconds)
        finally:
            self._closing.release()

    def _end(self, deadline: float) -> None:
        if self._pump is not None:
            self._pump.drain(deadline)
        self._intake.close()
        if self._pump is not None:
            self._pump.stop(deadline)
        self._intake.abandon("shutdown")
        if self._assembly is not None:
            self._assembly.close(deadline)
        lifecycle.forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def before_fork(self) -> None:
        """Hold the router thread between two pieces of work, for a quarter of a second at most."""
        if self._pump is not None:
            self._pump.rest()

    def after_fork(self) -> None:
        """Let the router thread go on, in the parent."""
        if self._pump is not None:
            self._pump.go_on()

    def reset_after_fork(self) -> None:
        """Start anew in a forked child: threads, locks and queues are the parent's."""
        # Kept for good: the end of its life would close sockets on which the parent still speaks.
        self._inherited.append((self._assembly, self._pump))
        self._lock = threading.RLock()
        self._closing = threading.RLock()
        self._assembly = None
        self._pump = None
        if self._failed:  # it may do better in this process
            self._failed, self._reason = False, ""
        self._intake.reset()
        if self._plan is None or self._closed:
            self._intake.close()

    def prepare_exit(self) -> None:
        """Start every thread that the last deliveries will need, while threads can still be started."""
        if self._pump is not None:
            self._pump.drain(time.monotonic() + min(1.0, self._seconds(None)))
        if self._assembly is not None:
            self._assembly.prepare_exit()

    def _sinks_to_come(self) -> dict[str, LaneHealth]:
        """Return the sinks as they are before the first event of this process."""
        sinks = self._plan.sinks if self._plan else ()
        return {sink.name: LaneHealth(sink=sink.name, isolation=sink.isolation, closed=self._closed) for sink in sinks}

    def _state(self) -> str:
        if self._plan is None:
            return "disabled"
        if self._closed:
            return "closed"
        if self._failed:
            return "failed"
        return "running" if self._pump else "idle"

    def _seconds(self, timeout: float | None) -> float:
        if timeout is not None:
            return min(max(timeout, 0.0), _LONGEST)
        return float(self._plan.shutdown_timeout) if self._plan else 0.0

    def _wake(self) -> None:
        pump = self._pump
        if pump is not None:
            pump.wake()
        elif self._plan is not None and not self._closed:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._pump is not None or self._closed or self._plan is None:
                return
            plan = self._plan
            self._pump = Pump(self._intake, lambda: self._assemble(plan), self._fail)
            try:
                self._pump.start()
            except RuntimeError:  # no thread to be had: none any more, or just now; the next event asks again
                self._pump = None
                self._intake.idle = True

    def _assemble(self, plan: Plan) -> Flow:
        assembly = Assembly.build(plan, self._clock, lifecycle.be_first_at_exit)
        self._assembly = assembly
        return assembly.flow

    def _fail(self, error: BaseException) -> None:
        """Capture nothing any more, on the router thread's last breath."""
        # Where it was raised, not what it says: that may quote what the application said.
        self._reason = f"{type(error).__name__} at {place_of(error)} in the router thread"
        self._failed = True
        self._intake.close("router_failed")
        self._intake.abandon("router_failed")
        _logger.error("fanlight captures nothing any more: %s", self._reason)
