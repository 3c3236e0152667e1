"""
What the body of a callback costs by its shape: one generic body for all events, or explicit parameters per kind.

    python tests/bench/capture_shape.py

Replays the sixteen callbacks of one rag invoke, with their real arguments, and prints µs per invoke; then the same
for encoding the sixteen records to the wire form, as it would be if the caller's thread did it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from handover_capture import ATOMS, EVENTS, make_handler, snapshot
from handover_wire import ENCODER
from langchain_core.callbacks import BaseCallbackHandler
from rag_load import rag_chain

from fanlight.capture.dispatch import DONE, Done, dual

Call = tuple[str, tuple[Any, ...], dict[str, Any]]
REPEATS = 2000


class Explicit:
    """Named parameters instead of one dict for all; copies only what is a container and not empty."""

    def __init__(self, put: Callable[[Any], None]) -> None:
        self.put = put

    @dual
    def start(
        self,
        serialized: Any,
        inputs: Any,
        *,
        run_id: Any,
        parent_run_id: Any = None,
        tags: Any = None,
        metadata: Any = None,
        name: Any = None,
        **rest: Any,
    ) -> Done:
        times = time.perf_counter_ns(), time.time_ns()
        own = tags.copy() if tags else None, metadata.copy() if metadata else None
        self.put(("start", *times, run_id, parent_run_id, name, *own, light(inputs), rest and snapshot(rest)))
        return DONE

    @dual
    def end(self, outputs: Any, *, run_id: Any, parent_run_id: Any = None, tags: Any = None, **rest: Any) -> Done:
        times = time.perf_counter_ns(), time.time_ns()
        self.put(("end", *times, run_id, parent_run_id, light(outputs), rest and snapshot(rest)))
        return DONE


def drop(record: Any) -> None:
    """A `put` that keeps nothing: what is measured is the body."""


def light(value: Any) -> Any:
    return value if type(value) in ATOMS or not value else snapshot(value)


def recorded() -> list[Call]:
    """The callbacks of one invoke, with the arguments that LangChain gave."""
    calls: list[Call] = []

    def method(kind: str) -> Any:
        return lambda self, *args, **kwargs: calls.append((kind, args, kwargs))

    handler = type("Recorder", (BaseCallbackHandler,), {name: method(name) for name in EVENTS})()
    rag_chain().invoke({"question": "What is fan-out?"}, config={"callbacks": [handler]})
    return calls


def timed(action: Callable[[], object]) -> float:
    """The best of five, in µs."""
    return min(_once(action) for _ in range(5))


def _once(action: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    for _ in range(REPEATS // 5):
        action()
    return (time.perf_counter_ns() - start) / 1000 / (REPEATS // 5)


def _replay(calls: list[Call], method: Callable[[str], Any]) -> Callable[[], None]:
    bound = [(method(kind), args, kwargs) for kind, args, kwargs in calls]

    def run() -> None:
        for function, args, kwargs in bound:
            function(*args, **kwargs)

    return run


def main() -> None:
    calls, records = recorded(), list[Any]()
    keeper, generic, explicit = make_handler(records.append), make_handler(drop), Explicit(drop)
    _replay(calls, lambda kind: getattr(keeper, kind))()
    print(f"Python {sys.version.split()[0]}, µs per rag invoke of {len(calls)} events")
    print(f"generic body   {timed(_replay(calls, lambda kind: getattr(generic, kind))):.1f}")
    print(f"explicit body  {timed(_replay(calls, lambda k: explicit.start if 'start' in k else explicit.end)):.1f}")
    print(f"encoding       {timed(lambda: [ENCODER.encode(record) for record in records]):.1f}")


if __name__ == "__main__":
    main()
