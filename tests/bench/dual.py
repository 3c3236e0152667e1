"""Reference implementation: callback methods that are cheap in `invoke` and in `ainvoke` alike.

LangChain sends a plain method of a handler through the default executor when it runs async (about 0.1 ms per
callback), and a coroutine method through an `asyncio.Runner` when it runs sync (as much). A method that is
*taken for* a coroutine function but returns a finished awaitable avoids both:

* `ahandle_event` asks `inspect.iscoroutinefunction(method)`, then awaits the result, on the loop, at once;
* `handle_event` calls the method and ignores every result that is not a coroutine: nothing is left un-awaited.

`run_inline` stays False, so other handlers keep their `on_llm_start` (langchain#39633).
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any, TypeVar


class Done(tuple[()]):
    """An awaitable that is finished, reusable and stateless; not a coroutine.

    A tuple, because `tuple.__iter__` is then an `__await__` in C: awaiting it runs no Python frame.
    """

    __slots__ = ()
    __await__ = tuple.__iter__


DONE = Done()

F = TypeVar("F", bound=Callable[..., Done])


async def _stub(*args: Any, **kwargs: Any) -> None:
    """Never runs: what `inspect` finds when it looks through `_Marked`."""


class _Marked(functools.partial[Done]):
    """A function that Python 3.11's `inspect.iscoroutinefunction` takes for a coroutine function.

    `inspect` unwraps bound methods and partials by reading `.func`, and finds the stub here; the call itself goes
    through `partial.__call__` in C to the real function.
    """

    func = _stub  # type: ignore[assignment]

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)


def _mark_by_partial(function: F) -> F:
    return functools.update_wrapper(_Marked(function), function)  # type: ignore[return-value]


def dual(function: F) -> F:
    """Mark a callback method that ends with `return DONE` as one that sync and async code may call directly."""
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    return _mark_by_partial(function)


def guarded(body: Callable[..., None]) -> Callable[..., Done]:
    """`dual` around a body that returns nothing; its exceptions are handed to `self.failed` and end there."""

    @functools.wraps(body)
    def method(self: Any, *args: Any, **kwargs: Any) -> Done:
        try:
            body(self, *args, **kwargs)
        except Exception as error:
            self.failed(error)
        return DONE

    return dual(method)


def works(handler: object, method: str = "on_chain_start") -> bool:
    """Whether this Python takes the bound method for a coroutine function; if not it is slow in async, still right."""
    return inspect.iscoroutinefunction(getattr(handler, method))
