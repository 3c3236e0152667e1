"""What is remembered of runs and traces while they are open, and for a while after, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """
    A bounded map in two parts: what is open, and what is over, which is forgotten first.

    Args:
        max_open: Open entries; the one that was not asked for longest is forgotten beyond that.
        max_over: Entries that are over.
        forget: Called with each value that is forgotten.
    """

    def __init__(self, max_open: int, max_over: int, forget: Callable[[V], None] = lambda _: None) -> None:
        self._open: OrderedDict[K, V] = OrderedDict()
        self._over: OrderedDict[K, V] = OrderedDict()
        self._max_open = max_open
        self._max_over = max_over
        self._forget = forget

    def get(self, key: K) -> V | None:
        """Return what is remembered under *key*, which thereby becomes the freshest."""
        for part in (self._open, self._over):
            value = part.get(key)
            if value is not None:
                part.move_to_end(key)
                return value
        return None

    def put(self, key: K, value: V) -> None:
        """Remember an open entry."""
        self._over.pop(key, None)
        self._open[key] = value
        self._trim(self._open, self._max_open)

    def retire(self, key: K) -> None:
        """Note that the entry is over; it can be asked for until newer ones take its place."""
        value = self._open.pop(key, None)
        if value is not None:
            self._over[key] = value
            self._trim(self._over, self._max_over)

    def __len__(self) -> int:
        return len(self._open) + len(self._over)

    def _trim(self, part: OrderedDict[K, V], bound: int) -> None:
        while len(part) > bound:
            self._forget(part.popitem(last=False)[1])
