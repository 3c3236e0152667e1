"""
What the callback that starts a run tells, by kind of run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from fanlight.capture.record import CallbackRecord
from fanlight.event import Tool
from fanlight.normalize.langgraph import chain_operation
from fanlight.normalize.messages import messages_of
from fanlight.normalize.model import requested
from fanlight.normalize.values import Reader

Content: TypeAlias = Callable[[Reader, CallbackRecord, str], dict[str, Any]]
"""Returns event fields, from a record and the run's name."""

_PLACEHOLDER: Final = {"input": ""}
"""What LangChain gives as inputs of a stream; the real ones come with its end."""


def name_of(record: CallbackRecord, run_type: str) -> str:
    """Return the run's name: the one it was given, else what was serialized, else the kind of run."""
    serialized = record.args[0] if record.args and isinstance(record.args[0], dict) else {}
    path = serialized.get("id")
    for name in (
        record.kwargs.get("name"),
        serialized.get("name"),
        path[-1] if isinstance(path, list) and path else None,
    ):
        if isinstance(name, str) and name:
            return str.__str__(name)[:256]
    return run_type


def chain_started(reader: Reader, record: CallbackRecord, name: str) -> dict[str, Any]:
    """Return inputs and operation of a chain, graph or node."""
    inputs = _data(record)
    placeholder = inputs == _PLACEHOLDER if type(inputs) is dict and "defers_inputs" in record.kwargs else False
    return {
        "inputs": None if placeholder else reader.value("inputs", inputs),
        "operation": chain_operation(name, record.kwargs.get("metadata") or {}, is_top=record.parent_run_id is None),
    }


def chat_started(reader: Reader, record: CallbackRecord, _name: str) -> dict[str, Any]:
    """Return what was asked of a chat model."""
    return {
        "input_messages": messages_of(reader, "input_messages", _data(record)),
        "operation": "chat",
        **requested(reader, record.kwargs, record.args[0]),
    }


def llm_started(reader: Reader, record: CallbackRecord, _name: str) -> dict[str, Any]:
    """Return what was asked of a completion model: each prompt as a user's message."""
    return {
        "input_messages": messages_of(reader, "input_messages", _data(record)),
        "operation": "text_completion",
        **requested(reader, record.kwargs, record.args[0]),
    }


def tool_started(reader: Reader, record: CallbackRecord, name: str) -> dict[str, Any]:
    """Return which tool was called with what."""
    serialized = record.args[0] if isinstance(record.args[0], dict) else {}
    inputs = record.kwargs.get("inputs")
    description = serialized.get("description")
    call_id = record.kwargs.get("tool_call_id")
    arguments = reader.value("tool.arguments", _data(record) if inputs is None else inputs)
    return {
        "tool": Tool(
            name=name,
            description=reader.text(description) if isinstance(description, str) else None,
            call_id=call_id if isinstance(call_id, str) else None,
            arguments=arguments,
        ),
        "operation": "execute_tool",
    }


def retriever_started(reader: Reader, record: CallbackRecord, _name: str) -> dict[str, Any]:
    """Return what was looked for."""
    return {"inputs": reader.value("inputs", _data(record)), "operation": "retrieval"}


def _data(record: CallbackRecord) -> Any:
    return record.args[1] if len(record.args) > 1 else None


STARTS: Final[dict[str, tuple[str, Content]]] = {
    "chain_start": ("chain", chain_started),
    "chat_model_start": ("llm", chat_started),
    "llm_start": ("llm", llm_started),
    "tool_start": ("tool", tool_started),
    "retriever_start": ("retriever", retriever_started),
}
"""The kind of run that a callback starts, and what it tells about it."""
