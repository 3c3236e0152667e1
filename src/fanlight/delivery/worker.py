"""
A lane at work in one process: its thread, and what others may ask of it. After a fork it is replaced as a whole.
"""

from __future__ import annotations

import threading
from typing import Final

from fanlight.clock import Clock
from fanlight.context import suppress
from fanlight.delivery.batcher import Batcher
from fanlight.delivery.describe import describe
from fanlight.delivery.end import End
from fanlight.delivery.health import LaneRecord
from fanlight.delivery.host import SinkHost
from fanlight.delivery.sender import Sender
from fanlight.delivery.voice import Voice
from fanlight.journal.base import Journal, Lease
from fanlight.ledger import SinkLedger

STUMBLE_PAUSE: Final = 1.0
"""Seconds before the lane goes on after a failure of its own."""


class LaneWorker:
    """
    Takes batches from the journal and has them sent, on a daemon thread that starts with the first event.

    One condition serves all who wait: the thread for events, for its turn and for the sink, others for a flush or
    the end. Its lock is taken before the ledger's, never after.
    """

    def __init__(
        self,
        sink: str,
        *,
        journal: Journal,
        ledger: SinkLedger,
        batcher: Batcher,
        host: SinkHost,
        sender: Sender,
        end: End,
        record: LaneRecord,
        voice: Voice,
        timeout: float,
        condition: threading.Condition,
        clock: Clock,
    ) -> None:
        self._sink: Final = sink
        self._journal: Final = journal
        self._ledger: Final = ledger
        self._batcher: Final = batcher
        self._host: Final = host
        self._sender: Final = sender
        self._end: Final = end
        self._record: Final = record
        self._voice: Final = voice
        self._timeout: Final = timeout
        self._condition: Final = condition
        self._clock: Final = clock
        self._thread: threading.Thread | None = None
        self._lease: Lease | None = None
        self._idle = False
        self._lingering = False
        self._flushes = 0
        self._stopped = False
        self.closed = False
        """Whether the lane takes no more events: what still arrives is dropped as `shutdown`."""

    def start(self) -> bool:
        """Start the threads if they do not run; whether they do. There are none to be had in a dying interpreter."""
        return self._thread is not None or self._start()

    def notify(self) -> None:
        """Hear that events were appended or dropped; wakes the thread only if that makes a difference to it."""
        if self.closed:
            self._journal.drop_pending(self._sink, "shutdown")
            return
        self.start()
        with self._condition:
            full = self._lingering and self._batcher.full(self._journal.depth(self._sink))
            if self._idle or full or self._flushes:
                self._condition.notify_all()

    def flush(self, deadline: float) -> bool:
        """Wait until all that was accepted before has its final word; `False` if *deadline* comes first."""
        with self._condition:
            mark = self._journal.depth(self._sink).tail
            self._batcher.flush_to(mark)
            self._condition.notify_all()
            self._flushes += 1
            try:
                while self._journal.depth(self._sink).head < mark:
                    remaining = deadline - self._clock.monotonic()
                    if remaining <= 0 or not self.start():
                        return False
                    self._clock.wait(self._condition, remaining)
            finally:
                self._flushes -= 1
        return True

    def close(self, deadline: float) -> None:
        """Deliver what is pending until the lane's end, drop the rest as `shutdown`, and close the sink."""
        self.begin_close(deadline)
        with self._condition:
            while self._thread is not None and not self._stopped:
                remaining = self._end.at - self._clock.monotonic()
                if remaining <= 0:
                    break
                self._clock.wait(self._condition, remaining)
            self._drop_rest()
        if not self._stopped:
            self._host.abandon()
        self._voice.losses(self._ledger.snapshot().dropped, at_last=True)

    def begin_close(self, deadline: float) -> None:
        """Let the thread deliver what is pending until *deadline* and then end, without waiting for it."""
        with self._condition:
            self._batcher.flush_to(self._journal.depth(self._sink).tail)
            self._end.close(self._clock.monotonic(), deadline)
            self._condition.notify_all()

    def _start(self) -> bool:
        with self._condition:
            if self._thread is None and not self.closed:
                self._thread = self._new_thread()
            return self._thread is not None

    def _new_thread(self) -> threading.Thread | None:
        thread = threading.Thread(target=self._run, name=f"fanlight-lane-{self._sink}", daemon=True)
        try:
            # Both now: at exit, when the last events are sent, Python 3.12 and later start no thread any more.
            self._host.start()
            thread.start()
        except RuntimeError as error:
            self._voice.warn("thread", f"no thread could be started, its events wait: {describe(error)}")
            return None
        return thread

    def _run(self) -> None:
        with suppress():
            while not self._stopped:
                try:
                    self._work()
                except BaseException as error:  # a lane that dies would lose events in silence
                    self._stumble(error)

    def _work(self) -> None:
        while self._await_batch() and self._send_batch():
            self._voice.losses(self._ledger.snapshot().dropped)
        self._finish()

    def _await_batch(self) -> bool:
        """Wait until a batch is due; `False` where the lane is to end."""
        with self._condition:
            while True:
                depth = self._journal.depth(self._sink)
                now = self._clock.monotonic()
                if self._end.set and (not self._batcher.flushing(depth) or now >= self._end.at):
                    return False
                due = self._batcher.due(depth)
                if due is not None and due <= now:
                    return True
                self._idle, self._lingering = due is None, due is not None
                try:
                    self._clock.wait(self._condition, None if due is None else due - now)
                finally:
                    self._idle = self._lingering = False

    def _send_batch(self) -> bool:
        """Send the next batch; `False` where the lane ends before it could be sent."""
        if not self._sender.ready():
            return False
        with self._condition:
            if self.closed:
                return False
            self._lease = lease = self._journal.lease(
                self._sink, max_events=self._batcher.max_events, max_bytes=self._batcher.max_bytes
            )
        if lease is not None and not self._sender.send(lease):
            return False
        self._lease = None
        return True

    def _finish(self) -> None:
        self._drop_rest()
        begin = self._clock.monotonic()
        error = self._host.close(lambda: min(begin + self._timeout, self._end.at))
        if error is not None and begin < self._end.at:  # without time, nobody waited for an answer
            self._voice.warn("close", f"closing it failed: {describe(error)}")
        self._stop()

    def _drop_rest(self) -> None:
        """Give all that is left its final word. Safe to do twice: an event has only one."""
        with self._condition:
            self.closed = True
            if self._lease is not None:
                self._journal.drop(self._sink, self._lease, "shutdown")
            self._journal.drop_pending(self._sink, "shutdown")
            self._condition.notify_all()

    def _stop(self) -> None:
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def _stumble(self, error: BaseException) -> None:
        self._record.restarts += 1
        self._record.failed(describe(error), self._clock.time_ns())
        self._voice.warn("lane", f"the lane failed and goes on: {describe(error)}")
        with self._condition:
            if self._lease is not None:
                self._journal.give_back(self._sink, self._lease)
            if self._clock.monotonic() >= self._end.at:
                self._stopped = True
            else:
                self._clock.wait(self._condition, STUMBLE_PAUSE)
