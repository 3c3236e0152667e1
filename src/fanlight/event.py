"""
The one record that every sink sees.

A `TelemetryEvent` is what one LangChain callback became. It is frozen, versioned and complete in itself: the
event that ends a run carries the run's start, inputs, outputs, usage and status, so no sink has to join.

Field names follow the OpenTelemetry GenAI conventions where one exists, else OpenInference, else LangChain's
own word, and are the same in config matchers, on the command line and in a lake's columns.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec

from fanlight.parts import (
    AgentAction,
    ContentPart,
    Document,
    EmbeddingStatistics,
    ErrorInfo,
    Feedback,
    LangGraph,
    Link,
    Message,
    Process,
    Redaction,
    Rollup,
    RunEvent,
    Tool,
    ToolCall,
    Truncation,
)

__all__ = [
    "SCHEMA_VERSION",
    "AgentAction",
    "ContentPart",
    "Document",
    "EmbeddingStatistics",
    "ErrorInfo",
    "EventType",
    "Feedback",
    "LangGraph",
    "Link",
    "Message",
    "Operation",
    "Process",
    "Redaction",
    "Rollup",
    "RunEvent",
    "Status",
    "TelemetryEvent",
    "Tool",
    "ToolCall",
    "Truncation",
    "json_schema",
]

SCHEMA_VERSION: Final = 1

EventType: TypeAlias = Literal[
    "llm.start", "llm.end", "llm.error",
    "chain.start", "chain.end", "chain.error",
    "tool.start", "tool.end", "tool.error",
    "retriever.start", "retriever.end", "retriever.error",
    "embedding.start", "embedding.end", "embedding.error",
    "agent.action", "agent.finish",
    "text", "retry", "custom", "interrupt", "resume",
    "feedback", "audit", "alert",
]  # fmt: skip
"""What happened: `<run type>.<phase>` for the life of a run, one word for what happens inside one."""

Status: TypeAlias = Literal["ok", "error", "interrupted", "handoff", "cancelled", "refused", "abandoned"]
"""How a run ended. Only `error` is a failure: an interrupt, a handoff or a closed stream is not."""

Operation: TypeAlias = Literal[
    "chat", "text_completion", "embeddings", "retrieval", "execute_tool", "invoke_agent", "invoke_workflow", "chain"
]
"""OpenTelemetry's `gen_ai.operation.name`, and `chain` for the plain chains that it has no word for."""


class TelemetryEvent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, dict=True):
    """
    One callback event, normalised.

    `to_json()` and `to_msgpack()` are stable and cached; `from_json()` and `from_msgpack()` give back an equal
    event. Values of `Any` fields are JSON values only.
    """

    # identity
    schema_version: int = msgspec.field(default_factory=lambda: SCHEMA_VERSION)
    """Always written: `omit_defaults` leaves out constants, not what a factory makes."""
    event_id: str
    """
    `<run_id>:<type>:<sequence>`: the same callback gives the same id, so redelivery is idempotent. Of feedback it is
    `<run_id>:feedback:<a mark of the call>`: two ratings of one run never share one, whatever process they come from.
    """
    type: EventType
    run_id: str
    parent_run_id: str | None = None
    root_run_id: str
    trace_id: str
    """32 hex digits: the caller's W3C trace where there is one, else the root run's UUID."""
    span_id: str
    """16 hex digits: the first 8 bytes of SHA-256 over the run id's 16 bytes (`fanlight.tracecontext.span_id_of`)."""
    parent_span_id: str | None = None
    """The parent run's span, or the caller's span where a root joined a W3C trace."""
    name: str
    sequence: int = 0
    """Ordinal of the event within its run; 0 is the start."""

    # time
    time_unix_nano: int
    start_time_unix_nano: int | None = None
    duration_ms: float | None = None
    time_to_first_token_ms: float | None = None

    # origin
    environment: str = ""
    service_name: str | None = None
    service_version: str | None = None
    vcs_revision: str | None = None
    attributes: dict[str, Any] = {}
    """Static attributes of the config."""
    process: Process | None = None
    langgraph: LangGraph | None = None

    # context
    tags: tuple[str, ...] = ()
    """The user's own tags."""
    lc_tags: tuple[str, ...] = ()
    """Tags that LangChain and LangGraph add: `seq:step:1`, `graph:step:2`, `langsmith:hidden`."""
    metadata: dict[str, Any] = {}
    user_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None

    # model
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    operation: Operation | None = None
    invocation_params: dict[str, Any] = {}
    tool_definitions: tuple[Any, ...] = ()
    finish_reasons: tuple[str, ...] = ()
    response_id: str | None = None
    streamed: bool | None = None

    # usage
    input_tokens: int | None = None
    """All tokens of the prompt, cached ones included."""
    output_tokens: int | None = None
    """All tokens of the answer, reasoning included."""
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    usage_details: dict[str, int] = {}
    """Counts that only this provider has, such as `input.ephemeral_1h_input_tokens`."""
    usage_missing: bool = False
    """The model ran and its provider reported no usage. That is not the same as 0 tokens."""
    from_cache: bool = False
    """LangChain's cache answered: no tokens were spent and none are reported."""

    # cost
    cost_usd: float | None = None
    """Of this model call. `None` where the price or the usage is not known, which is not the same as 0."""
    input_cost_usd: float | None = None
    output_cost_usd: float | None = None
    price_source: str | None = None
    """
    Who priced it: `override` (the configuration), `cache` (LangChain's cache answered, nothing was spent), a plugin's
    price source by its name, or the table and its version, `genai-prices 0.2.3`.
    """
    rollup: Rollup | None = None

    # content
    inputs: Any = None
    outputs: Any = None
    input_messages: tuple[Message, ...] = ()
    output_messages: tuple[Message, ...] = ()
    documents: tuple[Document, ...] = ()
    tool: Tool | None = None
    agent_action: AgentAction | None = None
    feedback: Feedback | None = None
    embeddings: EmbeddingStatistics | None = None
    custom: Any = None
    """Data of a custom event, an interrupt or a resume."""
    run_events: tuple[RunEvent, ...] = ()
    """What happened inside the run: custom events, retries, agent actions, interrupts; at most 128."""
    links: tuple[Link, ...] = ()

    # outcome
    status: Status | None = None
    """Set on events that end a run."""
    error: ErrorInfo | None = None
    attempt: int | None = None
    """Which attempt this is, under `with_retry` or a retry callback; the first is 1."""
    partial: bool = False
    """The event could not be completed: its start was never seen, or its end never came."""

    # protection
    redacted: tuple[Redaction, ...] = ()
    truncated: tuple[Truncation, ...] = ()

    @property
    def run_type(self) -> str:
        """`llm`, `chain`, `tool`, `retriever`, `embedding`, `agent`; or the type itself where it has no phase."""
        return self.type.partition(".")[0]

    @property
    def ends_run(self) -> bool:
        """Whether this event completes a run, whatever its status."""
        return self.type.endswith((".end", ".error"))

    @property
    def starts_run(self) -> bool:
        """Whether this event begins a run."""
        return self.type.endswith(".start")

    @property
    def is_root(self) -> bool:
        """Whether the run is the top of its tree."""
        return self.run_id == self.root_run_id

    def to_json(self) -> bytes:
        """Return the event as one line of JSON, encoded once however often it is asked for."""
        return self._encoded("json", _json_encoder)

    def to_msgpack(self) -> bytes:
        """Return the event as MessagePack, encoded once however often it is asked for."""
        return self._encoded("msgpack", _msgpack_encoder)

    def _encoded(self, form: str, encoder: msgspec.json.Encoder | msgspec.msgpack.Encoder) -> bytes:
        # Not `functools.cached_property`: on Python 3.11 it takes a lock, which a fork may catch in the held state.
        cached: bytes | None = self.__dict__.get(form)
        if cached is None:
            cached = self.__dict__[form] = encoder.encode(self)
        return cached

    @classmethod
    def from_json(cls, data: bytes | str) -> TelemetryEvent:
        """
        Return the event that `to_json` wrote.

        Raises:
            msgspec.ValidationError: the data is no event of a schema version up to this one.
        """
        return _json_decoder.decode(data)

    @classmethod
    def from_msgpack(cls, data: bytes) -> TelemetryEvent:
        """
        Return the event that `to_msgpack` wrote.

        Raises:
            msgspec.ValidationError: the data is no event of a schema version up to this one.
        """
        return _msgpack_decoder.decode(data)

    def replace(self, **changes: Any) -> TelemetryEvent:
        """Return a copy with *changes*; nothing that was cached is carried over."""
        return msgspec.structs.replace(self, **changes)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `TelemetryEvent`, as published in `config/event.schema.json`."""
    return msgspec.json.schema(TelemetryEvent)


_json_encoder = msgspec.json.Encoder(order=None)
_msgpack_encoder = msgspec.msgpack.Encoder()
_json_decoder = msgspec.json.Decoder(TelemetryEvent)
_msgpack_decoder = msgspec.msgpack.Decoder(TelemetryEvent)
