"""Scripted chat models, as providers' integrations behave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field


class Scripted(BaseChatModel):
    """Answers with `answers`, one a call; the last one again and again."""

    model: str = "gpt-test"
    provider: str = "openai"
    answers: list[AIMessage] = Field(default_factory=list)
    choices: list[AIMessage] = Field(default_factory=list)
    llm_output: dict[str, Any] | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    calls: list[int] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, **self.params}

    def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
        return {"ls_provider": self.provider, "ls_model_name": kwargs.get("model", self.model), "ls_model_type": "chat"}

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        definitions = [{"type": "function", "function": {"name": tool.name}} for tool in tools]
        return self.bind(tools=definitions, **kwargs)

    def _next(self) -> AIMessage:
        self.calls.append(1)
        answer = self.answers[min(len(self.calls), len(self.answers)) - 1]
        return answer.model_copy()

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        answers = self.choices or [self._next()]
        generations = [ChatGeneration(message=answer) for answer in answers]
        return ChatResult(generations=generations, llm_output=self.llm_output)


class Streaming(Scripted):
    """Streams its `chunks`."""

    chunks: list[AIMessageChunk] = Field(default_factory=list)

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for message in self.chunks:
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


def usage(inputs: int, outputs: int, **details: Any) -> dict[str, Any]:
    """Usage as LangChain's integrations report it."""
    return {"input_tokens": inputs, "output_tokens": outputs, "total_tokens": inputs + outputs, **details}


def said(text: str, *, tokens: tuple[int, int] | None = (10, 5), **kwargs: Any) -> AIMessage:
    """An answer, with its usage unless *tokens* is `None`."""
    return AIMessage(text, usage_metadata=usage(*tokens) if tokens else None, **kwargs)


def asks(name: str, call_id: str = "c1", **args: Any) -> AIMessage:
    """An answer that asks for a tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": call_id}], usage_metadata=usage(20, 7))
