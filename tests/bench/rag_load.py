"""The load of the measurements: real LangChain objects around a scripted model and a scripted retriever."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

os.environ["LANGSMITH_TRACING"] = "false"
os.environ["LANGCHAIN_TRACING_V2"] = "false"

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda

PARAGRAPH = "Fan-out means that one event goes to many places; the caller must not pay for each of them. "
RAG_EVENTS = 16


class ScriptedModel(BaseChatModel):
    """Answers at once, or after `wait` seconds of sleep as a remote model would (the GIL is free meanwhile)."""

    wait: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        if self.wait:
            time.sleep(self.wait)
        return _answer()

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        if self.wait:
            await asyncio.sleep(self.wait)
        return _answer()


def _answer() -> ChatResult:
    usage = {"input_tokens": 412, "output_tokens": 31, "total_tokens": 443}
    message = AIMessage(PARAGRAPH * 2, usage_metadata=usage, response_metadata={"model_name": "scripted-1"})
    return ChatResult(generations=[ChatGeneration(message=message)])


def documents(context_kb: float) -> list[Document]:
    """Four documents of so many KB together."""
    text = PARAGRAPH * max(1, round(context_kb * 1024 / 4 / len(PARAGRAPH)))
    return [Document(f"[{n}] {text}", metadata={"source": f"handbook-{n}.md", "score": 0.9 - n / 10}) for n in range(4)]


class ScriptedRetriever(BaseRetriever):
    found: list[Document]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return self.found

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return self.found


def rag_chain(wait: float = 0.0, context_kb: float = 1.5) -> Runnable[Any, Any]:
    """Eight runs, sixteen events: root, question, retrieve, retriever, prompt, model, parser, answer."""
    retriever = ScriptedRetriever(found=documents(context_kb))

    def retrieve(question: str) -> dict[str, str]:
        return _with_context(question, retriever.invoke(question))

    async def aretrieve(question: str) -> dict[str, str]:
        return _with_context(question, await retriever.ainvoke(question))

    prompt = ChatPromptTemplate.from_messages([("system", "Use this context:\n{context}"), ("human", "{question}")])
    steps = RunnableLambda(_question, _aquestion) | RunnableLambda(retrieve, aretrieve) | prompt
    return steps | ScriptedModel(wait=wait) | StrOutputParser() | RunnableLambda(_finish, _afinish)


def _with_context(question: str, found: list[Document]) -> dict[str, str]:
    return {"question": question, "context": "\n".join(document.page_content for document in found)}


def _question(data: dict[str, str]) -> str:
    return data["question"]


async def _aquestion(data: dict[str, str]) -> str:
    return data["question"]


def _finish(text: str) -> dict[str, str]:
    return {"answer": text}


async def _afinish(text: str) -> dict[str, str]:
    return {"answer": text}


def small_chain() -> Runnable[Any, Any]:
    """Four runs, eight events: root, prompt, model, parser."""
    return ChatPromptTemplate.from_messages([("human", "{question}")]) | ScriptedModel() | StrOutputParser()
