"""
An event's attributes by OpenTelemetry's GenAI conventions 1.41: one function for each type of run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from fanlight import TelemetryEvent
from fanlight.event import Document, Message
from fanlight.semconv import GenAI
from fanlight_otel.values import Attributes, json_text, text_or_json

_BY_RUN_TYPE: Final = {"llm": "chat", "tool": "execute_tool", "retriever": "retrieval", "embedding": "embeddings"}

# The spellings that LangChain's integrations use, first come first served.
_REQUEST_PARAMETERS: Final[tuple[tuple[str, tuple[str, ...], Callable[[Any], Any]], ...]] = (
    (
        GenAI.REQUEST_MAX_TOKENS,
        ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "num_predict"),
        int,
    ),
    (GenAI.REQUEST_TEMPERATURE, ("temperature",), float),
    (GenAI.REQUEST_TOP_P, ("top_p",), float),
    (GenAI.REQUEST_TOP_K, ("top_k",), float),
    (GenAI.REQUEST_FREQUENCY_PENALTY, ("frequency_penalty",), float),
    (GenAI.REQUEST_PRESENCE_PENALTY, ("presence_penalty",), float),
    (GenAI.REQUEST_SEED, ("seed",), int),
    (GenAI.REQUEST_CHOICE_COUNT, ("n", "candidate_count"), int),
)


def operation_of(event: TelemetryEvent) -> str | None:
    """Return `gen_ai.operation.name`; `None` for the plain chains that the conventions have no word for."""
    operation = event.operation or _BY_RUN_TYPE.get(event.run_type)
    return None if operation == "chain" else operation


def span_name(event: TelemetryEvent) -> str:
    """Return the span's name: the operation and what it is done to; LangChain's own name for a plain chain."""
    operation = operation_of(event)
    if operation is None:
        return event.name
    if event.run_type in ("llm", "embedding"):
        return f"{operation} {event.request_model or event.response_model or ''}".rstrip()
    subject = event.tool.name if event.tool else event.name
    return f"{operation} {subject}"


def genai_attributes(event: TelemetryEvent) -> Attributes:
    """Return the attributes of *event*; content appears where the event has it."""
    attributes: Attributes = {
        GenAI.OPERATION_NAME: operation_of(event),
        GenAI.CONVERSATION_ID: event.session_id,
        GenAI.PROMPT_NAME: event.prompt_name,
    }
    attributes.update(_RUNS.get(event.run_type, _chain)(event))
    return attributes


def _llm(event: TelemetryEvent) -> Attributes:
    instructions, conversation = _split_instructions(event.input_messages)
    return {
        **_model(event),
        GenAI.OUTPUT_TYPE: _output_type(event.invocation_params),
        GenAI.REQUEST_STREAM: event.streamed,
        GenAI.RESPONSE_FINISH_REASONS: event.finish_reasons or None,
        GenAI.RESPONSE_TIME_TO_FIRST_CHUNK: _seconds(event.time_to_first_token_ms),
        GenAI.SYSTEM_INSTRUCTIONS: json_text(instructions) if instructions else None,
        GenAI.INPUT_MESSAGES: messages_json(conversation),
        GenAI.OUTPUT_MESSAGES: _output_messages(event),
        GenAI.TOOL_DEFINITIONS: json_text([_definition(tool) for tool in event.tool_definitions])
        if event.tool_definitions
        else None,
    }


def _embedding(event: TelemetryEvent) -> Attributes:
    attributes = _model(event)
    if event.embeddings is not None:  # what came, rather than what was asked for
        attributes[GenAI.EMBEDDINGS_DIMENSION_COUNT] = event.embeddings.dimensions
    return attributes


def _tool(event: TelemetryEvent) -> Attributes:
    tool = event.tool
    if tool is None:
        return {GenAI.TOOL_NAME: event.name, GenAI.TOOL_TYPE: "function"}
    return {
        GenAI.TOOL_NAME: tool.name,
        GenAI.TOOL_TYPE: "function",
        GenAI.TOOL_DESCRIPTION: tool.description,
        GenAI.TOOL_CALL_ID: tool.call_id,
        GenAI.TOOL_CALL_ARGUMENTS: text_or_json(tool.arguments),
        GenAI.TOOL_CALL_RESULT: text_or_json(tool.result),
    }


def _retriever(event: TelemetryEvent) -> Attributes:
    documents = [_document(document) for document in event.documents]
    return {
        GenAI.RETRIEVAL_QUERY_TEXT: text_or_json(event.inputs),
        GenAI.RETRIEVAL_DOCUMENTS: json_text(documents) if documents else None,
    }


def _chain(event: TelemetryEvent) -> Attributes:
    operation = operation_of(event)
    if operation == "invoke_agent":
        return {GenAI.AGENT_NAME: event.name, GenAI.AGENT_ID: event.langgraph.graph_id if event.langgraph else None}
    return {GenAI.WORKFLOW_NAME: event.name} if operation == "invoke_workflow" else {}


_RUNS: Final[dict[str, Callable[[TelemetryEvent], Attributes]]] = {
    "llm": _llm,
    "embedding": _embedding,
    "tool": _tool,
    "retriever": _retriever,
    "chain": _chain,
}


def _model(event: TelemetryEvent) -> Attributes:
    return {
        GenAI.PROVIDER_NAME: event.provider,
        GenAI.REQUEST_MODEL: event.request_model,
        GenAI.RESPONSE_MODEL: event.response_model,
        GenAI.RESPONSE_ID: event.response_id,
        **_request(event.invocation_params),
        GenAI.USAGE_INPUT_TOKENS: event.input_tokens,
        GenAI.USAGE_OUTPUT_TOKENS: event.output_tokens,
        GenAI.USAGE_CACHE_READ_INPUT_TOKENS: event.cache_read_tokens,
        GenAI.USAGE_CACHE_CREATION_INPUT_TOKENS: event.cache_write_tokens,
        GenAI.USAGE_REASONING_OUTPUT_TOKENS: event.reasoning_tokens,
    }


def _request(params: dict[str, Any]) -> Attributes:
    attributes: Attributes = {}
    for attribute, keys, kind in _REQUEST_PARAMETERS:
        value = next((params[key] for key in keys if params.get(key) is not None), None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            attributes[attribute] = kind(value)
    attributes[GenAI.REQUEST_STOP_SEQUENCES] = _texts(params.get("stop") or params.get("stop_sequences"))
    attributes[GenAI.REQUEST_ENCODING_FORMATS] = _texts(params.get("encoding_format"))
    attributes[GenAI.EMBEDDINGS_DIMENSION_COUNT] = params.get("dimensions")
    return attributes


def _texts(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list | tuple) and value else None


def _output_type(params: dict[str, Any]) -> str | None:
    wanted = params.get("response_format") or params.get("response_mime_type") or params.get("format")
    kind = wanted.get("type", "json") if isinstance(wanted, dict) else wanted
    if not isinstance(kind, str):
        return None
    return "json" if "json" in kind else "text" if kind.startswith("text") else None


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _split_instructions(messages: tuple[Message, ...]) -> tuple[list[dict[str, Any]], tuple[Message, ...]]:
    """Part the system messages that open a conversation from the conversation itself."""
    opening = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    return [part for message in messages[:opening] for part in _parts(message)], messages[opening:]


def messages_json(messages: Iterable[Message]) -> str | None:
    """Return *messages* in the conventions' JSON; `None` where there are none."""
    encoded = [_message(message) for message in messages]
    return json_text(encoded) if encoded else None


def _message(message: Message) -> dict[str, Any]:
    encoded: dict[str, Any] = {"role": message.role, "parts": _parts(message)}
    if message.name:
        encoded["name"] = message.name
    return encoded


def _output_messages(event: TelemetryEvent) -> str | None:
    encoded = []
    for index, message in enumerate(event.output_messages):
        reported = event.finish_reasons[index] if index < len(event.finish_reasons) else "unknown"
        encoded.append({**_message(message), "finish_reason": message.finish_reason or reported})
    return json_text(encoded) if encoded else None


def _parts(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_call_response", "id": message.tool_call_id, "response": message.text}]
    parts = [_part(part.type, part.text, part.mime_type, part.uri, part.data) for part in message.parts]
    calls = [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}
        for call in message.tool_calls
    ]
    return parts + calls


def _part(kind: str, text: str | None, mime: str | None, uri: str | None, data: Any) -> dict[str, Any]:
    if kind in ("text", "reasoning"):
        return {"type": kind, "content": text or ""}
    if uri is not None:
        return {"type": "uri", "modality": kind, "mime_type": mime, "uri": uri}
    return {"type": kind, "mime_type": mime, "content": text if text is not None else data}


def _document(document: Document) -> dict[str, Any]:
    known = {"id": document.id, "score": document.score, "content": document.content}
    return {key: value for key, value in known.items() if value is not None}


def _definition(tool: Any) -> Any:
    """Return a tool definition as the conventions want it: OpenAI's, without its wrapper."""
    function = tool.get("function") if isinstance(tool, dict) else None
    return {"type": "function", **function} if isinstance(function, dict) else tool
