"""
Prompts, answers and arguments as the text of a table's cell.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from fanlight import TelemetryEvent
from fanlight.event import ContentPart, Message, ToolCall

_LONGEST: Final = 32_768
"""Characters of one cell; W&B shows tables in a browser."""


def prompt_of(event: TelemetryEvent) -> str | None:
    """Return what the run was given."""
    if event.input_messages:
        return _cut(messages_text(event.input_messages))
    if event.tool is not None and event.tool.arguments is not None:
        return _cut(text_of(event.tool.arguments))
    return _cut(text_of(event.inputs))


def output_of(event: TelemetryEvent) -> str | None:
    """Return what the run gave back."""
    if event.output_messages:
        return _cut(messages_text(event.output_messages))
    if event.documents and any(document.content for document in event.documents):
        return _cut("\n\n".join(f"[{document.rank}] {document.content or ''}" for document in event.documents))
    if event.tool is not None and event.tool.result is not None:
        return _cut(text_of(event.tool.result))
    return _cut(text_of(event.outputs if event.outputs is not None else event.custom))


def tool_calls_of(event: TelemetryEvent) -> str | None:
    """Return which tools the model asked for, as JSON."""
    calls = [call for message in event.output_messages for call in message.tool_calls]
    return _cut(text_of([_call(call) for call in calls])) if calls else None


def error_of(event: TelemetryEvent) -> str | None:
    """Return the error's type and message."""
    if event.error is None:
        return None
    return _cut(": ".join(filter(None, (event.error.type, event.error.message))))


def messages_text(messages: Iterable[Message]) -> str | None:
    """Return *messages* one below the other, each behind its role; `None` where nothing was said."""
    said = [(message.role, "\n".join(filter(None, map(_part, message.parts)))) for message in messages]
    return "\n\n".join(f"{role}: {text}" for role, text in said if text) or None


def text_of(value: Any) -> str | None:
    """Return text as it is, anything else as JSON, and `None` where there is nothing."""
    if value is None or isinstance(value, str):
        return value or None
    return msgspec.json.encode(value).decode()


def _part(part: ContentPart) -> str | None:
    if part.text is not None:
        return part.text
    return f"[{part.type}{f' {part.uri}' if part.uri else ''}]"


def _call(call: ToolCall) -> dict[str, Any]:
    known = {"name": call.name, "id": call.id, "arguments": call.arguments, "error": call.error}
    return {name: value for name, value in known.items() if value is not None}


def _cut(text: str | None) -> str | None:
    if text is None:
        return None
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text) - _LONGEST} more characters)"
