"""
One log line per sink, kind and window, however often it happens.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Final

from fanlight.clock import Clock

WINDOW: Final = 60.0
_log: Final = logging.getLogger("fanlight.lane")


class Voice:
    """Speaks for one lane under the logger `fanlight.lane`: facts and counts, never content."""

    def __init__(self, sink: str, clock: Clock) -> None:
        self._sink: Final = sink
        self._clock: Final = clock
        self._said_at: Final[dict[str, float]] = {}
        self._unsaid: Final[Counter[str]] = Counter()
        self._lost: Final[Counter[str]] = Counter()

    def warn(self, kind: str, fact: str) -> None:
        """Log *fact*, unless one of its *kind* was logged in this window; those are counted into the next line."""
        self._say(logging.WARNING, kind, fact)

    def inform(self, kind: str, fact: str) -> None:
        """Log *fact*, which is in the ordinary course of things, as `warn` does and at level INFO."""
        self._say(logging.INFO, kind, fact)

    def losses(self, dropped: Mapping[str, int], *, at_last: bool = False) -> None:
        """Log how many events were lost since the last line about the same reason; *at_last*, whenever that was."""
        for reason, count in dropped.items():
            lost = count - self._lost[reason]
            if lost > 0 and (at_last or self._may_say(f"lost {reason}")):
                self._lost[reason] = count
                _log.warning("fanlight sink %s: %d events were dropped: %s", self._sink, lost, reason)

    def _say(self, level: int, kind: str, fact: str) -> None:
        if not self._may_say(kind):
            self._unsaid[kind] += 1
            return
        more = self._unsaid.pop(kind, 0)
        since = f" ({more} more since the last line)" if more else ""
        _log.log(level, "fanlight sink %s: %s%s", self._sink, fact, since)

    def _may_say(self, kind: str) -> bool:
        now = self._clock.monotonic()
        said_at = self._said_at.get(kind)
        if said_at is not None and now - said_at < WINDOW:
            return False
        self._said_at[kind] = now
        return True
