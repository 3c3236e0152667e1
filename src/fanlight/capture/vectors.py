"""
What an embedding model returned, as it was when it did.

Copies, because vectors are often normalised in place, and bounded: of very many evenly spaced ones. Copying a vector of
1536 numbers takes 5 µs of the caller's time; the 60 µs that its statistics take are the router thread's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

MAX_VECTORS: Final = 64
"""Vectors of one call that are looked at."""
_NUMBER: Final = 32
"""Bytes that a number in a list takes."""


class Vectors(msgspec.Struct, frozen=True):
    """The vectors of one call."""

    rows: tuple[list[float], ...]
    count: int
    """How many there were."""

    @classmethod
    def of(cls, vectors: Sequence[Any]) -> Vectors:
        """Return a snapshot of *vectors*."""
        count = len(vectors)
        chosen = range(0, count, -(-count // MAX_VECTORS) or 1)
        return cls(tuple(_copied(vectors[index]) for index in chosen), count)

    @property
    def size(self) -> int:
        """Estimated bytes."""
        return _NUMBER * sum(map(len, self.rows))


def _copied(row: Any) -> list[float]:
    # A numpy row as Python's own numbers: the router thread shall not work on the application's objects.
    return list(row.tolist() if hasattr(row, "tolist") else row)
