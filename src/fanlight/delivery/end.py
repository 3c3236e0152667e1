"""
When a lane has to be done: never, until `close` says when.
"""

from __future__ import annotations

import math
from typing import Final

PROGRESS: Final = 1.0
"""A batch that was taken less than so many seconds ago is progress."""


class End:
    """
    The moment at which a closing lane stops.

    That is the deadline that `close` was given. A lane that is just then making progress goes on for as long as a
    batch is taken each second, and for twice the given time at the very most.
    """

    def __init__(self) -> None:
        self._deadline = self._latest = math.inf
        self._progress_until = -math.inf

    @property
    def set(self) -> bool:
        """Whether the lane is closing."""
        return self._deadline != math.inf

    @property
    def at(self) -> float:
        """Monotonic seconds at which the lane stops; infinite while nobody closes it."""
        return max(self._deadline, min(self._latest, self._progress_until))

    def close(self, now: float, deadline: float) -> None:
        """Stop at *deadline*, or somewhat later as long as there is progress. The first call counts."""
        if not self.set:
            self._deadline = deadline
            self._latest = now + 2 * max(deadline - now, 0.0)

    def progress(self, now: float) -> None:
        """Note that a batch was taken *now*."""
        if self.set:
            self._progress_until = now + PROGRESS
