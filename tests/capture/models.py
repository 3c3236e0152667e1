"""Scripted models for capture tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import tenacity
from langchain_core.language_models import LLM, BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult


class Chat(BaseChatModel):
    """Answers with `text`, in three chunks when it streams; the first and the last are empty."""

    text: str = "hello"

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        if self.text == "raise":
            raise ValueError("no")
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.text))])

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for piece in ("", self.text, ""):
            chunk = ChatGenerationChunk(message=AIMessageChunk(piece))
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk

    async def _astream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for piece in ("", self.text, ""):
            chunk = ChatGenerationChunk(message=AIMessageChunk(piece))
            if run_manager:
                await run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk


class Completion(LLM):
    """A completion model that fails once when `flaky`, and says so as a provider's retry decorator does."""

    flaky: bool = False
    failures: list[int] = []

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        retrying = tenacity.Retrying(
            wait=tenacity.wait_none(), stop=tenacity.stop_after_attempt(2), before_sleep=run_manager.on_retry
        )
        return retrying(self._once, prompt)

    def _once(self, prompt: str) -> str:
        if self.flaky and not self.failures:
            self.failures.append(1)
            raise ValueError("busy")
        return f"you said {prompt}"
