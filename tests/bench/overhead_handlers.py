"""What stands in the callbacks while the overhead is measured: nothing, the least that is possible, and fanlight."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import time_ns
from typing import Any

import msgspec
from langchain_core.callbacks import BaseCallbackHandler

from fanlight import Router
from fanlight.capture.capture import Capture
from fanlight.capture.dispatch import DONE, dual
from fanlight.capture.handler import make_handler
from fanlight.capture.intake import Intake

EVENTS = [name for name in dir(BaseCallbackHandler) if name.startswith("on_") and "token" not in name]
TIMEOUT = 60.0
_directories: list[tempfile.TemporaryDirectory[str]] = []


class Handled(msgspec.Struct, frozen=True):
    """
    A way to be called back.

    Args:
        config: What the application passes to `invoke`.
        settle: Waits until everything that was captured is where it should be.
        lost: How many events are known to have been lost since the process began.
    """

    config: dict[str, Any]
    settle: Callable[[], object] = lambda: None
    lost: Callable[[], int] = lambda: 0


class Noted(msgspec.Struct):
    """All that the floor keeps: references, and when."""

    event: str
    time_unix_nano: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def none() -> Handled:
    """No handler at all."""
    return Handled({})


def noop() -> Handled:
    """
    The base class, which does nothing; inline, so that async code does not send it through an executor.

    Chat models are its exception: it refuses them, and LangChain then makes a text of the messages for `on_llm_start`.
    """
    body = {"run_inline": True, "on_chat_model_start": _nothing()}
    return Handled({"callbacks": [type("Noop", (BaseCallbackHandler,), body)()]})


def floor() -> Handled:
    """One struct and one append of references per event, inline; token callbacks do nothing."""
    kept: deque[Noted] = deque()
    body = {name: _note(name, kept.append) for name in EVENTS} | {"run_inline": True}
    return Handled({"callbacks": [type("Floor", (BaseCallbackHandler,), body)()]}, kept.clear)


def floor_dual() -> Handled:
    """The same in the style that leaves other handlers their events, see the page on dispatch styles."""
    kept: deque[Noted] = deque()
    body = {name: dual(_note(name, kept.append)) for name in EVENTS} | {"on_llm_new_token": dual(_nothing())}
    return Handled({"callbacks": [type("FloorDual", (BaseCallbackHandler,), body)()]}, kept.clear)


def _note(name: str, keep: Callable[[Noted], None]) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        keep(Noted(name, time_ns(), args, kwargs))
        return DONE

    return method


def _nothing() -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return DONE

    return method


def capture() -> Handled:
    """What fanlight does in the caller's thread, and nothing behind it."""
    intake = Intake(max_events=10**9, max_bytes=10**12)
    handler = make_handler(Capture(intake))

    def drain() -> None:
        intake.settle(records=len(intake.take(10**9)))

    return Handled({"callbacks": [handler]}, drain, lambda: sum(intake.counts().dropped.values()))


def router(sinks: dict[str, Any]) -> Handled:
    """The whole of it, with every event to all of *sinks*."""
    made = Router.from_config(
        {
            "version": 1,
            "service": "bench",
            "environments": ["bench"],
            "environment": "bench",
            "sinks": sinks,
            "routes": [{"to": list(sinks)}],
        }
    )

    def flush() -> None:
        report = made.flush(TIMEOUT)
        if not report:
            raise RuntimeError(f"not flushed: {report}")

    return Handled({"callbacks": [made.handler]}, flush, lambda: lost(made))


def lost(made: Router) -> int:
    """How many events *made* has dropped, by its own ledger."""
    health = made.health()
    if not health.balanced:
        raise RuntimeError("the ledger does not balance")
    dropped = [health.intake.dropped, *(sink.counts.dropped for sink in health.sinks.values())]
    letters = sum(sink.counts.dead_lettered for sink in health.sinks.values())
    return letters + sum(count for each in dropped for reason, count in each.items() if reason != "bookkeeping")


def whole() -> Handled:
    """One sink, in memory."""
    return router({"memory": {"type": "memory"}})


def fan_out(otlp: str) -> Handled:
    """Three files and one OTLP receiver at *otlp*."""
    directory = tempfile.TemporaryDirectory(prefix="fanlight-bench-")
    _directories.append(directory)  # removed with the process
    files = {f"file_{n}": {"type": "jsonl", "path": str(Path(directory.name) / f"{n}.jsonl")} for n in range(3)}
    return router({**files, "collector": {"type": "otel", "endpoint": otlp}})


HANDLERS: dict[str, Callable[[str], Handled]] = {
    "none": lambda _: none(),
    "no-op": lambda _: noop(),
    "floor": lambda _: floor(),
    "floor, dual": lambda _: floor_dual(),
    "fanlight capture": lambda _: capture(),
    "fanlight, memory": lambda _: whole(),
    "fanlight, 3 files + otel": fan_out,
}
