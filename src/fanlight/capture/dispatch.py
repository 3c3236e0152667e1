"""
Callbacks that are cheap from sync and from async code alike.

LangChain sends a plain method of a handler through an executor in async code, and a coroutine method through an event
loop of its own in sync code; either costs about 0.1 ms a callback. A method that is *taken for* a coroutine function
but runs at once and returns an awaitable that is already done costs neither: async code awaits it in place, sync code
calls it and ignores what is not a coroutine. `run_inline` stays false, because an inline handler makes LangChain skip
`on_llm_start` of other people's handlers. tests/bench/README.md has the figures.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


class Done(tuple[()]):
    """
    An awaitable that is done, and is not a coroutine.

    A tuple, because `tuple.__iter__` then serves as `__await__` in C: awaiting it runs no Python frame.
    """

    __slots__ = ()
    __await__ = tuple.__iter__


DONE: Final = Done()


async def _stub() -> None:
    """Never runs: what `inspect` finds when it looks through `_Marked`."""


class _Marked(functools.partial[Any]):
    """
    What Python 3.11, which has no `markcoroutinefunction`, takes for a coroutine function.

    `inspect` unwraps bound methods and partials by reading `.func`, and finds the stub; a call goes to the function.
    """

    func = _stub  # type: ignore[assignment]

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)


def dual(method: F) -> F:
    """Mark *method*, which must return `DONE`, as one that async code can await without an executor."""
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(method)
    return cast("F", functools.update_wrapper(_Marked(method), method))
