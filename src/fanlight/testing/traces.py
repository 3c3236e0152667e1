"""Whole run trees for a sink's tests, shaped like those of a RAG chain and of an agent."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from fanlight.event import ContentPart, Document, Message, Rollup, TelemetryEvent, Tool, ToolCall
from fanlight.testing.events import START, make_event

TraceKind: TypeAlias = Literal["rag", "agent"]
_MS: Final = 1_000_000


def make_trace(kind: TraceKind = "agent", *, seed: int = 0, **fields: Any) -> tuple[TelemetryEvent, ...]:
    """
    Return all events of one run tree, in the order in which they happen; equal seeds give equal events.

    Args:
        kind: `rag` has a retriever with scored documents, a prompt and a streamed model; `agent` has two model calls
            and a tool between them.
        seed: Chooses the ids.
        fields: Fields that all events share: `session_id`, `tags`, `environment`.
    """
    trace = _Trace(seed, fields)
    _SHAPES[kind](trace)
    return tuple(sorted(trace.events, key=lambda event: (event.time_unix_nano, not event.starts_run)))


class _Trace:
    """Collects the events of one tree while its shape is being told."""

    def __init__(self, seed: int, shared: dict[str, Any]) -> None:
        self._random = random.Random(seed)  # noqa: S311 - ids of tests
        self._shared = shared
        self.events: list[TelemetryEvent] = []

    def run(
        self,
        kind: str,
        name: str,
        *,
        parent: TelemetryEvent | None = None,
        at_ms: float = 0.0,
        took_ms: float,
        inputs: Any = None,
        **outcome: Any,
    ) -> TelemetryEvent:
        """Add the start and the end of one run and return its start."""
        run_id = str(UUID(int=self._random.getrandbits(128), version=4))
        began = START + int(at_ms * _MS)
        shared = {**self._shared, "name": name, "run_id": run_id, "inputs": inputs, "start_time_unix_nano": began}
        start = make_event(f"{kind}.start", parent=parent, **shared)  # type: ignore[arg-type]
        end = make_event(f"{kind}.end", parent=parent, duration_ms=took_ms, **shared, **outcome)  # type: ignore[arg-type]
        self.events += [start, end]
        return start

    def model(self, parent: TelemetryEvent, at_ms: float, took_ms: float, **outcome: Any) -> None:
        """Add one call of a chat model."""
        known = {
            "operation": "chat",
            "provider": "openai",
            "request_model": "gpt-4o-mini",
            "response_model": "gpt-4o-mini-2024-07-18",
            "invocation_params": {"temperature": 0.2},
            "finish_reasons": ("stop",),
        }
        self.run("llm", "ChatOpenAI", parent=parent, at_ms=at_ms, took_ms=took_ms, **{**known, **outcome})

    def close(self, root: TelemetryEvent, outputs: Any) -> None:
        """Give the root's end its outputs and the sums over the tree."""
        ends = [event for event in self.events if event.ends_run]
        rollup = Rollup(
            runs=len(ends),
            llm_calls=sum(event.run_type == "llm" for event in ends),
            tool_calls=sum(event.run_type == "tool" for event in ends),
            retrievals=sum(event.run_type == "retriever" for event in ends),
            **{name: sum(getattr(event, name) or 0 for event in ends) for name in _SUMMED},
        )
        self.events = [
            event.replace(outputs=outputs, rollup=rollup) if event.ends_run and event.run_id == root.run_id else event
            for event in self.events
        ]


_SUMMED: Final = ("input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "reasoning_tokens")


def text_message(role: str, text: str) -> Message:
    """Return a message of one text part."""
    return Message(role=role, parts=(ContentPart(type="text", text=text),))


def _rag(trace: _Trace) -> None:
    question, answer = "How long does a refund take?", "Five days after the return."
    root = trace.run("chain", "handbook_rag", took_ms=900.0, inputs=question, operation="invoke_workflow")
    documents = tuple(
        Document(rank=rank, id=f"doc-{rank}", content=f"page {rank}", score=0.9 - rank / 10, metadata={"page": rank})
        for rank in range(3)
    )
    trace.run(
        "retriever",
        "VectorStoreRetriever",
        parent=root,
        at_ms=5.0,
        took_ms=40.0,
        inputs=question,
        documents=documents,
        operation="retrieval",
    )
    trace.run("chain", "ChatPromptTemplate", parent=root, at_ms=46.0, took_ms=1.0, inputs={"question": question})
    trace.model(
        root,
        at_ms=48.0,
        took_ms=840.0,
        input_messages=(text_message("system", "Answer from the pages."), text_message("user", question)),
        output_messages=(text_message("assistant", answer),),
        input_tokens=412,
        output_tokens=31,
        total_tokens=443,
        cache_read_tokens=256,
        streamed=True,
        time_to_first_token_ms=210.0,
    )
    trace.close(root, answer)


def _agent(trace: _Trace) -> None:
    question, answer = "Where is my order?", "It arrives on Thursday."
    wanted = ToolCall(name="find_order", id="call_1", arguments={"order_id": "A-1042"})
    root = trace.run("chain", "order_agent", took_ms=1500.0, inputs={"messages": question}, operation="invoke_agent")
    trace.model(
        root,
        at_ms=10.0,
        took_ms=600.0,
        input_messages=(text_message("user", question),),
        output_messages=(Message(role="assistant", tool_calls=(wanted,)),),
        finish_reasons=("tool_calls",),
        input_tokens=310,
        output_tokens=18,
        total_tokens=328,
    )
    trace.run(
        "tool",
        "find_order",
        parent=root,
        at_ms=620.0,
        took_ms=25.0,
        inputs={"order_id": "A-1042"},
        outputs="in transit",
        operation="execute_tool",
        tool=Tool(name="find_order", call_id="call_1", arguments={"order_id": "A-1042"}, result="in transit"),
    )
    trace.model(
        root,
        at_ms=650.0,
        took_ms=800.0,
        input_messages=(text_message("user", question), text_message("tool", "in transit")),
        output_messages=(text_message("assistant", answer),),
        input_tokens=362,
        output_tokens=55,
        total_tokens=417,
        reasoning_tokens=40,
    )
    trace.close(root, {"messages": answer})


_SHAPES: Final[dict[TraceKind, Callable[[_Trace], None]]] = {"rag": _rag, "agent": _agent}
