"""
What runs in the caller's thread: a timestamp, a snapshot and one append.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter_ns, time_ns
from typing import Any, Final
from uuid import UUID

from fanlight.capture.configurable import configurable_of_child, configurable_of_root
from fanlight.capture.feedback import Judgement
from fanlight.capture.hook import watch_configurable
from fanlight.capture.intake import Intake
from fanlight.capture.position import Traces
from fanlight.capture.record import CallbackRecord
from fanlight.capture.snapshot import own, snapshot
from fanlight.capture.surroundings import retrieval_began, retrieval_ended
from fanlight.capture.tokens import TokenClock
from fanlight.context import OFF_TAG, current

MAX_SUPPRESSED: Final = 100_000
_RETRIEVAL_ENDS: Final = ("retriever_end", "retriever_error")


class Capture:
    """
    Turns callbacks into records and appends them to the intake. Nothing in here raises into LangChain.

    Args:
        intake: Where records go.
        configurable_keys: What is taken over from LangGraph's `configurable`.
    """

    def __init__(self, intake: Intake, *, configurable_keys: Sequence[str] = ()) -> None:
        self.intake = intake
        self._configurable_keys = tuple(configurable_keys)
        if configurable_keys:
            watch_configurable()
        self.tokens = TokenClock()
        self._traces = Traces()
        self._suppressed: dict[UUID, None] = {}

    def start(
        self,
        callback: str,
        serialized: Any,
        data: Any,
        run_id: UUID,
        parent_run_id: UUID | None,
        kwargs: dict[str, Any],
    ) -> None:
        """Capture the start of a run, unless it is suppressed."""
        unix_ns, perf_ns = time_ns(), perf_counter_ns()
        try:
            if callback == "retriever_start":
                retrieval_began(run_id)
            context = current()
            tags = kwargs.get("tags")
            if (
                (tags and OFF_TAG in tags)
                or (context is not None and context.suppressed)
                or (self._suppressed and (parent_run_id in self._suppressed or run_id in self._suppressed))
            ):
                self._suppress(run_id)
                return
            trace_id = traceparent = None
            if parent_run_id is None:
                trace_id, traceparent = self._traces.start_root(run_id, context)
            else:
                self._traces.start_child(run_id, parent_run_id)
            sizes = [0]
            self.intake.append(
                CallbackRecord(
                    callback,
                    run_id,
                    parent_run_id,
                    unix_ns,
                    perf_ns,
                    # `serialized` describes the runnable and is not changed by anybody: no need to copy it.
                    (serialized, snapshot(data, sizes)),
                    own(kwargs, sizes),
                    context,
                    trace_id,
                    traceparent,
                    self._configurable(parent_run_id) if self._configurable_keys else None,
                    size=sum(sizes),
                )
            )
        except BaseException as error:
            self._failed(error)

    def token(self, run_id: UUID) -> None:
        """Note that a token came which carries something."""
        try:
            self.tokens.token(run_id, perf_counter_ns())
        except BaseException as error:
            self._failed(error)

    def end(self, callback: str, data: Any, run_id: UUID, parent_run_id: UUID | None, kwargs: dict[str, Any]) -> None:
        """Capture the end of a run, whether its start was seen or not; of a model's, with what its tokens told."""
        unix_ns, perf_ns = time_ns(), perf_counter_ns()
        try:
            if callback in _RETRIEVAL_ENDS:
                retrieval_ended(run_id)
            first_token, tokens = self.tokens.pop(run_id)
            if self._suppressed and self._unsuppress(run_id, parent_run_id):
                return
            self._traces.end(run_id)
            sizes = [0]
            self.intake.append(
                CallbackRecord(
                    callback,
                    run_id,
                    parent_run_id,
                    unix_ns,
                    perf_ns,
                    (snapshot(data, sizes),),
                    own(kwargs, sizes),
                    first_token_perf_ns=first_token,
                    token_count=tokens,
                    size=sum(sizes),
                )
            )
        except BaseException as error:
            self._failed(error)

    def within(
        self,
        callback: str,
        args: tuple[Any, ...],
        run_id: UUID | None,
        parent_run_id: UUID | None,
        kwargs: dict[str, Any],
    ) -> None:
        """Capture something that happened inside a run."""
        unix_ns, perf_ns = time_ns(), perf_counter_ns()
        try:
            if self._suppressed and (run_id in self._suppressed or parent_run_id in self._suppressed):
                return
            context = current()
            if context is not None and context.suppressed:
                return
            sizes = [0]
            self.intake.append(
                CallbackRecord(
                    callback,
                    run_id,
                    parent_run_id,
                    unix_ns,
                    perf_ns,
                    snapshot(args, sizes),
                    own(kwargs, sizes),
                    size=sum(sizes),
                )
            )
        except BaseException as error:
            self._failed(error)

    def feedback(self, judgement: Judgement) -> None:
        """Capture what is said later about a run or a trace."""
        try:
            if not judgement.is_off and judgement.run_id not in self._suppressed:
                self.intake.append(judgement.record())
        except BaseException as error:
            self._failed(error)

    def _configurable(self, parent_run_id: UUID | None) -> dict[str, Any] | None:
        if parent_run_id is None:
            return configurable_of_root(self._configurable_keys, self)
        return configurable_of_child(self._configurable_keys)

    def _suppress(self, run_id: UUID) -> None:
        # First of all: another thread may make the eviction fail, and the run must not be captured for that.
        self._suppressed[run_id] = None
        if len(self._suppressed) > MAX_SUPPRESSED:
            self._suppressed.pop(next(iter(self._suppressed)), None)

    def _unsuppress(self, run_id: UUID, parent_run_id: UUID | None) -> bool:
        if run_id in self._suppressed:
            self._suppressed.pop(run_id, None)
            return True
        return parent_run_id in self._suppressed

    def _failed(self, error: BaseException) -> None:
        # LangChain contains an `Exception`, but nothing else: an extension module's panic would reach the caller.
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error
        # Only a counter: logging here would cost the application what it must not pay.
        self.intake.settle(records=0, dropped={"capture_failed": 1})
