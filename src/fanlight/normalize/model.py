"""
Which model was asked, with what parameters, and which one answered.
"""

from __future__ import annotations

from typing import Any, Final

from fanlight.normalize.arguments import is_sequence, mapping, text_of
from fanlight.normalize.messages import finish_reason_of
from fanlight.normalize.values import Reader

_PROVIDERS: Final = {
    "amazon_bedrock": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "google_genai": "gcp.gemini",
    "google_gemini": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "watsonx": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
    "moonshot": "moonshot_ai",
}
"""LangChain's words to OpenTelemetry's `gen_ai.provider.name`, where the two differ."""

_REQUEST_MODEL: Final = (
    "model", "model_name", "model_id", "azure_deployment", "deployment_name", "deployment_id", "engine", "repo_id",
)  # fmt: skip
_RESPONSE_MODEL: Final = ("model_name", "model", "model_id", "modelId")

ALLOWED_PARAMS: Final = frozenset({
    "temperature", "top_p", "top_k", "min_p", "n", "stop", "stop_sequences", "seed", "max_tokens",
    "max_completion_tokens", "max_output_tokens", "max_new_tokens", "max_retries", "candidate_count", "num_ctx",
    "num_predict", "frequency_penalty", "presence_penalty", "repetition_penalty", "repeat_penalty", "logit_bias",
    "logprobs", "top_logprobs", "response_format", "format", "response_mime_type", "response_schema", "strict",
    "tool_choice", "parallel_tool_calls", "stream", "streaming", "service_tier", "reasoning", "reasoning_effort",
    "reasoning_format", "thinking", "thinking_budget", "include_thoughts", "effort", "verbosity", "modalities",
    "truncation", "store", "use_responses_api", "output_version",
})  # fmt: skip
"""
The invocation parameters that are taken. By name, because the rest of what LangChain hands over is whatever the
application passed: headers, keys, clients.
"""
_TOOLS: Final = ("tools", "functions")


def requested(reader: Reader, kwargs: dict[str, Any], serialized: Any) -> dict[str, Any]:
    """Return the event fields for what was asked of which model."""
    metadata = mapping(kwargs.get("metadata"))
    params = mapping(kwargs.get("invocation_params"))
    fields: dict[str, Any] = {
        "provider": provider_of(metadata.get("ls_provider")) or provider_by_package(serialized),
        "request_model": text_of(metadata.get("ls_model_name")) or _first(params, _REQUEST_MODEL),
    }
    if allowed := _allowed(params, metadata):
        fields["invocation_params"] = reader.value("invocation_params", allowed)
    if tools := next((params[key] for key in _TOOLS if is_sequence(params.get(key))), None):
        read = reader.value("tool_definitions", tools)
        fields["tool_definitions"] = tuple(read) if isinstance(read, list) else (read,)
    return fields


def answered(generations: list[Any], llm_output: Any) -> dict[str, Any]:
    """Return the event fields for which model answered, and why it stopped."""
    fields: dict[str, Any] = {}
    reasons: list[str] = []
    for generation in generations:
        info = mapping(getattr(generation, "generation_info", None))
        message = getattr(generation, "message", None)
        metadata = mapping(getattr(message, "response_metadata", None))
        if reason := finish_reason_of(metadata) or finish_reason_of(info):
            reasons.append(reason)
        _put(fields, "response_model", _first(metadata, _RESPONSE_MODEL) or _first(info, _RESPONSE_MODEL))
        _put(fields, "response_id", text_of(metadata.get("id")) or _provider_id(getattr(message, "id", None)))
        _gateway(fields, mapping(info.get("lc_gateway_metadata")))
    output = mapping(llm_output)
    _put(fields, "response_model", _first(output, _RESPONSE_MODEL))
    _put(fields, "response_id", text_of(output.get("id")))
    if reasons:
        fields["finish_reasons"] = tuple(reasons)
    return fields


def provider_of(name: Any) -> str | None:
    """Return OpenTelemetry's name of a provider that LangChain calls *name*."""
    text = text_of(name)
    return _PROVIDERS.get(text, text) if text else None


def _allowed(params: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    allowed = {key: value for key, value in params.items() if key in ALLOWED_PARAMS and value is not None}
    for key, name in (("temperature", "ls_temperature"), ("max_tokens", "ls_max_tokens"), ("stop", "ls_stop")):
        if key not in allowed and (value := metadata.get(name)) is not None:
            allowed[key] = value
    return allowed


def _gateway(fields: dict[str, Any], gateway: dict[str, Any]) -> None:
    """Take over what a model gateway says it chose: that, not what was asked of the gateway, is what answered."""
    if provider := provider_of(gateway.get("ls_provider") or gateway.get("provider")):
        fields["provider"] = provider
    if model := text_of(gateway.get("ls_model_name")) or text_of(gateway.get("model")):
        fields["response_model"] = model


def provider_by_package(serialized: Any) -> str | None:
    """Return the provider by the integration package, `langchain_openai`, where the model does not say it."""
    path = serialized.get("id") if isinstance(serialized, dict) else None
    package = path[0] if isinstance(path, list) and path and isinstance(path[0], str) else ""
    name = package.removeprefix("langchain_")
    return provider_of(name) if name != package and name not in {"core", "community", "classic"} else None


def _provider_id(identity: Any) -> str | None:
    """Return a message's id unless LangChain made it up from the run id."""
    text = text_of(identity)
    return None if text is None or text.startswith(("lc_", "run-")) else text


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    if value is not None and name not in fields:
        fields[name] = value


def _first(source: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if (text := text_of(source.get(key))) is not None:
            return text
    return None
