"""
Waits until an attempt may begin, and no longer than that can still happen.
"""

from __future__ import annotations

import math
import threading
from typing import Final

from fanlight.clock import Clock
from fanlight.delivery.end import End
from fanlight.delivery.gate import Gate
from fanlight.delivery.host import SinkHost


class Turn:
    """The lane's thread waits here for gate and sink; whoever notifies the condition lets it look again."""

    def __init__(self, *, gate: Gate, host: SinkHost, end: End, condition: threading.Condition, clock: Clock) -> None:
        self._gate: Final = gate
        self._host: Final = host
        self._end: Final = end
        self._condition: Final = condition
        self._clock: Final = clock

    def wait(self, events: int, until: float = math.inf) -> bool:
        """
        Wait for an attempt with *events*, and return whether it may begin now.

        `False` means that *until* has come, or that the lane ends before there can be another attempt.
        """
        with self._condition:
            while True:
                now = self._clock.monotonic()
                ready_at = self._gate.ready_at(events) if self._host.available else math.inf
                stop = min(until, self._end.at)
                if now >= stop or (self._end.set and ready_at > self._end.at):
                    return False
                if ready_at <= now:
                    return True
                wake_at = min(ready_at, stop)
                self._clock.wait(self._condition, wake_at - now if wake_at < math.inf else None)
