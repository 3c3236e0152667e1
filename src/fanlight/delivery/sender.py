"""
Brings one lease to its end: every event of it delivered, dead-lettered or dropped.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Final, Literal

from fanlight.clock import Clock
from fanlight.delivery.attempt import AttemptTimeoutError
from fanlight.delivery.describe import describe
from fanlight.delivery.end import End
from fanlight.delivery.gate import Gate
from fanlight.delivery.health import LaneRecord
from fanlight.delivery.host import SinkHost
from fanlight.delivery.retry import pause_of
from fanlight.delivery.settings import LaneSettings
from fanlight.delivery.turn import Turn
from fanlight.delivery.verdict import REFUSED_UNNAMED, Part, Verdict, judge
from fanlight.delivery.voice import Voice
from fanlight.errors import PermanentError, RetryableError
from fanlight.hookspecs import DeliveryOutcome
from fanlight.journal.base import Journal, Lease
from fanlight.sinks.base import Batch

OPEN_TIMEOUT: Final = 30.0
"""The least time, in seconds, that `open` is given: an SDK's first import is slow on a busy machine."""
SHORT_PAUSE: Final = 5.0
"""Seconds that a destination may ask for without a warning: feedback that overtook its span, a moment's quota."""
USUAL_ATTEMPTS: Final = 3
"""How often it may ask for that, for the same events."""
MAX_SPLITS: Final = 32
"""How often a lease is halved at most; enough to find four culprits in a batch of 200."""


class Sender:
    """
    Opens the sink and sends it what was leased, attempt by attempt. Belongs to the lane's thread.

    A refused batch is halved until the event that spoils it stands alone. What is only known to be among a batch's
    events (`PartialFailure.unidentified`) is counted by number: which of them it was, nobody knows.
    """

    def __init__(
        self,
        sink: str,
        *,
        settings: LaneSettings,
        journal: Journal,
        host: SinkHost,
        gate: Gate,
        end: End,
        record: LaneRecord,
        voice: Voice,
        outcome: Callable[[DeliveryOutcome], None] | None,
        condition: threading.Condition,
        clock: Clock,
    ) -> None:
        self._sink: Final = sink
        self._settings: Final = settings
        self._journal: Final = journal
        self._host: Final = host
        self._gate: Final = gate
        self._end: Final = end
        self._record: Final = record
        self._voice: Final = voice
        self._outcome: Final = outcome
        self._condition: Final = condition
        self._clock: Final = clock
        self._turn: Final = Turn(gate=gate, host=host, end=end, condition=condition, clock=clock)

    def ready(self) -> bool:
        """Wait until the open sink may be tried, opening it if need be; `False` where the lane ends before that."""
        while self._turn.wait(1):
            if self._host.opened or self._open():
                return True
        return False

    def send(self, lease: Lease) -> bool:
        """Send *lease*; `False` where the lane ends before all of it has its final word."""
        parts = [Part(id=lease.id, deliveries=lease.deliveries)]
        revoked: set[str] = set()
        splits, give_up_at = MAX_SPLITS, math.inf
        while parts:
            part = parts.pop()
            may_begin = self._turn.wait(len(part), give_up_at)
            revoked |= self._drop_revoked(lease)
            part = part.without(revoked)
            if not part.deliveries:
                continue
            if not may_begin:
                if self._clock.monotonic() < give_up_at:
                    return False
                self._give_up(lease, part)
                continue
            if not self._host.opened:
                self._open()
                parts.append(part)  # opening takes its time: what was revoked meanwhile is asked for again
                continue
            give_up_at = min(give_up_at, self._clock.monotonic() + self._settings.give_up_after)
            verdict, pause = self._attempt(lease, part, may_split=splits > 0)
            give_up_at += pause
            splits -= len(verdict.again) > 1
            parts.extend(reversed(verdict.again))
        return True

    def _open(self) -> bool:
        self._gate.begin()
        error = self._host.open(self._until(max(self._settings.timeout, OPEN_TIMEOUT)))
        if error is None:
            return True
        self._note(error, "opening it failed")
        if isinstance(error, PermanentError):
            self._gate.refuse()
        else:
            self._gate.failure(error)
        return False

    def _attempt(self, lease: Lease, part: Part, *, may_split: bool) -> tuple[Verdict, float]:
        begin = self._clock.monotonic()
        until = self._until(self._settings.timeout)
        self._gate.begin(len(part))
        self._record.attempts += 1
        self._record.retries += part.attempt > 1
        batch = Batch(id=part.id, sink=self._sink, deliveries=part.deliveries, deadline=until(), attempt=part.attempt)
        error = self._host.deliver(batch, until)
        verdict = judge(part, error, may_split=may_split)
        said = self._note(error, "an attempt failed", usual=self._is_usual(part, verdict)) if error else ""
        self._settle(lease, verdict)
        pause = self._learn(verdict)
        self._tell(part, verdict.result, (self._clock.monotonic() - begin) * 1000, said)
        return verdict, pause

    def _until(self, timeout: float) -> Callable[[], float]:
        """Return what tells when an attempt that begins now is left behind; a `close` may bring that forward."""
        begin = self._clock.monotonic()
        return lambda: min(begin + timeout, self._end.at)

    def _settle(self, lease: Lease, verdict: Verdict) -> None:
        if verdict.delivered:
            self._journal.ack(self._sink, lease, verdict.delivered)
            self._record.last_success_unix_nano = self._clock.time_ns()
            self._end.progress(self._clock.monotonic())
        for event_id, refusal in verdict.refused.items():
            self._journal.dead_letter(self._sink, lease, refusal.reason, refusal.message, (event_id,))
        if verdict.unnamed:
            self._journal.drop(self._sink, lease, REFUSED_UNNAMED, verdict.unnamed)
        self._announce()

    def _learn(self, verdict: Verdict) -> float:
        if verdict.answered:
            self._gate.success()
        if verdict.failure is None:
            return 0.0
        pause = self._gate.failure(verdict.failure, counts=not verdict.answered)
        if not self._host.available:
            self._gate.breaker.open()
        return pause

    def _drop_revoked(self, lease: Lease) -> set[str]:
        revoked = self._journal.revoked(self._sink, lease)
        for event_id, reason in revoked.items():
            self._journal.drop(self._sink, lease, reason, (event_id,))
        if revoked:
            self._announce()
        return set(revoked)

    def _give_up(self, lease: Lease, part: Part) -> None:
        self._journal.drop(self._sink, lease, "gave_up", part.event_ids)
        self._announce()
        self._tell(part, "gave_up", 0.0)

    def _announce(self) -> None:
        """Wake those who wait for a flush."""
        with self._condition:
            self._condition.notify_all()

    def _is_usual(self, part: Part, verdict: Verdict) -> bool:
        """Return whether nothing went wrong but that the destination wants the rest in a moment, and that not often."""
        failure = verdict.failure
        if not isinstance(failure, RetryableError) or failure.open_breaker or verdict.refused or verdict.unnamed:
            return False
        asked = self._settings.respect_retry_after and 0 < pause_of(failure.retry_after) <= SHORT_PAUSE
        return asked and part.attempt <= USUAL_ATTEMPTS

    def _note(self, error: BaseException, fact: str, *, usual: bool = False) -> str:
        """Record and log *error*, and return what may be told of it."""
        description = describe(error)
        self._record.timeouts += isinstance(error, AttemptTimeoutError)
        self._record.failed(description, self._clock.time_ns())
        if usual:
            self._voice.inform("usual", f"it is to be tried again: {description}")
        else:
            self._voice.warn(fact, f"{fact}: {description}")
        # Its frames hold the batch, and some of them (pluggy's) hold the exception: together they would stay.
        error.__traceback__ = None
        return description

    def _tell(
        self,
        part: Part,
        result: Literal["delivered", "retry", "partial", "rejected", "timeout", "gave_up"],
        duration_ms: float,
        message: str = "",
    ) -> None:
        if self._outcome is None:
            return
        outcome = DeliveryOutcome(
            sink=self._sink,
            batch_id=part.id,
            events=len(part),
            attempt=part.attempt,
            result=result,
            duration_ms=duration_ms,
            message=message,
        )
        try:
            self._outcome(outcome)
        except BaseException as raised:  # a listener's failure is not the sink's
            self._voice.warn("outcome", f"a listener for delivery outcomes failed: {describe(raised)}")
