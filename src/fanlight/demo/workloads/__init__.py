"""
Real LangChain and LangGraph programs around a scripted model: no key, no network, the same every time.

The tests, the benches and `fanlight demo` run these same programs. Each takes the config it is to run with, and
`pace`, the seconds that one model call takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
from langchain_core.runnables import RunnableConfig

from fanlight.demo.workloads import agent, approval, graphs, rag, resilience
from fanlight.event import Status

Run: TypeAlias = Callable[[RunnableConfig, float], Any]
AsyncRun: TypeAlias = Callable[[RunnableConfig, float], Coroutine[Any, Any, Any]]


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What a workload does, by its script: what every destination must show."""

    roots: tuple[Status, ...] = ("ok",)
    """The status of each root, in the order in which they begin."""
    llm_calls: int = 1
    tool_calls: int = 0
    retrievals: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0
    from_cache: int = 0
    cost_usd: Decimal | None = None
    """What all calls cost at the prices of `COST`, worked out by hand; `None` where none has a known cost."""
    cost_unknown: int = 0


COST: Final[dict[str, Any]] = {
    "table": "none",
    "prices": [
        {"provider": "scripted", "model": "scripted-large*", "input": 2.50, "cache_read": 0.25, "output": 10},
        {"provider": "scripted", "model": "scripted-small*", "input": 0.50, "output": 2},
    ],
}
"""The `cost:` section by which the scripted models have their prices."""

_RAG = Truth(
    retrievals=1,
    input_tokens=412,
    output_tokens=31,
    cache_read_tokens=256,
    cost_usd=Decimal("0.000764"),  # 156 at 2.50, 256 at 0.25, 31 at 10.00
)
_FOUR_RAG = Truth(
    roots=("ok",) * 4,
    llm_calls=4,
    retrievals=4,
    input_tokens=1648,
    output_tokens=124,
    cache_read_tokens=1024,
    cost_usd=Decimal("0.003056"),
)
_LEFT = Truth(roots=("cancelled",), cost_unknown=1)
_ALEFT = Truth(roots=("cancelled",), retrievals=1, cost_unknown=1)
_AGENT = Truth(
    llm_calls=3,
    tool_calls=2,
    input_tokens=1073,
    output_tokens=97,
    cache_read_tokens=576,
    reasoning_tokens=40,
    cost_usd=Decimal("0.0023565"),  # 0.000955 and 0.000569 and 0.0008325
)
_APPROVAL = Truth(roots=("interrupted", "ok"), input_tokens=150, output_tokens=22, cost_usd=Decimal("0.000595"))
_SUMMARY = Truth(llm_calls=2, input_tokens=64, output_tokens=11, cost_usd=Decimal("0.00027"))


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A program to observe."""

    name: str
    title: str
    """What it does, for people."""
    run: Run | None = None
    arun: AsyncRun | None = None
    truth: Truth

    def __call__(self, config: RunnableConfig, pace: float = 0.0) -> Any:
        """Run it to its end and return what the application would see; an async one in an event loop of its own."""
        if self.run is not None:
            return self.run(config, pace)
        return asyncio.run(self.arun(config, pace)) if self.arun is not None else None


WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload(name="rag", title="a RAG chain answers", run=rag.rag, truth=_RAG),
        Workload(name="arag", title="a RAG chain answers in async code", arun=rag.arag, truth=_RAG),
        Workload(name="rag_batch", title="four questions by batch()", run=rag.rag_batch, truth=_FOUR_RAG),
        Workload(name="rag_threads", title="four questions in four threads", run=rag.rag_threads, truth=_FOUR_RAG),
        Workload(name="arag_gather", title="four questions in four tasks", arun=rag.arag_gather, truth=_FOUR_RAG),
        Workload(name="stream", title="a streamed answer", run=rag.stream, truth=_RAG),
        Workload(name="astream", title="a streamed answer in async code", arun=rag.astream, truth=_RAG),
        Workload(name="cancelled_stream", title="a reader who leaves", run=rag.cancelled_stream, truth=_LEFT),
        Workload(
            name="acancelled_stream", title="an async reader who leaves", arun=rag.acancelled_stream, truth=_ALEFT
        ),
        Workload(name="closed_stream", title="LangChain reads on for one who left", run=rag.closed_stream, truth=_RAG),
        Workload(name="agent", title="an agent calls two tools", run=agent.agent, truth=_AGENT),
        Workload(name="aagent", title="an agent calls two tools in async code", arun=agent.aagent, truth=_AGENT),
        Workload(name="agent_stream", title="an agent streams its tokens", run=agent.agent_stream, truth=_AGENT),
        Workload(
            name="tool_error",
            title="a tool raises, the agent fails",
            run=agent.tool_error,
            truth=Truth(
                roots=("error",), tool_calls=1, input_tokens=290, output_tokens=16, cost_usd=Decimal("0.000885")
            ),
        ),
        Workload(
            name="tool_status",
            title="a tool reports an error, the agent goes on",
            run=agent.tool_status,
            truth=Truth(
                llm_calls=2,
                tool_calls=1,
                input_tokens=595,
                output_tokens=27,
                cost_usd=Decimal("0.0017575"),  # 0.00085 and 0.0009075
            ),
        ),
        Workload(
            name="model_error",
            title="the model raises",
            run=resilience.model_error,
            truth=Truth(roots=("error",)),
        ),
        Workload(name="retry", title="the second attempt works", run=resilience.retry, truth=_SUMMARY),
        Workload(
            name="fallback",
            title="a second model answers",
            run=resilience.fallback,
            truth=Truth(llm_calls=2, input_tokens=64, output_tokens=11, cost_usd=Decimal("0.000054")),
        ),
        Workload(
            name="unknown_model",
            title="a model that nobody knows the price of",
            run=resilience.unknown_model,
            truth=Truth(input_tokens=64, output_tokens=11, cost_unknown=1),
        ),
        Workload(
            name="cache_hit",
            title="LangChain's cache answers",
            run=resilience.cache_hit,
            truth=Truth(
                roots=("ok", "ok"),
                llm_calls=2,
                input_tokens=64,
                output_tokens=11,
                from_cache=1,
                cost_usd=Decimal("0.00027"),
            ),
        ),
        Workload(name="approval", title="a person is asked, and says yes", run=approval.approval, truth=_APPROVAL),
        Workload(name="aapproval", title="the same in async code", arun=approval.aapproval, truth=_APPROVAL),
        Workload(
            name="nested",
            title="a graph in a graph",
            run=graphs.nested,
            truth=Truth(
                llm_calls=2,
                retrievals=1,
                input_tokens=552,
                output_tokens=40,
                cache_read_tokens=256,
                cost_usd=Decimal("0.001204"),  # 0.000764 and 0.00044
            ),
        ),
        Workload(
            name="handoff",
            title="a subgraph hands over to its parent",
            run=graphs.handoff,
            truth=Truth(input_tokens=140, output_tokens=9, cost_usd=Decimal("0.00044")),
        ),
        Workload(name="custom_event", title="progress from inside", run=graphs.custom_event, truth=Truth(llm_calls=0)),
    )
}
"""All workloads by name."""
