"""Runs that never end are given up, and the table stays bounded whatever happens."""

from __future__ import annotations

import asyncio
import gc
import uuid
import weakref

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

from fanlight.capture.record import CallbackRecord


def start(traced, parent=None, name="x", inputs=1):
    run_id = uuid.uuid4()
    traced.handler.on_chain_start(None, inputs, run_id=run_id, parent_run_id=parent, name=name)
    return run_id


class Hanging(BaseRetriever):
    """Never answers."""

    started: object = None

    def _get_relevant_documents(self, query, *, run_manager):
        raise NotImplementedError

    async def _aget_relevant_documents(self, query, *, run_manager):
        self.started.set()
        await asyncio.Event().wait()


async def test_a_cancelled_retriever_is_given_up_soon_after_its_root(traced):
    """LangChain tells neither end nor error of it; a minute after its root ended it is abandoned."""
    started = asyncio.Event()
    retriever = Hanging(started=started)

    async def work(x):
        return await retriever.ainvoke("q")

    task = asyncio.create_task(RunnableLambda(work).ainvoke(1, traced.config))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert traced.root.status == "cancelled"
    assert traced.normalizer.open_runs == 1
    assert traced.reap(after_seconds=59) == []
    (event,) = traced.reap(after_seconds=61)
    assert (event.type, event.status, event.partial, event.error) == ("retriever.end", "abandoned", True, None)
    assert (event.inputs, event.parent_run_id, event.trace_id) == ("q", traced.root.run_id, traced.root.trace_id)
    assert (event.duration_ms, event.sequence) == (None, 1)
    assert traced.normalizer.open_runs == 0
    assert traced.reap(after_seconds=10**6) == []


def test_what_ends_within_the_grace_ends_as_it_did(traced):
    """A child that ends after its root is no abandoned run."""
    root = start(traced)
    child = start(traced, root)
    traced.handler.on_chain_end(1, run_id=root)
    assert traced.reap(after_seconds=30) == []
    traced.handler.on_chain_end(2, run_id=child, parent_run_id=root)
    assert traced.reap(after_seconds=61) == []
    assert [e.status for e in traced.events if e.ends_run] == ["ok", "ok"]


def test_a_run_is_given_up_after_its_time(make_traced):
    """Children first, then the root, which still has its sums."""
    traced = make_traced(run_ttl=100.0)
    root = start(traced, name="root")
    child = start(traced, root, name="child")
    assert traced.reap(after_seconds=99) == []
    first, second = traced.reap(after_seconds=101)
    assert [(e.name, e.status, e.run_id) for e in (first, second)] == [
        ("child", "abandoned", str(child)),
        ("root", "abandoned", str(root)),
    ]
    assert second.rollup.runs == 2
    assert traced.normalizer.open_runs == 0


def test_an_end_after_all_is_told(make_traced):
    """A run that ends after it was given up is told as it ended: partial, in its trace, with another id."""
    traced = make_traced(run_ttl=1.0)
    run_id = start(traced)
    (abandoned,) = traced.reap(after_seconds=2)
    traced.handler.on_chain_end("result", run_id=run_id)
    end = traced.one("chain.end")
    assert (end.status, end.partial, end.outputs, end.trace_id) == ("ok", True, "result", abandoned.trace_id)
    assert end.event_id != abandoned.event_id


def test_the_table_is_bounded(make_traced):
    """The oldest runs make room for new ones and are told as abandoned: lost runs cost no memory."""
    traced = make_traced(max_open_runs=100)
    runs = [start(traced, name=str(n)) for n in range(1000)]
    abandoned = [e for e in traced.events if e.status == "abandoned"]
    assert traced.normalizer.open_runs == 100
    assert [e.run_id for e in abandoned] == [str(run_id) for run_id in runs[:900]]


def test_runs_that_are_off_are_bounded_too(make_traced):
    """What is not captured takes no memory for ever either."""
    traced = make_traced(max_open_runs=100)
    for _ in range(1000):
        record = CallbackRecord("chain_start", uuid.uuid4(), None, 1, 1, (None, 1), {"tags": ["fanlight:off"]})
        assert traced.normalizer.feed(record) == []
    assert len(traced.normalizer._runs._off) == 100


class Payload:
    """Something of the application's."""


def test_no_payload_is_kept(traced):
    """Once a run has started and ended, nothing of what it was given is held on to, nor of what it raised."""
    kept = []

    class Failure(Exception):
        pass

    def work(x):
        kept.append(weakref.ref(x["payload"]))
        error = Failure("no")
        kept.append(weakref.ref(error))
        raise error

    with pytest.raises(Failure):
        RunnableLambda(lambda x: RunnableLambda(work).invoke(x)).invoke({"payload": Payload()}, traced.config)
    assert [e.status for e in traced.events if e.ends_run] == ["error", "error"]
    gc.collect()
    assert [ref() for ref in kept] == [None, None]


def test_memory_does_not_grow_with_finished_runs(traced):
    """What is remembered of ended runs is bounded."""
    for _ in range(12_000):
        run_id = uuid.uuid4()
        traced.handler.on_chain_start(None, 1, run_id=run_id, name="x")
        traced.handler.on_chain_end(2, run_id=run_id)
    for record in traced.intake.take(1_000_000):
        traced.normalizer.feed(record)
    assert len(traced.normalizer._runs._past) == 10_000
    assert traced.normalizer.open_runs == 0
