"""
The lane: everything between the journal and one sink. Nothing of it is shared with other sinks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from fanlight.clock import Clock
from fanlight.delivery.batcher import Batcher
from fanlight.delivery.end import End
from fanlight.delivery.gate import Gate
from fanlight.delivery.health import LaneHealth, LaneRecord
from fanlight.delivery.host import SinkHost, SinkInstance
from fanlight.delivery.sender import Sender
from fanlight.delivery.settings import LaneSettings
from fanlight.delivery.voice import Voice
from fanlight.delivery.worker import LaneWorker
from fanlight.hookspecs import DeliveryOutcome
from fanlight.journal.base import Journal
from fanlight.ledger import SinkLedger
from fanlight.sinks.base import Isolation, SinkConfig, SinkContext, SinkType


class Lane:
    """
    Delivers what the journal has for one sink: in batches, again after failures, and at nobody else's cost.

    Making a lane makes the sink's queue in the journal. Threads start with the first event, or with `start`; the
    sink is made and opened at its first batch, on the lane's own threads. Delivery is at least once: an attempt that
    was left behind may still succeed after its batch was sent again.

    Args:
        name: The sink's name.
        sink_type: Makes the sink, and makes it anew after a hang.
        config: The sink's own settings.
        context: What the sink is told when it is opened.
        settings: How it is delivered to.
        isolation: Whether the sink runs on a thread of this process, or in one of its own that can be killed.
        journal: Where its events wait.
        ledger: Where they are counted; the journal shares its lock.
        wrappers: Plugins whose `fanlight_deliver` wraps every attempt.
        outcome: Hears how each attempt ended, on the lane's thread.
        after_open: Called after the sink was opened, when its SDK has registered what it registers.
        clock: Seconds for timeouts, backoff and breaker.
        random: Returns floats from 0 up to 1, for the jitter.
    """

    def __init__(
        self,
        name: str,
        *,
        sink_type: SinkType,
        config: SinkConfig,
        context: SinkContext,
        settings: LaneSettings,
        isolation: Isolation = "thread",
        journal: Journal,
        ledger: SinkLedger,
        wrappers: Sequence[object] = (),
        outcome: Callable[[DeliveryOutcome], None] | None = None,
        after_open: Callable[[], None] | None = None,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self.name: Final = name
        self._sink_type: Final = sink_type
        self._config: Final = config
        self._context: Final = context
        self._settings: Final = settings
        self._isolation: Final = isolation
        self._journal: Final = journal
        self._ledger: Final = ledger
        self._wrappers: Final = wrappers
        self._outcome: Final = outcome
        self._after_open: Final = after_open
        self._clock: Final = clock
        self._random: Final = random
        self._wire()
        journal.open_sink(name, settings.bounds, ledger, self.notify)

    def start(self) -> None:
        """Start the lane's threads if they do not run; does nothing where none can be started."""
        self._worker.start()

    def notify(self) -> None:
        """Hear that the journal has something new; called by the journal. Never waits for the sink."""
        self._worker.notify()

    def flush(self, deadline: float) -> bool:
        """
        Wait until everything that was accepted before this call is delivered, dead-lettered or dropped.

        Sends incomplete batches at once, but keeps to breaker, backoff and rate limit.

        Args:
            deadline: Monotonic seconds of the lane's clock at which waiting ends.

        Returns whether all of it has its final word.
        """
        return self._worker.flush(deadline)

    def begin_close(self, deadline: float) -> None:
        """Begin what `close` does, and return at once: so that the lanes of a router close side by side."""
        self._worker.begin_close(deadline)

    def close(self, deadline: float) -> None:
        """
        Deliver what was accepted before this call, drop the rest as `shutdown`, and close the sink.

        Returns by *deadline*, whatever the sink does; earlier, where no attempt could begin before it. While the
        sink takes a batch each second it goes on beyond the deadline, up to twice the time that was given. What is
        appended afterwards is dropped as `shutdown` too.

        Args:
            deadline: Monotonic seconds of the lane's clock.
        """
        self._worker.close(deadline)

    def health(self) -> LaneHealth:
        """Return how the lane is doing. Never waits for the sink."""
        now, now_unix_nano = self._clock.monotonic(), self._clock.time_ns()
        oldest = self._journal.depth(self.name).oldest_accepted_at
        pause = self._gate.paused_until - now
        return LaneHealth(
            sink=self.name,
            counts=self._ledger.snapshot(),
            breaker=self._gate.breaker.state,
            breaker_since_unix_nano=self._gate.breaker.since_unix_nano,
            opened=self._host.opened,
            closed=self._worker.closed,
            isolation=self._isolation,
            child_pid=self._host.pid,
            attempts=self._record.attempts,
            retries=self._record.retries,
            timeouts=self._record.timeouts,
            hung_threads=self._host.hung,
            zombie=self._host.hung > 0,
            restarts=self._record.restarts,
            oldest_pending_seconds=None if oldest is None else now - oldest,
            last_success_unix_nano=self._record.last_success_unix_nano,
            last_error=self._record.last_error,
            last_error_unix_nano=self._record.last_error_unix_nano,
            paused_until_unix_nano=now_unix_nano + round(pause * 1e9) if pause > 0 else None,
        )

    def _wire(self) -> None:
        """Make all parts that belong to this process."""
        settings, clock = self._settings, self._clock
        condition = threading.Condition()
        end, voice = End(), Voice(self.name, clock)
        self._record = LaneRecord()
        self._gate = Gate(settings, clock, self._random)
        self._host = SinkHost(self._new_instance, name=self.name, condition=condition, clock=clock)
        sender = Sender(
            self.name,
            settings=settings,
            journal=self._journal,
            host=self._host,
            gate=self._gate,
            end=end,
            record=self._record,
            voice=voice,
            outcome=self._outcome,
            condition=condition,
            clock=clock,
        )
        self._worker = LaneWorker(
            self.name,
            journal=self._journal,
            ledger=self._ledger,
            batcher=Batcher(
                max_events=self._gate.max_events, max_bytes=settings.batch_max_bytes, linger=settings.batch_linger
            ),
            host=self._host,
            sender=sender,
            end=end,
            record=self._record,
            voice=voice,
            timeout=settings.timeout,
            condition=condition,
            clock=clock,
        )

    def _new_instance(self) -> SinkInstance:
        return self._kind_of_instance()(self._sink_type, self._config, self._context, self._wrappers, self._after_open)

    def _kind_of_instance(self) -> type[SinkInstance]:
        if self._isolation == "thread":
            return SinkInstance
        from fanlight.delivery.process import ProcessInstance  # noqa: PLC0415 - most applications need none of it

        return ProcessInstance
