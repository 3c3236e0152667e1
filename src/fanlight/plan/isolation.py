"""Where a sink runs: as its own `isolation` says, else as its type does; and whether that is possible."""

from __future__ import annotations

from typing import Final

from fanlight.sinks.base import Isolation, SinkConfig, SinkType

_HERE: Final = {
    "console": "a console sink writes where this process does",
    "memory": "a memory sink keeps events for this process",
}


def preferred(sink_type: SinkType, config: SinkConfig) -> Isolation:
    """
    Return what *sink_type* wants for *config*.

    Raises:
        ValueError: with a sentence, where it does not say a word that there is.
    """
    if not callable(sink_type.isolation):
        return sink_type.isolation
    try:
        wanted = sink_type.isolation(config)
    except Exception as error:  # of somebody's plugin; what it says may quote a secret
        raise ValueError(f"sink type {sink_type.name} failed to choose one: {type(error).__name__}") from None
    if wanted not in ("thread", "process"):
        raise ValueError(f"sink type {sink_type.name} chose {wanted!r}, which is neither `thread` nor `process`")
    return wanted


def refusal(sink_type: SinkType, config: SinkConfig | None) -> str | None:
    """
    Return in a sentence why a sink of *sink_type* cannot run in a process of its own, `None` where it can.

    Args:
        sink_type: The sink's type.
        config: Its settings; `None` where they are not all known.
    """
    from fanlight.delivery.process import obstacle  # noqa: PLC0415 - most applications need none of it

    return _HERE.get(sink_type.name) or obstacle(sink_type, config)
