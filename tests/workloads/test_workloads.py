"""The scripted programs do what their truth says, seen by a plain LangChain handler and not through fanlight."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from fanlight.demo.workloads import WORKLOADS, Workload


class Recorder(BaseCallbackHandler):
    """Counts what LangChain reports; the oracle that knows nothing of fanlight."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.usage: Counter[str] = Counter()
        self.roots: dict[UUID, str] = {}
        self.open: set[UUID] = set()

    def on_chain_start(self, *_: Any, run_id: UUID, parent_run_id: Any = None, **__: Any) -> None:
        self._start("chain", run_id, parent_run_id)

    def on_chat_model_start(self, *_: Any, run_id: UUID, parent_run_id: Any = None, **__: Any) -> None:
        self._start("llm", run_id, parent_run_id)

    def on_tool_start(self, *_: Any, run_id: UUID, parent_run_id: Any = None, **__: Any) -> None:
        self._start("tool", run_id, parent_run_id)

    def on_retriever_start(self, *_: Any, run_id: UUID, parent_run_id: Any = None, **__: Any) -> None:
        self._start("retriever", run_id, parent_run_id)

    def _start(self, kind: str, run_id: UUID, parent_run_id: UUID | None) -> None:
        self.seen[kind] += 1
        self.open.add(run_id)
        if parent_run_id is None:
            self.roots[run_id] = "open"

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        self._end(run_id, "ok")
        generation = response.generations[0][0]
        assert isinstance(generation, ChatGeneration)
        assert isinstance(generation.message, AIMessage)
        usage: Any = generation.message.usage_metadata or {}
        if "total_cost" in usage:  # the only mark of an answer from LangChain's cache
            self.usage["from_cache"] += 1
            return
        self.usage["input"] += usage.get("input_tokens", 0)
        self.usage["output"] += usage.get("output_tokens", 0)
        self.usage["cached"] += usage.get("input_token_details", {}).get("cache_read", 0)
        self.usage["reasoning"] += usage.get("output_token_details", {}).get("reasoning", 0)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        self._end(run_id, "ok")

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        self._end(run_id, "ok")

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> None:
        self._end(run_id, "ok")

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        self._end(run_id, type(error).__name__)

    on_llm_error = on_tool_error = on_retriever_error = on_chain_error

    def _end(self, run_id: UUID, how: str) -> None:
        self.open.discard(run_id)
        if run_id in self.roots:
            self.roots[run_id] = how


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_a_workload_does_what_its_truth_says(workload: Workload) -> None:
    """Calls, retrievals, roots and tokens of each program are those that its script promises."""
    recorder = Recorder()
    workload({"callbacks": [recorder]})
    truth = workload.truth
    assert len(recorder.roots) == len(truth.roots)
    assert recorder.open == set()
    assert (recorder.seen["llm"], recorder.seen["tool"], recorder.seen["retriever"]) == (
        truth.llm_calls,
        truth.tool_calls,
        truth.retrievals,
    )
    assert (recorder.usage["input"], recorder.usage["output"]) == (truth.input_tokens, truth.output_tokens)
    assert (recorder.usage["cached"], recorder.usage["reasoning"]) == (truth.cache_read_tokens, truth.reasoning_tokens)
    assert recorder.usage["from_cache"] == truth.from_cache


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("tool_error", "CardDeclinedError"),
        ("model_error", "ModelOverloadedError"),
        ("cancelled_stream", "GeneratorExit"),
        ("acancelled_stream", "GeneratorExit"),
        ("rag", "ok"),
    ],
)
def test_a_root_ends_as_scripted(name: str, how: str) -> None:
    """The failing programs fail for the scripted reason and no other; the others do not fail."""
    recorder = Recorder()
    WORKLOADS[name]({"callbacks": [recorder]})
    assert list(recorder.roots.values()) == [how]


@pytest.mark.parametrize("name", ["rag", "agent", "approval", "stream", "nested"])
def test_a_workload_says_the_same_every_time(name: str) -> None:
    """The programs are deterministic, so that what differs between two destinations is the destination's doing."""
    assert WORKLOADS[name]({}) == WORKLOADS[name]({})
