"""A chat model that answers from a script: no key, no network, the same tokens every time."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import msgspec
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall, ToolCallChunk
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr
from typing_extensions import override


class ModelOverloadedError(Exception):
    """What the scripted provider answers while it has `failures` left."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One scripted answer and what the provider reports to have spent on it."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    input_tokens: int = 120
    """All tokens of the prompt, cached ones included."""
    output_tokens: int = 30
    """All tokens of the answer, reasoning included."""
    cached: int = 0
    reasoning: int = 0
    finish_reason: str = "stop"

    @property
    def usage(self) -> UsageMetadata:
        """What the provider reports."""
        return UsageMetadata(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            total_tokens=self.input_tokens + self.output_tokens,
            input_token_details=InputTokenDetails(cache_read=self.cached),
            output_token_details=OutputTokenDetails(reasoning=self.reasoning),
        )


def call(name: str, call_id: str, **arguments: Any) -> ToolCall:
    """Return a model's request to call tool *name*."""
    return ToolCall(name=name, args=arguments, id=call_id, type="tool_call")


class ScriptedChat(BaseChatModel):
    """
    Gives the n-th reply to a conversation with n answers in it, so that it needs no memory and may be shared.

    `pace` is the seconds one answer takes, spread over its tokens when it is streamed. The first `failures` calls
    raise `ModelOverloadedError`.
    """

    replies: tuple[Reply, ...]
    model_name: str = "scripted-large"
    temperature: float = 0.2
    pace: float = 0.0
    failures: int = 0
    _failed: int = PrivateAttr(default=0)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "scripted-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model_name, "temperature": self.temperature}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        return {**params, "ls_provider": "scripted", "ls_model_name": self.model_name}

    @override
    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with *tools* among its invocation parameters, as real providers do it."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _next(self, messages: list[BaseMessage]) -> Reply:
        with self._lock:
            if self._failed < self.failures:
                self._failed += 1
                raise ModelOverloadedError("the model is overloaded, try again later")
        turn = sum(isinstance(message, AIMessage) for message in messages)
        return self.replies[min(turn, len(self.replies) - 1)]

    def _result(self, reply: Reply) -> ChatResult:
        finish = "tool_calls" if reply.calls else reply.finish_reason
        message = AIMessage(
            content=reply.text,
            tool_calls=list(reply.calls),
            usage_metadata=reply.usage,
            response_metadata={"model_name": f"{self.model_name}-2026-01", "finish_reason": finish},
        )
        return ChatResult(generations=[ChatGeneration(message=message, generation_info={"finish_reason": finish})])

    def _chunks(self, reply: Reply) -> list[ChatGenerationChunk]:
        words = [AIMessageChunk(content=word) for word in re.findall(r"\S+\s*", reply.text)]
        calls = [_call_chunk(number, wanted) for number, wanted in enumerate(reply.calls)]
        finish = "tool_calls" if reply.calls else reply.finish_reason
        last = AIMessageChunk(
            content="",
            usage_metadata=reply.usage,
            response_metadata={"model_name": f"{self.model_name}-2026-01", "finish_reason": finish},
            chunk_position="last",
        )
        # As providers stream: first the role alone, then the words, at the end the usage without any text.
        return [ChatGenerationChunk(message=chunk) for chunk in (AIMessageChunk(content=""), *words, *calls, last)]

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._next(messages)
        time.sleep(self.pace)
        return self._result(reply)

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._next(messages)
        await asyncio.sleep(self.pace)
        return self._result(reply)

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        chunks = self._chunks(self._next(messages))
        for chunk in chunks:
            time.sleep(self.pace / len(chunks))
            if run_manager is not None:
                run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        chunks = self._chunks(self._next(messages))
        for chunk in chunks:
            await asyncio.sleep(self.pace / len(chunks))
            if run_manager is not None:
                await run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk


def _call_chunk(number: int, wanted: ToolCall) -> AIMessageChunk:
    chunk = ToolCallChunk(
        name=wanted["name"], args=json.dumps(wanted["args"]), id=wanted["id"], index=number, type="tool_call_chunk"
    )
    return AIMessageChunk(content="", tool_call_chunks=[chunk])
