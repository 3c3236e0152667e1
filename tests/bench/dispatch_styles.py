"""
Measure what LangChain's dispatch costs for each style of handler, in `ainvoke`, a gather of 100, and `invoke`.

    python tests/bench/dispatch_styles.py [--quick]

Prints a Markdown table for the running Python and langchain-core, and the properties that each style must keep:
every event arrives, no "never awaited" warning, and other handlers keep their `on_llm_start`.
`dual` is what the product's handler uses; `guarded` is what a decorator that also holds the `try` would cost.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import inspect
import sys
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

import langchain_core
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.runnables import Runnable, RunnableConfig
from rag_load import small_chain

from fanlight.capture.dispatch import DONE, Done, dual

EVENTS = sorted(name for name in dir(BaseCallbackHandler) if name.startswith("on_"))
SMALL_EVENTS = 8
QUESTION = {"question": "What is fan-out?"}
HEADER = (
    "| style | ainvoke | gather | invoke | ns a sync call | starts ours/other | + an inline one | silent | async way |"
)
Method = Callable[..., Any]


class FunctionLike:
    """The other trick for Python 3.11: an object with the `__code__` of an `async def`; each call is a Python frame."""

    def __init__(self, function: Method) -> None:
        self.function, self.__name__ = function, "function_like"
        self.__code__, self.__defaults__, self.__kwdefaults__ = _coroutine.__code__, None, None

    def __call__(self, *args: Any, **kwargs: Any) -> Done:
        self.function(*args, **kwargs)
        return DONE

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)


async def _coroutine(self: Any, *args: Any, **kwargs: Any) -> None:
    self.seen.append(None)


def _plain(self: Any, *args: Any, **kwargs: Any) -> None:
    self.seen.append(None)


def _done(self: Any, *args: Any, **kwargs: Any) -> Done:
    self.seen.append(None)
    return DONE


def guarded(body: Method) -> Method:
    """`dual` around a body that returns nothing; its exceptions are handed to `self.failed` and end there."""

    @functools.wraps(body)
    def method(self: Any, *args: Any, **kwargs: Any) -> Done:
        try:
            body(self, *args, **kwargs)
        except Exception as error:
            self.failed(error)
        return DONE

    return dual(method)


STYLES: dict[str, tuple[Method, bool]] = {
    "sync": (_plain, False),
    "sync, run_inline": (_plain, True),
    "async": (_coroutine, False),
    "function-like object": (FunctionLike(_plain), False),
    "guarded": (guarded(_plain), False),
    "dual": (dual(_done), False),
}


def make_handler(method: Method, inline: bool) -> Any:
    """A handler whose every callback is the one method, in one style."""
    body = dict.fromkeys(EVENTS, method) | {"run_inline": inline, "__init__": _init}
    return type("Handler", (BaseCallbackHandler,), body)()


def _init(self: Any) -> None:
    self.seen = []


def sequential(chain: Runnable[Any, Any], config: Any, count: int) -> None:
    async def run() -> None:
        for _ in range(count):
            await chain.ainvoke(QUESTION, config=config)

    asyncio.run(run())


def gathered(chain: Runnable[Any, Any], config: Any, count: int) -> None:
    async def run() -> None:
        for _ in range(0, count, 100):
            await asyncio.gather(*(chain.ainvoke(QUESTION, config=config) for _ in range(100)))

    asyncio.run(run())


def synchronous(chain: Runnable[Any, Any], config: Any, count: int) -> None:
    for _ in range(count):
        chain.invoke(QUESTION, config=config)


MODES = {"ainvoke": sequential, "gather": gathered, "invoke": synchronous}


def measure(rounds: int, count: int) -> dict[tuple[str, str], float]:
    """Best µs per chain over interleaved rounds (the machine is shared); also asserts that every event arrived."""
    samples: dict[tuple[str, str], list[float]] = {}
    _warm_up()
    for _ in range(rounds):
        for style in ("none", *STYLES):
            for mode in MODES:
                samples.setdefault((style, mode), []).append(_block(style, mode, count))
    return {key: min(values) for key, values in samples.items()}


def _warm_up() -> None:
    for mode in MODES.values():
        mode(small_chain(), {}, 100)


def _block(style: str, mode: str, count: int) -> float:
    handler = None if style == "none" else make_handler(*STYLES[style])
    config = {"callbacks": [handler]} if handler else {}
    start = time.perf_counter_ns()
    MODES[mode](small_chain(), config, count)
    spent = (time.perf_counter_ns() - start) / 1000 / count
    assert handler is None or len(handler.seen) == count * SMALL_EVENTS, (style, mode, len(handler.seen))
    return spent


def starts_seen(style: str, inline_beside: bool) -> tuple[int, int]:
    """(ours, other's) `on_llm_start` of one async completion-LLM call, with and without an inline handler beside."""
    method, inline = STYLES[style]
    ours, other = _starts_only(method, inline), _starts_only(_plain, False)
    beside = [_starts_only(_plain, True)] if inline_beside else []
    asyncio.run(FakeListLLM(responses=["ok"]).ainvoke("hi", config={"callbacks": [ours, other, *beside]}))
    return len(ours.seen), len(other.seen)


def _starts_only(method: Method, inline: bool) -> Any:
    body = {"on_llm_start": method, "run_inline": inline, "__init__": _init}
    return type("StartsOnly", (BaseCallbackHandler,), body)()


def silent(style: str) -> bool:
    """Whether sync and async use raise no warning (an un-awaited coroutine would)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        config: RunnableConfig = {"callbacks": [make_handler(*STYLES[style])]}
        small_chain().invoke(QUESTION, config=config)
        asyncio.run(small_chain().ainvoke(QUESTION, config=config), debug=True)
    return not caught


def call_cost(style: str, count: int = 200_000) -> float:
    """Ns for what the sync dispatch does per event: look the bound method up, call it, test the result."""
    handler = make_handler(*STYLES[style])
    start = time.perf_counter_ns()
    for _ in range(count):
        asyncio.iscoroutine(handler.on_chain_start(None, {}, run_id=None))
    return (time.perf_counter_ns() - start) / count


def report(rounds: int, count: int) -> None:
    costs = measure(rounds, count)
    print(f"Python {sys.version.split()[0]}, langchain-core {langchain_core.__version__}\n")
    print(HEADER + "\n" + "|---" * (HEADER.count("|") - 1) + "|")
    for style in ("none", *STYLES):
        times = " | ".join(f"{costs[style, mode]:.0f}" for mode in MODES)
        print(f"| {style} | {times} | {'- | - | - | - | -' if style == 'none' else _properties(style)} |")


def _properties(style: str) -> str:
    starts = ["{}/{}".format(*starts_seen(style, beside)) for beside in (False, True)]
    sync = "-" if style == "async" else f"{call_cost(style):.0f}"
    direct = inspect.iscoroutinefunction(make_handler(*STYLES[style]).on_chain_start)
    way = "direct" if direct else "executor"
    return f"{sync} | {starts[0]} | {starts[1]} | {'yes' if silent(style) else 'NO'} | {way}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round")
    quick = parser.parse_args().quick
    report(1 if quick else 7, 100 if quick else 200)


if __name__ == "__main__":
    main()
