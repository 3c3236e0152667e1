"""
What the normaliser costs per event, on the router thread: `python tests/bench/normalize.py`.

Records are captured from real runs once, then fed again and again to fresh normalisers; garbage collection is off.
"""

from __future__ import annotations

import gc
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import thread_time

sys.path.insert(0, str(Path(__file__).parents[1]))

from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from normalize.conftest import Traced, settings
from normalize.models import Scripted, asks, said

from fanlight.capture.record import CallbackRecord
from fanlight.normalize import Normalizer

ROUNDS = 200


def rag(config: dict) -> None:
    documents = [Document("passage " * 60, id=f"d{n}", metadata={"score": 0.9, "source": "wiki"}) for n in range(4)]
    find = RunnableLambda(lambda _q: documents)
    prompt = ChatPromptTemplate.from_messages([("system", "Answer from: {context}"), ("human", "{question}")])
    model = Scripted(answers=[said("an answer " * 20)])
    chain = {"context": find, "question": RunnablePassthrough()} | prompt | model | StrOutputParser()
    chain.invoke("a question?", config)


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def agent(config: dict) -> None:
    model = Scripted(answers=[asks("add", a=1, b=2), asks("add", a=3, b=4), said("3")])
    create_agent(model, [add], name="calc").invoke({"messages": [("user", "1+2")]}, config)


def history(config: dict) -> None:
    messages = [AIMessage("word " * 100) for _ in range(50)]
    GenericFakeChatModel(messages=iter([AIMessage("x")])).invoke(messages, config)


def big(config: dict) -> None:
    RunnableLambda(lambda x: x).invoke({"document": "word " * 26_000}, config)


def captured(workload: Callable[[dict], None]) -> list[CallbackRecord]:
    traced = Traced()
    config = {**traced.config, "metadata": {"user_id": "u1", "session_id": "s1"}, "tags": ["prod", "vip"]}
    workload(config)
    return traced.intake.take(100_000)


def per_event(records: list[CallbackRecord]) -> float:
    """Return the median CPU microseconds per event over the rounds."""
    rounds = []
    for _ in range(ROUNDS):
        normalizer = Normalizer(settings())
        began = thread_time()
        events = sum(len(normalizer.feed(record)) for record in records)
        rounds.append((thread_time() - began) / events * 1e6)
    return statistics.median(rounds)


if __name__ == "__main__":
    gc.disable()
    for workload in (rag, agent, history, big):
        records = captured(workload)
        print(f"{workload.__name__:8} {len(records):3} events  {per_event(records):7.1f} µs per event")
