"""What runs in the caller's thread, and the ways to hand a captured record to the router thread."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from typing import Any, Protocol

from langchain_core.callbacks import BaseCallbackHandler

from fanlight.capture.dispatch import DONE, Done, dual

EVENTS = sorted(name for name in dir(BaseCallbackHandler) if name.startswith("on_"))
DEPTH, WIDTH, CUT = 6, 64, "(deeper)"
ATOMS = frozenset({str, int, float, bool, type(None)})
SERIALIZED = frozenset(name for name in EVENTS if name.endswith("_start"))


def snapshot(value: Any, depth: int = DEPTH) -> Any:
    """
    Copy containers to a bounded depth and width; leaves and LangChain objects stay references.

    No container of the application survives in the copy, not even below the depth: see `handover_wire.tagged`.
    """
    if not isinstance(value, (dict, list, tuple)):
        return value
    if depth == 0:
        return CUT
    # dict() and a slice are one step each under the GIL: another thread cannot change what is walked here.
    if isinstance(value, dict):
        items = dict(value) if len(value) <= WIDTH else dict(list(value.items())[:WIDTH])
        return {key: item if type(item) in ATOMS else snapshot(item, depth - 1) for key, item in items.items()}
    return [item if type(item) in ATOMS else snapshot(item, depth - 1) for item in value[:WIDTH]]


class Handover(Protocol):
    """`put` in the caller's thread; `take` in the router's: records, or none after a wait; `size`: the backlog."""

    def put(self, record: Any) -> None: ...

    def take(self, limit: int) -> list[Any]: ...

    def size(self) -> int: ...


class _Deque:
    """A deque of its own: append and popleft are atomic, nothing is locked."""

    def __init__(self) -> None:
        self.records: deque[Any] = deque()

    def size(self) -> int:
        return len(self.records)

    def drain(self, limit: int) -> list[Any]:
        pop = self.records.popleft
        return [pop() for _ in range(min(limit, len(self.records)))]


class Polled(_Deque):
    """Append without waking anyone; the router looks again after its own timed wait."""

    def __init__(self, interval: float) -> None:
        super().__init__()
        self.put, self.interval = self.records.append, interval

    def take(self, limit: int) -> list[Any]:
        if not self.records:
            time.sleep(self.interval)
        return self.drain(limit)


class Evented(_Deque):
    """Append, and set an event if it is not set: the router sleeps until there is something."""

    def __init__(self) -> None:
        super().__init__()
        self.flag = threading.Event()

    def put(self, record: Any) -> None:
        self.records.append(record)
        if not self.flag.is_set():
            self.flag.set()

    def take(self, limit: int) -> list[Any]:
        # Cleared before the drain, never after: a put in between would find it set and wake nobody.
        self.flag.wait(0.05)
        self.flag.clear()
        found = self.drain(limit)
        if self.records:
            self.flag.set()
        return found


class Conditioned(_Deque):
    """Append and notify under a lock that caller and router share."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()

    def put(self, record: Any) -> None:
        with self.changed:
            self.records.append(record)
            self.changed.notify()

    def take(self, limit: int) -> list[Any]:
        with self.changed:
            if not self.records:
                self.changed.wait(0.05)
            return self.drain(limit)


class Queued:
    """`queue.SimpleQueue`: put wakes the getter, in C."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.put, self.size = self.queue.put, self.queue.qsize

    def take(self, limit: int) -> list[Any]:
        found: list[Any] = []
        with contextlib.suppress(queue.Empty):
            found.append(self.queue.get(timeout=0.05))
            while len(found) < limit:
                found.append(self.queue.get_nowait())
        return found


def _method(kind: str) -> Any:
    # `serialized` is the component's constructor, the same in every run and large: only its name is taken along.
    first = 1 if kind in SERIALIZED else 0

    def method(
        self: Any, *args: Any, run_id: Any = None, parent_run_id: Any = None, tags: Any = None, **kwargs: Any
    ) -> Done:
        times = time.perf_counter_ns(), time.time_ns()
        kwargs["tags"] = tags
        self.put((kind, *times, run_id, parent_run_id, snapshot(args[first:]), snapshot(kwargs)))
        return DONE

    return dual(method)


def _noop(self: Any, *args: Any, **kwargs: Any) -> Done:
    return DONE


def make_handler(put: Any) -> BaseCallbackHandler:
    """A handler that captures every event and calls `put` with the record; without `put` it does nothing at all."""
    methods = {name: _method(name) if put else dual(_noop) for name in EVENTS}
    handler: BaseCallbackHandler = type("Handler", (BaseCallbackHandler,), methods)()
    handler.__dict__["put"] = put
    return handler
