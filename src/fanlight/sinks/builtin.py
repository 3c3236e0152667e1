"""The sinks that come with fanlight, registered as any plugin registers its own."""

from __future__ import annotations

from collections.abc import Iterable

from fanlight.hookspecs import hookimpl
from fanlight.sinks import console, jsonl, memory
from fanlight.sinks.base import SinkType


@hookimpl
def fanlight_register_sinks() -> Iterable[SinkType]:
    """Return the types `console`, `jsonl` and `memory`."""
    return (console.SINK_TYPE, jsonl.SINK_TYPE, memory.SINK_TYPE)
