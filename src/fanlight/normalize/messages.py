"""
LangChain's messages: roles, content, tool calls.
"""

from __future__ import annotations

from typing import Any, Final

from langchain_core.messages import BaseMessage

from fanlight.event import ContentPart, Message, ToolCall
from fanlight.normalize.arguments import first_identifier, full_length, is_sequence, mapping, sequence, text_of
from fanlight.normalize.message_values import role_of
from fanlight.normalize.parts import parts_of
from fanlight.normalize.values import Reader

_FINISH_KEYS: Final = ("finish_reason", "stop_reason", "finishReason", "stopReason", "done_reason")


def messages_of(reader: Reader, field: str, messages: Any) -> tuple[Message, ...]:
    """Return the messages of a model's call; *messages* is a list of them, or a list of such lists."""
    reader.begin(field)
    flat, count = _flat(messages)
    read = tuple(message_of(reader, message) for message in reader.take(flat, len(flat)))
    reader.left_out(count, len(read))
    return read


def message_of(reader: Reader, message: Any, finish_reason: str | None = None) -> Message:
    """Return one message; what is none is shown as a user's text."""
    if not isinstance(message, BaseMessage):
        return Message(role="user", parts=parts_of(reader, message, ()))
    stored = message.__dict__
    calls = _tool_calls(reader, stored)
    extra = mapping(stored.get("additional_kwargs"))
    parts = parts_of(reader, stored.get("content"), calls)
    if reasoning := extra.get("reasoning_content"):
        parts = (ContentPart(type="reasoning", text=reader.text(str(reasoning))), *parts)
    if refusal := extra.get("refusal"):
        parts = (*parts, ContentPart(type="refusal", text=reader.text(str(refusal))))
    return Message(
        role=role_of(message),
        parts=parts,
        tool_calls=calls,
        tool_call_id=text_of(stored.get("tool_call_id")),
        name=text_of(stored.get("name")),
        id=text_of(stored.get("id")),
        finish_reason=finish_reason or (finish_reason_of(stored.get("response_metadata")) if calls or parts else None),
    )


def finish_reason_of(metadata: Any) -> str | None:
    """Return why the model stopped, under whichever name its provider says so."""
    return first_identifier(mapping(metadata), _FINISH_KEYS)


def _flat(messages: Any) -> tuple[list[Any], int]:
    """Return the messages of all lists in one, and how many there were before any list was cut."""
    rows = sequence(messages) if is_sequence(messages) else (messages,)
    flat: list[Any] = []
    count = full_length(rows, messages) - len(rows)
    for row in rows:
        items = sequence(row) if is_sequence(row) else (row,)
        flat += items
        count += full_length(items, row)
    return flat, count


def _tool_calls(reader: Reader, stored: dict[str, Any]) -> tuple[ToolCall, ...]:
    valid, invalid = sequence(stored.get("tool_calls")), sequence(stored.get("invalid_tool_calls"))
    if not valid and not invalid:
        return ()
    calls = [
        ToolCall(
            name=text_of(call.get("name")) or "", id=text_of(call.get("id")), arguments=reader.read(call.get("args"))
        )
        for call in valid
    ]
    calls += [
        ToolCall(
            name=text_of(call.get("name")) or "",
            id=text_of(call.get("id")),
            arguments=reader.read(call.get("args")),
            error=text_of(call.get("error")) or "not valid JSON",
        )
        for call in invalid
    ]
    return tuple(calls)
