"""
The kit for tests: of an application's rules, and of a sink.

`capture` is imported when it is first used: a sink's tests need neither the router nor LangChain.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fanlight.testing.batches import make_batch, make_context
from fanlight.testing.events import make_event
from fanlight.testing.traces import make_trace

if TYPE_CHECKING:
    from fanlight.testing.captured import Captured, CapturedSink, capture

__all__ = ["Captured", "CapturedSink", "capture", "make_batch", "make_context", "make_event", "make_trace"]


def __getattr__(name: str) -> Any:
    if name in {"Captured", "CapturedSink", "capture"}:
        return getattr(import_module("fanlight.testing.captured"), name)
    raise AttributeError(f"module 'fanlight.testing' has no attribute {name!r}")
