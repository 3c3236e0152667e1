"""
What the stand-in of the W&B server does to a request instead of taking it.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class ServedRequest:
    """One request that arrived, whatever became of it."""

    operation: str
    """The GraphQL operation, or `file_stream`, or `upload`."""
    api_key: str
    """Empty for uploads: their URL is all that they need."""
    path: str


@dataclass(frozen=True, kw_only=True)
class Fault:
    """
    A fault to order: it befalls the next requests that it fits, as often as it says.

    Args:
        operation: The GraphQL operation (`UpsertBucket`, …), `file_stream` or `upload`; `*` stands for any characters.
        times: How many requests; for ever without it.
        status: The HTTP status to answer with.
        retry_after: Seconds for the header `Retry-After`.
        accept: Take the request first, so that the sender cannot know.
        hang: Never answer, until faults are lifted or the server stops.
        reset: Cut the connection without an answer.
    """

    operation: str = "*"
    times: float = math.inf
    status: int = 200
    retry_after: float | None = None
    accept: bool = False
    hang: bool = False
    reset: bool = False


@dataclass
class _Order:
    fault: Fault
    left: float


class Faults:
    """The faults that a server has been ordered to have."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._orders: list[_Order] = []
        self._lifted = 0

    def order(self, fault: Fault) -> None:
        """Let *fault* befall requests from now on, after those that were ordered before."""
        with self._lock:
            self._orders.append(_Order(fault, fault.times))

    def lift(self) -> None:
        """End all faults; requests that hang are cut."""
        with self._lock:
            self._orders.clear()
            self._lifted += 1
            self._lock.notify_all()

    def next(self, operation: str) -> Fault | None:
        """Return what befalls a request of *operation*, if anything."""
        with self._lock:
            order = next((order for order in self._orders if fnmatchcase(operation, order.fault.operation)), None)
            if order is None:
                return None
            order.left -= 1
            if order.left <= 0:
                self._orders.remove(order)
            return order.fault

    def wait_until_lifted(self) -> None:
        """Return when faults are lifted the next time."""
        with self._lock:
            seen = self._lifted
            self._lock.wait_for(lambda: self._lifted != seen)
