"""
Callbacks that are cheap from sync and from async code alike.

LangChain sends a plain method of a handler through an executor in async code, and a coroutine method through an event
loop of its own in sync code; either costs about 0.1 ms a callback. A method that is *marked* as a coroutine function
but runs at once and returns an awaitable that is already done costs neither: async code awaits it in place, sync code
calls it and ignores what is not a coroutine. `run_inline` stays false, because an inline handler makes LangChain skip
`on_llm_start` of other people's handlers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Done:
    """An awaitable that is done, and is not a coroutine."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return iter(())  # type: ignore[return-value]


DONE: Final = _Done()


def dual(method: F) -> F:
    """Mark *method*, which must return `DONE`, as one that async code can await without an executor."""
    return inspect.markcoroutinefunction(method) if hasattr(inspect, "markcoroutinefunction") else method
