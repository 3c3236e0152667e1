"""
What the callback that starts a run tells, by kind of run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from fanlight.capture.record import CallbackRecord
from fanlight.event import Tool
from fanlight.normalize.arguments import argument, identifier, mapping, metadata_of, sequence, text_of
from fanlight.normalize.embedding import embedding_started
from fanlight.normalize.langgraph import chain_operation
from fanlight.normalize.messages import messages_of
from fanlight.normalize.model import requested
from fanlight.normalize.values import Reader

Content: TypeAlias = Callable[[Reader, CallbackRecord, str], dict[str, Any]]
"""Returns event fields, from a record and the run's name."""


def name_of(record: CallbackRecord, run_type: str) -> str:
    """Return the run's name: the one it was given, else what was serialized, else the kind of run."""
    if (given := text_of(record.kwargs.get("name"))) is not None:
        return given
    serialized = mapping(argument(record, 0))
    names = (serialized.get("name"), *sequence(serialized.get("id"))[-1:])
    return next((found for name in names if (found := text_of(name)) is not None), run_type)


def chain_started(reader: Reader, record: CallbackRecord, name: str) -> dict[str, Any]:
    """Return inputs and operation of a chain, graph or node."""
    inputs = argument(record, 1)
    return {
        "inputs": None if _is_placeholder(record, inputs) else reader.value("inputs", inputs),
        "operation": chain_operation(name, metadata_of(record), is_top=record.parent_run_id is None),
    }


def chat_started(reader: Reader, record: CallbackRecord, _name: str) -> dict[str, Any]:
    """Return what was asked of a chat model."""
    return {
        "input_messages": messages_of(reader, "input_messages", argument(record, 1)),
        "operation": "chat",
        **requested(reader, record.kwargs, argument(record, 0)),
    }


def llm_started(reader: Reader, record: CallbackRecord, _name: str) -> dict[str, Any]:
    """Return what was asked of a completion model: each prompt as a user's message."""
    return {
        "input_messages": messages_of(reader, "input_messages", argument(record, 1)),
        "operation": "text_completion",
        **requested(reader, record.kwargs, argument(record, 0)),
    }


def decision_started(reader: Reader, record: CallbackRecord, _name: str) -> dict[str, Any]:
    """Return what a decision model was asked: LangChain tells of it as of a chain that says it is a model."""
    return {
        "inputs": reader.value("inputs", argument(record, 1)),
        "operation": "chat",
        **requested(reader, record.kwargs, argument(record, 0)),
    }


def tool_started(reader: Reader, record: CallbackRecord, name: str) -> dict[str, Any]:
    """Return which tool was called with what."""
    serialized = mapping(argument(record, 0))
    inputs = record.kwargs.get("inputs")
    description = serialized.get("description")
    arguments = reader.value("tool.arguments", argument(record, 1) if inputs is None else inputs)
    return {
        "tool": Tool(
            name=name,
            description=reader.text(description) if isinstance(description, str) else None,
            call_id=text_of(record.kwargs.get("tool_call_id")),
            arguments=arguments,
        ),
        "operation": "execute_tool",
    }


def retriever_started(reader: Reader, record: CallbackRecord, _name: str) -> dict[str, Any]:
    """Return what was looked for."""
    return {"inputs": reader.value("inputs", argument(record, 1)), "operation": "retrieval"}


def _is_placeholder(record: CallbackRecord, inputs: Any) -> bool:
    """Whether LangChain gave `{"input": ""}` because a stream has no inputs yet; the real ones come with its end."""
    if "defers_inputs" not in record.kwargs or type(inputs) is not dict or len(inputs) != 1:
        return False
    given = inputs.get("input")
    return type(given) is str and not given


def start_of(record: CallbackRecord) -> tuple[str, Content] | None:
    """Return the kind of run that *record* starts and what it tells about it; `None` where it starts none."""
    if record.callback == "chain_start" and identifier(record.kwargs.get("run_type")) == "llm":
        return "llm", decision_started
    return _STARTS.get(record.callback)


_STARTS: Final[dict[str, tuple[str, Content]]] = {
    "chain_start": ("chain", chain_started),
    "chat_model_start": ("llm", chat_started),
    "llm_start": ("llm", llm_started),
    "tool_start": ("tool", tool_started),
    "retriever_start": ("retriever", retriever_started),
    "embedding_start": ("embedding", embedding_started),
}
