"""The workloads of the overhead measurement, and how much CPU the application's own threads spend in them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from langchain.agents import create_agent
from langchain_core.messages import AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from rag_load import ScriptedModel, rag_chain

QUESTION = {"question": "What is fan-out, and who pays for it?"}
THREADS, TASKS, TOKENS, TOOL_CALLS = 16, 64, 200, 3
Config = dict[str, Any]


class Workload(msgspec.Struct, frozen=True):
    """
    One kind of application.

    Args:
        events: Callbacks of one invoke.
        count: Invokes of one measured block.
        run: Invokes that often with a configuration; returns the CPU seconds of the application's threads.
    """

    name: str
    events: int
    count: int
    run: Callable[[Config, int], float]


class StreamingModel(ScriptedModel):
    """Answers in 200 chunks of a word each."""

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        for _number in range(TOKENS):
            chunk = ChatGenerationChunk(message=AIMessageChunk("word "))
            if run_manager:
                run_manager.on_llm_new_token("word ", chunk=chunk)
            yield chunk


class AgentModel(ScriptedModel):
    """Asks for a tool three times, then answers."""

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        result = super()._generate(messages)
        asked = sum(isinstance(message, ToolMessage) for message in messages)
        if asked < TOOL_CALLS:
            call = {"name": "look_up", "args": {"city": "Ulm"}, "id": f"call-{asked}", "type": "tool_call"}
            result.generations[0].message.tool_calls = [call]  # type: ignore[attr-defined]
        return result


@tool
def look_up(city: str) -> str:
    """Tell the weather of a city."""
    return f"{city}: sunny"


def _in_this_thread(invoke: Callable[[Config], object]) -> Callable[[Config, int], float]:
    def run(config: Config, count: int) -> float:
        began = time.thread_time()
        for _ in range(count):
            invoke(config)
        return time.thread_time() - began

    return run


def _in_threads(invoke: Callable[[Config], object]) -> Callable[[Config, int], float]:
    """Sixteen threads, each with its share; what they spent is summed."""
    each = _in_this_thread(invoke)

    def run(config: Config, count: int) -> float:
        spent: list[float] = []
        threads = [
            threading.Thread(target=lambda: spent.append(each(config, count // THREADS))) for _ in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(spent)

    return run


def _in_tasks(chain: Any) -> Callable[[Config, int], float]:
    """Sixty-four tasks on one event loop; what its thread spent."""

    async def some(config: Config, count: int) -> None:
        for _ in range(count):
            await chain.ainvoke(QUESTION, config=config)

    async def gathered(config: Config, count: int) -> float:
        began = time.thread_time()
        await asyncio.gather(*(some(config, count // TASKS) for _ in range(TASKS)))
        return time.thread_time() - began

    return lambda config, count: asyncio.run(gathered(config, count))


def workloads() -> dict[str, Workload]:
    """All workloads, in the order of the table."""
    rag, long_prompt = rag_chain(), rag_chain(context_kb=128)
    agent = create_agent(AgentModel(), [look_up], name="agent")
    request = {"messages": [("user", "How is the weather?")]}
    model = StreamingModel()
    return {
        each.name: each
        for each in (
            Workload("rag", 16, 48, _in_this_thread(lambda config: rag.invoke(QUESTION, config=config))),
            Workload("agent", 30, 10, _in_this_thread(lambda config: agent.invoke(request, config=config))),
            Workload("stream", 202, 20, _in_this_thread(lambda config: list(model.stream("Go on.", config=config)))),
            Workload("threads", 16, 64, _in_threads(lambda config: rag.invoke(QUESTION, config=config))),
            Workload("async", 16, 64, _in_tasks(rag)),
            Workload("prompt", 16, 48, _in_this_thread(lambda config: long_prompt.invoke(QUESTION, config=config))),
        )
    }
