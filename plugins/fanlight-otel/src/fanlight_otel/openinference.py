"""
An event's attributes by OpenInference 0.1.42: one function for each type of run, lists flattened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from fanlight import TelemetryEvent
from fanlight.event import ContentPart, Message, ToolCall
from fanlight.semconv import OpenInference
from fanlight_otel.genai import messages_json
from fanlight_otel.providers import openinference_provider
from fanlight_otel.values import JSON, Attributes, json_text, mime_type, text_or_json

_KINDS: Final = {"llm": "LLM", "tool": "TOOL", "retriever": "RETRIEVER", "embedding": "EMBEDDING", "chain": "CHAIN"}


def openinference_attributes(event: TelemetryEvent) -> Attributes:
    """Return the attributes of *event*; content appears where the event has it."""
    attributes: Attributes = {
        OpenInference.SPAN_KIND: _kind(event),
        OpenInference.INPUT_VALUE: text_or_json(event.inputs),
        OpenInference.INPUT_MIME_TYPE: mime_type(event.inputs),
        OpenInference.OUTPUT_VALUE: text_or_json(event.outputs),
        OpenInference.OUTPUT_MIME_TYPE: mime_type(event.outputs),
        OpenInference.SESSION_ID: event.session_id,
        OpenInference.USER_ID: event.user_id,
        OpenInference.METADATA: json_text(event.metadata) if event.metadata else None,
        OpenInference.TAGS: event.tags or None,
        OpenInference.GRAPH_NODE_ID: event.langgraph.node if event.langgraph else None,
        OpenInference.AGENT_NAME: event.name if event.operation == "invoke_agent" else None,
        OpenInference.PROMPT_ID: event.prompt_name,
        OpenInference.LLM_PROMPT_TEMPLATE_VERSION: event.prompt_version,
    }
    mapping = _RUNS.get(event.run_type)
    if mapping is not None:
        attributes.update(mapping(event))
    return attributes


def _kind(event: TelemetryEvent) -> str:
    return "AGENT" if event.operation == "invoke_agent" else _KINDS.get(event.run_type, "UNKNOWN")


def _llm(event: TelemetryEvent) -> Attributes:
    provider = openinference_provider(event.provider)
    attributes: Attributes = {
        OpenInference.LLM_MODEL_NAME: event.response_model or event.request_model,
        OpenInference.LLM_REQUEST_MODEL_NAME: event.request_model,
        OpenInference.LLM_RESPONSE_MODEL_NAME: event.response_model,
        OpenInference.LLM_PROVIDER: provider.provider if provider else None,
        OpenInference.LLM_SYSTEM: provider.system if provider else None,
        OpenInference.LLM_INVOCATION_PARAMETERS: _invocation_parameters(event),
        OpenInference.LLM_FINISH_REASON: event.finish_reasons[0] if event.finish_reasons else None,
        **_usage(event),
    }
    _flatten_messages(attributes, OpenInference.LLM_INPUT_MESSAGES, event.input_messages)
    _flatten_messages(attributes, OpenInference.LLM_OUTPUT_MESSAGES, event.output_messages)
    for index, tool in enumerate(event.tool_definitions):
        attributes[f"{OpenInference.LLM_TOOLS}.{index}.{OpenInference.TOOL_JSON_SCHEMA}"] = json_text(tool)
    if event.inputs is None and event.input_messages:
        attributes[OpenInference.INPUT_VALUE] = messages_json(event.input_messages)
        attributes[OpenInference.INPUT_MIME_TYPE] = JSON
    if event.outputs is None and event.output_messages:
        attributes[OpenInference.OUTPUT_VALUE] = messages_json(event.output_messages)
        attributes[OpenInference.OUTPUT_MIME_TYPE] = JSON
    return attributes


def _embedding(event: TelemetryEvent) -> Attributes:
    return {
        OpenInference.EMBEDDING_MODEL_NAME: event.response_model or event.request_model,
        OpenInference.EMBEDDING_INVOCATION_PARAMETERS: _invocation_parameters(event),
        **_usage(event),
    }


def _tool(event: TelemetryEvent) -> Attributes:
    tool = event.tool
    if tool is None:
        return {OpenInference.TOOL_NAME: event.name}
    attributes: Attributes = {
        OpenInference.TOOL_NAME: tool.name,
        OpenInference.TOOL_DESCRIPTION: tool.description,
        OpenInference.TOOL_ID: tool.call_id,
        OpenInference.TOOL_PARAMETERS: text_or_json(tool.arguments),
    }
    if event.inputs is None:
        attributes[OpenInference.INPUT_VALUE] = text_or_json(tool.arguments)
        attributes[OpenInference.INPUT_MIME_TYPE] = mime_type(tool.arguments)
    if event.outputs is None:
        attributes[OpenInference.OUTPUT_VALUE] = text_or_json(tool.result)
        attributes[OpenInference.OUTPUT_MIME_TYPE] = mime_type(tool.result)
    return attributes


def _retriever(event: TelemetryEvent) -> Attributes:
    attributes: Attributes = {}
    for index, document in enumerate(event.documents):
        prefix = f"{OpenInference.RETRIEVAL_DOCUMENTS}.{index}."
        attributes[prefix + OpenInference.DOCUMENT_ID] = document.id
        attributes[prefix + OpenInference.DOCUMENT_SCORE] = document.score
        attributes[prefix + OpenInference.DOCUMENT_CONTENT] = document.content
        attributes[prefix + OpenInference.DOCUMENT_METADATA] = (
            json_text(document.metadata) if document.metadata else None
        )
    return attributes


_RUNS: Final[dict[str, Callable[[TelemetryEvent], Attributes]]] = {
    "llm": _llm,
    "embedding": _embedding,
    "tool": _tool,
    "retriever": _retriever,
}


def _invocation_parameters(event: TelemetryEvent) -> str | None:
    return json_text(event.invocation_params) if event.invocation_params else None


def _usage(event: TelemetryEvent) -> Attributes:
    return {
        OpenInference.LLM_TOKEN_COUNT_PROMPT: event.input_tokens,
        OpenInference.LLM_TOKEN_COUNT_COMPLETION: event.output_tokens,
        OpenInference.LLM_TOKEN_COUNT_TOTAL: event.total_tokens,
        OpenInference.LLM_TOKEN_COUNT_PROMPT_CACHE_READ: event.cache_read_tokens,
        OpenInference.LLM_TOKEN_COUNT_PROMPT_CACHE_WRITE: event.cache_write_tokens,
        OpenInference.LLM_TOKEN_COUNT_PROMPT_AUDIO: event.input_audio_tokens,
        OpenInference.LLM_TOKEN_COUNT_COMPLETION_REASONING: event.reasoning_tokens,
        OpenInference.LLM_TOKEN_COUNT_COMPLETION_AUDIO: event.output_audio_tokens,
        OpenInference.LLM_COST_PROMPT: event.input_cost_usd,
        OpenInference.LLM_COST_COMPLETION: event.output_cost_usd,
        OpenInference.LLM_COST_TOTAL: event.cost_usd,
    }


def _flatten_messages(attributes: Attributes, prefix: str, messages: Iterable[Message]) -> None:
    for index, message in enumerate(messages):
        at = f"{prefix}.{index}."
        attributes[at + OpenInference.MESSAGE_ROLE] = message.role
        attributes[at + OpenInference.MESSAGE_NAME] = message.name
        attributes[at + OpenInference.MESSAGE_TOOL_CALL_ID] = message.tool_call_id
        _flatten_parts(attributes, at, message.parts)
        for number, call in enumerate(message.tool_calls):
            _flatten_call(attributes, f"{at}{OpenInference.MESSAGE_TOOL_CALLS}.{number}.", call)


def _flatten_parts(attributes: Attributes, at: str, parts: tuple[ContentPart, ...]) -> None:
    if len(parts) == 1 and parts[0].type == "text":
        attributes[at + OpenInference.MESSAGE_CONTENT] = parts[0].text
        return
    for index, part in enumerate(parts):
        _flatten_part(attributes, f"{at}{OpenInference.MESSAGE_CONTENTS}.{index}.", part)


def _flatten_part(attributes: Attributes, at: str, part: ContentPart) -> None:
    attributes[at + OpenInference.MESSAGE_CONTENT_TYPE] = part.type
    attributes[at + OpenInference.MESSAGE_CONTENT_TEXT] = part.text
    if part.type == "image":
        attributes[f"{at}{OpenInference.MESSAGE_CONTENT_IMAGE}.{OpenInference.IMAGE_URL}"] = part.uri
    elif part.type == "audio":
        audio = f"{at}{OpenInference.MESSAGE_CONTENT_AUDIO}."
        attributes[audio + OpenInference.AUDIO_URL] = part.uri
        attributes[audio + OpenInference.AUDIO_MIME_TYPE] = part.mime_type
    if part.data is not None:
        attributes[at + OpenInference.MESSAGE_CONTENT_DATA] = text_or_json(part.data)


def _flatten_call(attributes: Attributes, at: str, call: ToolCall) -> None:
    arguments: Any = call.arguments
    attributes[at + OpenInference.TOOL_CALL_ID] = call.id
    attributes[at + OpenInference.TOOL_CALL_FUNCTION_NAME] = call.name
    attributes[at + OpenInference.TOOL_CALL_FUNCTION_ARGUMENTS] = text_or_json(arguments)
