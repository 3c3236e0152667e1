"""
Messages inside inputs and outputs: what a graph's state is made of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from langchain_core.messages import BaseMessage

from fanlight.normalize.arguments import identifier

_ROLES: Final = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "SystemMessageChunk": "system",
    "tool": "tool",
    "ToolMessageChunk": "tool",
    "function": "tool",
    "FunctionMessageChunk": "tool",
}
_ELSEWHERE: Final = frozenset({"tool_calls", "reasoning_content"})
"""What `additional_kwargs` says a second time."""


def role_of(message: BaseMessage) -> str:
    """Return the role: OpenTelemetry's word where it has one, else the application's own."""
    kind = identifier(message.__dict__.get("type")) or "message"
    return _ROLES.get(kind) or identifier(message.__dict__.get("role")) or kind


def message_value(message: BaseMessage) -> Iterable[tuple[str, Any]]:
    """
    Return a message inside inputs or outputs as the pairs of an object, short: what is empty is left out.

    A tool's `artifact` is named by its kind only: it is what the application keeps *from* the model, of any size.
    """
    stored = message.__dict__
    yield "role", role_of(message)
    yield "content", stored.get("content")
    for key in ("name", "id", "tool_calls", "invalid_tool_calls", "tool_call_id"):
        if item := stored.get(key):
            yield key, item
    if stored.get("status") == "error":
        yield "status", "error"
    if (artifact := stored.get("artifact")) is not None:
        yield "artifact", f"<{type(artifact).__qualname__}>"
    extra = stored.get("additional_kwargs")
    if extra and (rest := {key: item for key, item in extra.items() if item and key not in _ELSEWHERE}):
        yield "additional_kwargs", rest
