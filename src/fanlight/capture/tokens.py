"""
When a streaming model's first token came, kept per run until the run ends: token callbacks are no events.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

MAX_OPEN_STREAMS: Final = 50_000


_FRAME: Final = frozenset({"type", "index", "id"})
"""Keys of a delta that are not content."""


class TokenClock:
    """First-token time and token count of the streams that are open; the oldest is forgotten beyond a bound."""

    def __init__(self) -> None:
        self._streams: dict[int, list[int]] = {}

    def token(self, run_id: UUID, perf_ns: int) -> None:
        """Note one token that carries something."""
        stream = self._streams.get(run_id.int)
        if stream is not None:
            stream[1] += 1
            return
        if len(self._streams) >= MAX_OPEN_STREAMS:
            self._streams.pop(next(iter(self._streams)), None)
        self._streams[run_id.int] = [perf_ns, 1]

    def pop(self, run_id: UUID) -> tuple[int | None, int]:
        """Return when the run's first token came and how many there were, and forget the run."""
        stream = self._streams.pop(run_id.int, None) if self._streams else None
        return (stream[0], stream[1]) if stream else (None, 0)


def carries_something(token: Any, chunk: Any) -> bool:
    """
    Whether a token callback brought anything: text, a piece of a tool call, or reasoning.

    The first chunk often holds only a role and the last only usage; neither is the first token.
    """
    if token:
        return True
    message = getattr(chunk, "message", None)
    if message is None:
        return False
    extra = getattr(message, "additional_kwargs", None) or {}
    return bool(getattr(message, "tool_call_chunks", None) or extra.get("reasoning_content"))


def event_carries_something(event: Any) -> bool:
    """Whether a native stream event (`on_stream_event`) brought content."""
    if not isinstance(event, dict):
        return False
    if event.get("event") == "content-block-delta":
        delta = event.get("delta")
        return isinstance(delta, dict) and any(value for key, value in delta.items() if key not in _FRAME)
    return event.get("event") == "content-block-finish"
