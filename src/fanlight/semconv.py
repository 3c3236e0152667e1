"""
Attribute names, spelled once: OpenTelemetry's GenAI conventions 1.41, OpenInference 0.1.42, and fanlight's own.

Sinks take names from here and never spell them by hand.
"""

# ruff: noqa: S105 - the tokens here are what models count
from __future__ import annotations

from typing import Final


class GenAI:
    """OpenTelemetry's GenAI conventions, version 1.41."""

    OPERATION_NAME: Final = "gen_ai.operation.name"
    PROVIDER_NAME: Final = "gen_ai.provider.name"
    CONVERSATION_ID: Final = "gen_ai.conversation.id"
    OUTPUT_TYPE: Final = "gen_ai.output.type"

    REQUEST_MODEL: Final = "gen_ai.request.model"
    REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
    REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
    REQUEST_TOP_P: Final = "gen_ai.request.top_p"
    REQUEST_TOP_K: Final = "gen_ai.request.top_k"
    REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
    REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
    REQUEST_SEED: Final = "gen_ai.request.seed"
    REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
    REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
    REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
    REQUEST_STREAM: Final = "gen_ai.request.stream"

    RESPONSE_ID: Final = "gen_ai.response.id"
    RESPONSE_MODEL: Final = "gen_ai.response.model"
    RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
    RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"

    USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
    USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
    USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
    USAGE_CACHE_CREATION_INPUT_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
    USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"

    SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
    INPUT_MESSAGES: Final = "gen_ai.input.messages"
    OUTPUT_MESSAGES: Final = "gen_ai.output.messages"

    TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
    TOOL_NAME: Final = "gen_ai.tool.name"
    TOOL_TYPE: Final = "gen_ai.tool.type"
    TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
    TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
    TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
    TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"

    AGENT_ID: Final = "gen_ai.agent.id"
    AGENT_NAME: Final = "gen_ai.agent.name"
    WORKFLOW_NAME: Final = "gen_ai.workflow.name"
    PROMPT_NAME: Final = "gen_ai.prompt.name"

    RETRIEVAL_QUERY_TEXT: Final = "gen_ai.retrieval.query.text"
    RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
    EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"

    EVALUATION_NAME: Final = "gen_ai.evaluation.name"
    EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"
    EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"
    EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"

    TOKEN_TYPE: Final = "gen_ai.token.type"


class GenAIEvent:
    """Names of the GenAI conventions' log events, version 1.41."""

    EVALUATION_RESULT: Final = "gen_ai.evaluation.result"


class GenAIMetric:
    """Names of the GenAI client metrics, version 1.41."""

    TOKEN_USAGE: Final = "gen_ai.client.token.usage"
    OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
    TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"


class OpenInference:
    """OpenInference's conventions, version 0.1.42. Lists are flattened: `llm.input_messages.0.message.role`."""

    SPAN_KIND: Final = "openinference.span.kind"
    PROJECT_NAME: Final = "openinference.project.name"

    INPUT_VALUE: Final = "input.value"
    INPUT_MIME_TYPE: Final = "input.mime_type"
    OUTPUT_VALUE: Final = "output.value"
    OUTPUT_MIME_TYPE: Final = "output.mime_type"

    LLM_MODEL_NAME: Final = "llm.model_name"
    LLM_REQUEST_MODEL_NAME: Final = "llm.request.model_name"
    LLM_RESPONSE_MODEL_NAME: Final = "llm.response.model_name"
    LLM_PROVIDER: Final = "llm.provider"
    LLM_SYSTEM: Final = "llm.system"
    LLM_INVOCATION_PARAMETERS: Final = "llm.invocation_parameters"
    LLM_INPUT_MESSAGES: Final = "llm.input_messages"
    LLM_OUTPUT_MESSAGES: Final = "llm.output_messages"
    LLM_TOOLS: Final = "llm.tools"
    LLM_FINISH_REASON: Final = "llm.finish_reason"
    LLM_PROMPT_TEMPLATE_VERSION: Final = "llm.prompt_template.version"

    LLM_TOKEN_COUNT_PROMPT: Final = "llm.token_count.prompt"
    LLM_TOKEN_COUNT_COMPLETION: Final = "llm.token_count.completion"
    LLM_TOKEN_COUNT_TOTAL: Final = "llm.token_count.total"
    LLM_TOKEN_COUNT_PROMPT_CACHE_READ: Final = "llm.token_count.prompt_details.cache_read"
    LLM_TOKEN_COUNT_PROMPT_CACHE_WRITE: Final = "llm.token_count.prompt_details.cache_write"
    LLM_TOKEN_COUNT_PROMPT_AUDIO: Final = "llm.token_count.prompt_details.audio"
    LLM_TOKEN_COUNT_COMPLETION_REASONING: Final = "llm.token_count.completion_details.reasoning"
    LLM_TOKEN_COUNT_COMPLETION_AUDIO: Final = "llm.token_count.completion_details.audio"

    LLM_COST_PROMPT: Final = "llm.cost.prompt"
    LLM_COST_COMPLETION: Final = "llm.cost.completion"
    LLM_COST_TOTAL: Final = "llm.cost.total"

    MESSAGE_ROLE: Final = "message.role"
    MESSAGE_CONTENT: Final = "message.content"
    MESSAGE_CONTENTS: Final = "message.contents"
    MESSAGE_NAME: Final = "message.name"
    MESSAGE_TOOL_CALLS: Final = "message.tool_calls"
    MESSAGE_TOOL_CALL_ID: Final = "message.tool_call_id"
    MESSAGE_CONTENT_TYPE: Final = "message_content.type"
    MESSAGE_CONTENT_TEXT: Final = "message_content.text"
    MESSAGE_CONTENT_IMAGE: Final = "message_content.image"
    MESSAGE_CONTENT_AUDIO: Final = "message_content.audio"
    MESSAGE_CONTENT_DATA: Final = "message_content.data"
    IMAGE_URL: Final = "image.url"
    AUDIO_URL: Final = "audio.url"
    AUDIO_MIME_TYPE: Final = "audio.mime_type"

    TOOL_CALL_ID: Final = "tool_call.id"
    TOOL_CALL_FUNCTION_NAME: Final = "tool_call.function.name"
    TOOL_CALL_FUNCTION_ARGUMENTS: Final = "tool_call.function.arguments"
    TOOL_NAME: Final = "tool.name"
    TOOL_DESCRIPTION: Final = "tool.description"
    TOOL_PARAMETERS: Final = "tool.parameters"
    TOOL_ID: Final = "tool.id"
    TOOL_JSON_SCHEMA: Final = "tool.json_schema"

    RETRIEVAL_DOCUMENTS: Final = "retrieval.documents"
    DOCUMENT_ID: Final = "document.id"
    DOCUMENT_SCORE: Final = "document.score"
    DOCUMENT_CONTENT: Final = "document.content"
    DOCUMENT_METADATA: Final = "document.metadata"
    EMBEDDING_MODEL_NAME: Final = "embedding.model_name"
    EMBEDDING_INVOCATION_PARAMETERS: Final = "embedding.invocation_parameters"

    SESSION_ID: Final = "session.id"
    USER_ID: Final = "user.id"
    METADATA: Final = "metadata"
    TAGS: Final = "tag.tags"
    AGENT_NAME: Final = "agent.name"
    GRAPH_NODE_ID: Final = "graph.node.id"
    PROMPT_ID: Final = "prompt.id"


class Otel:
    """OpenTelemetry's general conventions: resource, user, session, errors and exceptions."""

    SERVICE_NAME: Final = "service.name"
    SERVICE_VERSION: Final = "service.version"
    SERVICE_INSTANCE_ID: Final = "service.instance.id"
    DEPLOYMENT_ENVIRONMENT_NAME: Final = "deployment.environment.name"
    HOST_NAME: Final = "host.name"
    PROCESS_PID: Final = "process.pid"
    VCS_REVISION: Final = "vcs.ref.head.revision"
    TELEMETRY_SDK_NAME: Final = "telemetry.sdk.name"
    TELEMETRY_SDK_LANGUAGE: Final = "telemetry.sdk.language"
    TELEMETRY_SDK_VERSION: Final = "telemetry.sdk.version"

    USER_ID: Final = "user.id"
    SESSION_ID: Final = "session.id"

    ERROR_TYPE: Final = "error.type"
    EXCEPTION_EVENT: Final = "exception"
    EXCEPTION_TYPE: Final = "exception.type"
    EXCEPTION_MESSAGE: Final = "exception.message"
    EXCEPTION_STACKTRACE: Final = "exception.stacktrace"


class Fanlight:
    """What no convention has a word for."""

    NAME: Final = "fanlight.name"
    """LangChain's own name of the run."""
    RUN_ID: Final = "fanlight.run.id"
    RUN_TYPE: Final = "fanlight.run.type"
    ROOT_RUN_ID: Final = "fanlight.run.root_id"
    EVENT_ID: Final = "fanlight.event.id"
    EVENT_TYPE: Final = "fanlight.event.type"
    EVENT_DATA: Final = "fanlight.event.data"
    STATUS: Final = "fanlight.status"
    ATTEMPT: Final = "fanlight.attempt"
    PARTIAL: Final = "fanlight.partial"
    LINK_KIND: Final = "fanlight.link.kind"

    TENANT_ID: Final = "fanlight.tenant.id"
    PROMPT_NAME: Final = "fanlight.prompt.name"
    PROMPT_VERSION: Final = "fanlight.prompt.version"
    TAGS: Final = "fanlight.tags"
    LC_TAGS: Final = "fanlight.langchain.tags"
    METADATA: Final = "fanlight.metadata"
    """Prefix: each metadata key is an attribute of its own, `fanlight.metadata.<key>`."""

    LANGGRAPH_NODE: Final = "fanlight.langgraph.node"
    LANGGRAPH_STEP: Final = "fanlight.langgraph.step"
    LANGGRAPH_THREAD_ID: Final = "fanlight.langgraph.thread_id"
    LANGGRAPH_CHECKPOINT_ID: Final = "fanlight.langgraph.checkpoint_id"
    LANGGRAPH_CHECKPOINT_NS: Final = "fanlight.langgraph.checkpoint_ns"
    LANGGRAPH_GRAPH_ID: Final = "fanlight.langgraph.graph_id"

    USAGE_MISSING: Final = "fanlight.usage.missing"
    USAGE_DETAILS: Final = "fanlight.usage.details"
    """Prefix of counts that only one provider has."""
    TIME_TO_FIRST_TOKEN_MS: Final = "fanlight.time_to_first_token_ms"
    FROM_CACHE: Final = "fanlight.from_cache"
    COST_USD: Final = "fanlight.cost.usd"
    PRICE_SOURCE: Final = "fanlight.cost.price_source"
    ROLLUP: Final = "fanlight.rollup"
    """Prefix of a root's sums, apart from the runs' own counts so that nobody adds both."""

    EMBEDDINGS: Final = "fanlight.embeddings"
    """Prefix of the statistics of an embedding call's vectors."""
    FEEDBACK_SOURCE: Final = "fanlight.feedback.source"
    FEEDBACK_TARGET: Final = "fanlight.feedback.target"

    CUSTOM: Final = "fanlight.custom"
    """What an interrupted run asked for."""
    REDACTED: Final = "fanlight.redacted"
    TRUNCATED: Final = "fanlight.truncated"
