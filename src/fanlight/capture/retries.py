"""
How a retry stood when it was told.
"""

from __future__ import annotations

from typing import Any

import msgspec


class RetryState(msgspec.Struct, frozen=True):
    """What tenacity's `RetryCallState` said at that moment; tenacity goes on with the same object."""

    attempt_number: int | None
    outcome: Any
    """The failed attempt, a future that is done."""
    next_action: Any

    @classmethod
    def of(cls, state: Any) -> RetryState:
        """Return what *state* says now."""
        return cls(
            getattr(state, "attempt_number", None), getattr(state, "outcome", None), getattr(state, "next_action", None)
        )
