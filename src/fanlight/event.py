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


class _Part(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of all parts of an event: immutable, and silent about what it does not know."""


class Process(_Part, frozen=True):
    """The process that captured the event."""

    host: str
    pid: int
    instance_id: str
    """Random per process and fork, so that two containers with pid 1 stay apart."""


class LangGraph(_Part, frozen=True):
    """Where in a LangGraph graph the run sits."""

    node: str | None = None
    step: int | None = None
    thread_id: str | None = None
    checkpoint_id: str | None = None
    checkpoint_ns: str | None = None
    graph_id: str | None = None


class ToolCall(_Part, frozen=True):
    """A model's request to call a tool."""

    name: str
    id: str | None = None
    arguments: Any = None
    """Parsed arguments; the raw text where the model wrote no valid JSON."""
    error: str | None = None
    """Why the arguments could not be parsed."""


class ContentPart(_Part, frozen=True):
    """One piece of a message: text, reasoning, or something that is not text."""

    type: str
    """`text`, `reasoning`, `image`, `audio`, `video`, `file`, or the provider's own word."""
    text: str | None = None
    mime_type: str | None = None
    uri: str | None = None
    data: Any = None
    """What a provider-specific part held; binary content only as a description of its size and hash."""


class Message(_Part, frozen=True):
    """One message of a conversation."""

    role: str
    """`system`, `user`, `assistant`, `tool`, or what the application named it."""
    parts: tuple[ContentPart, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    id: str | None = None
    finish_reason: str | None = None

    @property
    def text(self) -> str:
        """The message's text parts, joined; empty where it has none."""
        return "".join(part.text or "" for part in self.parts if part.type == "text")


class Document(_Part, frozen=True):
    """One retrieved document, with its place in the result (`rank` counts from 0)."""

    rank: int
    content: str | None = None
    id: str | None = None
    score: float | None = None
    metadata: dict[str, Any] = {}


class Tool(_Part, frozen=True):
    """The tool that ran, what it was given and what it gave back."""

    name: str
    description: str | None = None
    call_id: str | None = None
    arguments: Any = None
    result: Any = None


class AgentAction(_Part, frozen=True):
    """What a classic agent decided to do (`agent.action`) or concluded (`agent.finish`)."""

    tool: str | None = None
    tool_input: Any = None
    log: str | None = None
    output: Any = None


class Feedback(_Part, frozen=True):
    """What somebody, or an evaluator, said about a run or a whole trace, later."""

    name: str
    """What was judged: `helpful`, `hallucination`."""
    score: float | None = None
    label: str | None = None
    explanation: str | None = None
    source: Literal["human", "model", "code"] = "human"
    """Who judged: a person, a model as judge, or a program."""
    target: Literal["run", "trace"] = "run"
    """What was judged: the run of the event's `run_id` and `span_id`, or the trace of its `trace_id`."""


class EmbeddingStatistics(_Part, frozen=True):
    """What can be told of a call's vectors without the vectors."""

    count: int
    """Texts that were embedded. Where the event's `truncated` names `embeddings`, the rest is of evenly spaced ones."""
    dimensions: int | None = None
    norm_min: float | None = None
    norm_mean: float | None = None
    norm_max: float | None = None
    zero_vectors: int = 0
    """Vectors of length 0: usually an empty text, or a broken model."""
    not_finite: int = 0
    """Vectors with NaN or an infinity; left out of the norms."""
    mean_similarity: float | None = None
    """Mean cosine similarity of each vector to the call's centroid: near 1 where all texts say the same."""


class ErrorInfo(_Part, frozen=True):
    """An exception, as text. The stack names files and lines, never values of variables."""

    type: str
    message: str = ""
    stack: str | None = None


class RunEvent(_Part, frozen=True):
    """Something that happened inside a run, kept with the event that ends it."""

    type: str
    name: str
    time_unix_nano: int
    data: Any = None


class Link(_Part, frozen=True):
    """Another span that this run belongs with: the run it resumes, or the model call that asked for this tool."""

    trace_id: str
    span_id: str
    kind: str
    """`resumes` or `requested_by`."""


class Rollup(_Part, frozen=True):
    """
    Sums over a root's tree as it was when the root ended, each token and each dollar counted once.

    What ends after its root is not in them. So it is where a stream is left early: LangChain ends the chain first, and
    the model below it a moment later, when its generator is closed. The model's own end has its usage then.
    """

    runs: int = 0
    llm_calls: int = 0
    tool_calls: int = 0
    retrievals: int = 0
    steps: int = 0
    """LangGraph supersteps that ran."""
    errors: int = 0
    """Runs below the root whose own work failed: an error that travels up the tree is counted where it began."""
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    usage_missing: int = 0
    """Model calls whose provider reported no usage: the sums are a lower bound where this is not 0."""
    from_cache: int = 0
    cost_usd: float | None = None
    """What the calls with a known cost cost, to the pico-dollar; `None` where there was none, or no call at all."""
    cost_unknown: int = 0
    """Calls that ran and have no known cost: the sum is a lower bound where this is not 0."""


class Redaction(_Part, frozen=True):
    """How often something was masked in a field."""

    field: str
    kind: str
    count: int


class Truncation(_Part, frozen=True):
    """A field that was cut, with what is needed to recognise the whole."""

    field: str
    original_bytes: int
    digest: str | None = None
    """Keyed BLAKE2 of the whole, hex: equal for equal content in one process, useless to a guesser."""


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
