"""Retrieval-augmented answers: question, retriever, prompt, model, parser; one at a time, streamed, at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig, RunnableParallel, RunnablePassthrough

from fanlight.demo.workloads.model import Reply, ScriptedChat
from fanlight.demo.workloads.shop import HandbookRetriever

QUESTION = "How long does a refund for a returned lamp take?"
QUESTIONS = (
    QUESTION,
    "Do you repair a broken lamp?",
    "When does an order leave the warehouse?",
    "Where are my invoices?",
)
ANSWER = Reply(
    text="A refund reaches your card within five days after the lamp has arrived. [handbook/refunds]",
    input_tokens=412,
    output_tokens=31,
    cached=256,
)
_PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "You serve a lamp shop. Answer from these pages of the handbook only:\n{pages}"),
        ("human", "{question}"),
    ]
)


def chain(pace: float = 0.0) -> Runnable[str, str]:
    """Return the chain: six runs for one answer."""
    retriever = HandbookRetriever(pace=pace / 4)
    model = ScriptedChat(replies=(ANSWER,), pace=pace)
    pages = RunnableParallel(pages=retriever | _join, question=RunnablePassthrough())
    return (pages | _PROMPT | model | StrOutputParser()).with_config(run_name="handbook_rag")


def _join(documents: list[Document]) -> str:
    return "\n".join(f"[{document.id}] {document.page_content}" for document in documents)


def rag(config: RunnableConfig, pace: float = 0.0) -> str:
    """Answer one question."""
    return chain(pace).invoke(QUESTION, config)


async def arag(config: RunnableConfig, pace: float = 0.0) -> str:
    """Answer one question in async code."""
    return await chain(pace).ainvoke(QUESTION, config)


def rag_batch(config: RunnableConfig, pace: float = 0.0) -> list[str]:
    """Answer four questions with `batch`: four roots."""
    return chain(pace).batch(list(QUESTIONS), config)


async def arag_gather(config: RunnableConfig, pace: float = 0.0) -> list[str]:
    """Answer four questions in four tasks of one event loop: four roots, interleaved."""
    shared = chain(pace)
    return list(await asyncio.gather(*(shared.ainvoke(question, config) for question in QUESTIONS)))


def rag_threads(config: RunnableConfig, pace: float = 0.0) -> list[str]:
    """Answer four questions in four threads: four roots, at the same time."""
    shared = chain(pace)
    with ThreadPoolExecutor(max_workers=len(QUESTIONS)) as pool:
        return list(pool.map(lambda question: shared.invoke(question, config), QUESTIONS))


def stream(config: RunnableConfig, pace: float = 0.0) -> str:
    """Stream one answer to its end."""
    return "".join(chain(pace).stream(QUESTION, config))


async def astream(config: RunnableConfig, pace: float = 0.0) -> str:
    """Stream one answer to its end in async code."""
    return "".join([piece async for piece in chain(pace).astream(QUESTION, config)])


def cancelled_stream(config: RunnableConfig, pace: float = 0.0) -> str:
    """Walk away from a model's stream after two words, as a user does who closes the page."""
    pieces = ScriptedChat(replies=(ANSWER,), pace=pace).stream(QUESTION, config)
    read = _two_words(str(piece.content) for piece in pieces)
    pieces.close()  # type: ignore[attr-defined]  # it is a generator, typed as an iterator
    return read


def closed_stream(config: RunnableConfig, pace: float = 0.0) -> str:
    """Walk away from a chain's stream after two words: synchronous LangChain reads the rest and ends the run well."""
    pieces = chain(pace).stream(QUESTION, config)
    read = _two_words(pieces)
    pieces.close()  # type: ignore[attr-defined]
    return read


def _two_words(pieces: Iterator[str]) -> str:
    read = ""
    while len(read.split()) < 2:
        read += next(pieces)
    return read


async def acancelled_stream(config: RunnableConfig, pace: float = 0.0) -> str:
    """Walk away from a chain's stream after two words, in async code."""
    pieces = chain(pace).astream(QUESTION, config)
    read = ""
    async for piece in pieces:
        read += piece
        if len(read.split()) >= 2:
            break
    await pieces.aclose()  # type: ignore[attr-defined]  # it is a generator, typed as an iterator
    return read
