"""
The parts of an event: small immutable records, silent about what they do not know.

They are imported from `fanlight.event`, beside the event that they are parts of.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


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
