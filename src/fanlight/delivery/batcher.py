"""
When what is pending makes a batch: enough events, enough bytes, or old enough.
"""

from __future__ import annotations

from typing import Final

from fanlight.journal.base import Depth


class Batcher:
    """
    Decides when a batch is sent.

    Args:
        max_events: Events that make a full batch.
        max_bytes: Bytes that make a full batch.
        linger: Seconds that an incomplete batch waits for more.
    """

    def __init__(self, *, max_events: int, max_bytes: int, linger: float) -> None:
        self.max_events: Final = max_events
        self.max_bytes: Final = max_bytes
        self._linger: Final = linger
        self._flush_to = 0

    def full(self, depth: Depth) -> bool:
        """Whether what is pending fills a batch."""
        return depth.events >= self.max_events or depth.bytes >= self.max_bytes

    def flush_to(self, position: int) -> None:
        """Let nothing before *position* linger."""
        self._flush_to = max(self._flush_to, position)

    def flushing(self, depth: Depth) -> bool:
        """Whether something is pending that must not linger."""
        return depth.head < self._flush_to

    def due(self, depth: Depth) -> float | None:
        """Return the monotonic seconds from which a batch is to be sent; `None` where nothing is pending."""
        if depth.oldest_accepted_at is None:
            return None
        at_once = self.flushing(depth) or self.full(depth)
        return depth.oldest_accepted_at + (0.0 if at_once else self._linger)
