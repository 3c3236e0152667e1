"""
Callbacks that are cheap from sync and from async code alike.

LangChain sends a plain method of a handler through an executor in async code, and a coroutine method through an event
loop of its own in sync code; either costs about 0.1 ms a callback. A method that is *taken for* a coroutine function
but runs at once and returns an awaitable that is already done costs neither: async code awaits it in place, sync code
calls it and ignores what is not a coroutine. `run_inline` stays false, because an inline handler makes LangChain skip
`on_llm_start` of other people's handlers. tests/bench/README.md has the figures.
"""

from __future__ import annotations

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


def dual(method: F) -> F:
    """Mark *method*, a function that returns `DONE`, as one that async code can await without an executor."""
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(method)
    # On 3.11 `inspect` goes by this flag. What a call does, the byte code decides, and that stays a plain function's.
    function = cast("types.FunctionType", method)
    function.__code__ = function.__code__.replace(co_flags=function.__code__.co_flags | inspect.CO_COROUTINE)
    return method
