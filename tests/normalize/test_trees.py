"""Runs, parents, traces, times: the shape of what happened."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel

from fanlight.context import context
from fanlight.tracecontext import span_id_of

from .models import Scripted, said


def prompt_model_parser():
    return ChatPromptTemplate.from_messages([("human", "{q}")]) | Scripted(answers=[said("hello")]) | StrOutputParser()


def test_a_chain_is_a_tree(traced):
    """Each run knows its parent, its root and its trace; a root's trace is its run id."""
    prompt_model_parser().invoke({"q": "x"}, traced.config)
    root = traced.root
    assert root.name == "RunnableSequence"
    assert root.trace_id == uuid.UUID(root.run_id).hex
    assert (root.parent_run_id, root.parent_span_id, root.root_run_id) == (None, None, root.run_id)
    below = [e for e in traced.events if e.run_id != root.run_id]
    assert {e.name for e in below} == {"ChatPromptTemplate", "Scripted", "StrOutputParser"}
    for event in below:
        assert (event.parent_run_id, event.root_run_id, event.trace_id) == (root.run_id, root.run_id, root.trace_id)
        assert event.parent_span_id == root.span_id
        assert event.span_id == span_id_of(uuid.UUID(event.run_id))
        assert event.rollup is None


def test_the_end_is_complete(traced):
    """The event that ends a run repeats all that its start said: no sink has to join."""
    config = {**traced.config, "tags": ["t"], "metadata": {"k": "v"}, "run_name": "my chain"}
    RunnableLambda(lambda x: x + 1).invoke(1, config)
    start, end = traced.one("chain.start"), traced.one("chain.end")
    assert (end.name, end.inputs, end.outputs, end.tags, end.metadata) == ("my chain", 1, 2, ("t",), {"k": "v"})
    assert end.start_time_unix_nano == start.time_unix_nano == start.start_time_unix_nano
    assert end.time_unix_nano >= start.time_unix_nano
    assert end.duration_ms >= 0
    assert (end.environment, end.service_name) == ("test", "svc")


def test_event_ids_tell_the_callback(traced):
    """Run id, type and ordinal: unique, and the same for the same callback."""
    prompt_model_parser().invoke({"q": "x"}, traced.config)
    ids = [e.event_id for e in traced.events]
    assert len(set(ids)) == len(ids)
    assert traced.root.event_id == f"{traced.root.run_id}:chain.end:1"
    assert [e.sequence for e in traced.events if e.starts_run] == [0] * 4


def test_durations_come_from_a_clock_that_does_not_jump(traced, monkeypatch):
    """A wall clock that is set back an hour meanwhile does not make a run end before it began."""
    real = time.time_ns
    shift = [0]
    monkeypatch.setattr("fanlight.capture.capture.time_ns", lambda: real() - shift[0])

    def work(x):
        shift[0] = 3_600_000_000_000
        return x

    RunnableLambda(work).invoke(1, traced.config)
    assert 0 <= traced.root.duration_ms < 60_000


def test_a_stream_has_its_inputs_at_its_end(traced):
    """LangChain starts a stream with a placeholder; the inputs come with the end."""
    assert "".join(prompt_model_parser().stream({"q": "x"}, traced.config)) == "hello"
    start = traced.one("chain.start", name="RunnableSequence")
    assert (start.inputs, traced.root.inputs, traced.root.outputs) == (None, {"q": "x"}, "hello")
    assert traced.root.duration_ms >= traced.one("llm.end").duration_ms


def test_an_empty_input_is_an_input(traced):
    """What looks like the placeholder, but was given, is kept."""
    RunnableLambda(lambda x: x).invoke({"input": ""}, traced.config)
    assert traced.root.inputs == {"input": ""}


def test_each_item_of_a_batch_is_a_trace(traced):
    """Three items are three roots, each with its own tree and sums."""
    prompt_model_parser().batch([{"q": "1"}, {"q": "2"}, {"q": "3"}], traced.config)
    roots = [e for e in traced.events if e.is_root and e.ends_run]
    assert len({e.trace_id for e in roots}) == 3
    assert [e.rollup.runs for e in roots] == [4, 4, 4]
    assert sorted(e.inputs["q"] for e in roots) == ["1", "2", "3"]


async def test_an_async_batch_too(traced):
    """Awaited, they are three traces as well."""
    await prompt_model_parser().abatch([{"q": "1"}, {"q": "2"}, {"q": "3"}], traced.config)
    roots = [e for e in traced.events if e.is_root and e.ends_run]
    assert len({e.trace_id for e in roots}) == 3
    assert [e.rollup.llm_calls for e in roots] == [1, 1, 1]


def test_parallel_branches_are_siblings(traced):
    """Branches that run in threads hang on the run that started them."""
    RunnableParallel(a=lambda x: x, b=lambda x: x).invoke(1, traced.config)
    assert traced.root.outputs == {"a": 1, "b": 1}
    branches = [e for e in traced.events if e.starts_run and not e.is_root]
    assert {e.parent_run_id for e in branches} == {traced.root.run_id}
    assert {tag for e in branches for tag in e.lc_tags} == {"map:key:a", "map:key:b"}


def test_many_threads_do_not_mix(traced):
    """A hundred chains from sixteen threads are a hundred whole trees."""
    chain = prompt_model_parser()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: chain.invoke({"q": str(n)}, traced.config), range(100)))
    roots = [e for e in traced.events if e.is_root and e.ends_run]
    assert len(roots) == 100
    for root in roots:
        tree = [e for e in traced.events if e.trace_id == root.trace_id]
        assert len(tree) == 8
        assert {e.root_run_id for e in tree} == {root.run_id}
    assert traced.normalizer.open_runs == 0


def test_a_parent_that_was_never_seen(traced):
    """The run is the top of what is seen, with a trace of its own; its parent's id is kept, its span is not made up."""
    manager = fanlight_manager(traced)
    external = uuid.uuid4()
    manager.parent_run_id = external
    RunnableLambda(lambda x: x).invoke(1, {"callbacks": manager})
    root = traced.root
    assert (root.parent_run_id, root.root_run_id, root.parent_span_id) == (str(external), root.run_id, None)
    assert (root.partial, root.rollup.runs) == (False, 1)


def fanlight_manager(traced):
    from langchain_core.callbacks import CallbackManager

    return CallbackManager([traced.handler], inheritable_handlers=[traced.handler])


def test_what_starts_after_its_parent_ended_finds_its_trace(traced):
    """A background task that outlives the request it began in belongs to that request's trace."""
    late = []

    def remember(x, config):
        late.append(config)
        return x

    RunnableLambda(remember).invoke(1, traced.config)
    root = traced.root
    RunnableLambda(lambda x: x, name="late").invoke(2, late[0])
    run = traced.one("chain.end", name="late")
    assert (run.trace_id, run.root_run_id, run.parent_run_id) == (root.trace_id, root.run_id, root.run_id)


def test_an_end_without_a_start_is_an_event(traced):
    """It is partial, has what the end tells, and counts; LangChain loses `on_llm_start` beside inline handlers."""
    run_id = uuid.uuid4()
    from langchain_core.outputs import ChatGeneration, LLMResult

    result = LLMResult(generations=[[ChatGeneration(message=said("hi"))]])
    traced.handler.on_llm_end(result, run_id=run_id, parent_run_id=None, tags=["t", "seq:step:1"])
    end = traced.one("llm.end")
    assert (end.partial, end.status, end.duration_ms, end.start_time_unix_nano) == (True, "ok", None, None)
    assert (end.input_tokens, end.output_messages[0].text, end.tags, end.lc_tags) == (10, "hi", ("t",), ("seq:step:1",))
    assert end.rollup.input_tokens == 10
    assert traced.normalizer.open_runs == 0


def test_a_lost_start_does_not_lose_the_tree(traced):
    """A run whose start was lost still hangs in its trace, and its tokens count in the root's sums."""
    from langchain_core.outputs import ChatGeneration, LLMResult

    def work(x, config):
        result = LLMResult(generations=[[ChatGeneration(message=said("hi"))]])
        parent = config["callbacks"].parent_run_id
        traced.handler.on_llm_end(result, run_id=uuid.uuid4(), parent_run_id=parent)
        return x

    RunnableLambda(work).invoke(1, traced.config)
    llm = traced.one("llm.end")
    assert (llm.partial, llm.trace_id, llm.parent_run_id) == (True, traced.root.trace_id, traced.root.run_id)
    assert (traced.root.rollup.input_tokens, traced.root.rollup.llm_calls) == (10, 1)


def test_a_second_end_is_ignored(traced):
    """A run ends once, whoever calls twice."""
    run_id = uuid.uuid4()
    traced.handler.on_chain_start(None, 1, run_id=run_id, name="x")
    for _ in range(3):
        traced.handler.on_chain_end(2, run_id=run_id)
    traced.handler.on_chain_error(ValueError("late"), run_id=run_id)
    assert [e.type for e in traced.events] == ["chain.start", "chain.end"]


@pytest.mark.parametrize(
    ("kwargs", "serialized", "name"),
    [
        ({"name": "given"}, {"name": "serialized", "id": ["a", "b"]}, "given"),
        ({"name": None}, {"name": "serialized", "id": ["a", "b"]}, "serialized"),
        ({}, {"id": ["a", "b"]}, "b"),
        ({}, {"id": []}, "chain"),
        ({}, None, "chain"),
        ({"name": 5}, "odd", "chain"),
    ],
)
def test_where_a_name_comes_from(traced, kwargs, serialized, name):
    """What the run was given, else what was serialized, else what kind of run it is."""
    traced.handler.on_chain_start(serialized, 1, run_id=uuid.uuid4(), **kwargs)
    assert traced.one("chain.start").name == name


def test_a_root_joins_the_callers_trace(traced):
    """With a W3C position the trace is the caller's, and the root hangs on the caller's span."""
    with context(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        prompt_model_parser().invoke({"q": "x"}, traced.config)
    assert {e.trace_id for e in traced.events} == {"0af7651916cd43dd8448eb211c80319c"}
    assert (traced.root.parent_span_id, traced.root.parent_run_id) == ("b7ad6b7169203331", None)
    assert traced.root.root_run_id == traced.root.run_id


def test_a_trace_id_that_was_read_before_is_the_roots(traced):
    """`context.trace_id`, read for a log line before the first run, is the trace of that run; the next has its own."""
    with context() as c:
        reserved = c.trace_id
        RunnableLambda(lambda x: x).invoke(1, traced.config)
        RunnableLambda(lambda x: x).invoke(2, traced.config)
    first, second = [e.trace_id for e in traced.events if e.ends_run]
    assert first == reserved != second


def test_an_attempt_of_a_retry_is_numbered(traced):
    """`with_retry` makes a run per attempt; the later ones say which, each failure counts, the root is ok."""
    calls = []

    def flaky(x):
        calls.append(x)
        if len(calls) < 3:
            raise ValueError("again")
        return x

    RunnableLambda(flaky).with_retry(wait_exponential_jitter=False, stop_after_attempt=3).invoke(1, traced.config)
    attempts = [(e.attempt, e.status) for e in traced.events if e.ends_run and not e.is_root]
    assert attempts == [(None, "error"), (2, "error"), (3, "ok")]
    assert (traced.root.status, traced.root.rollup.errors) == ("ok", 2)


def test_an_error_that_is_caught_is_not_the_parents(traced):
    """A new error of the same class in the parent is its own, though the first one was caught and freed."""

    def child(x):
        raise ValueError("first")

    def work(x):
        for _ in range(3):
            with contextlib.suppress(ValueError):
                RunnableLambda(child).invoke(x)
        raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        RunnableLambda(work).invoke(1, traced.config)
    assert traced.root.rollup.errors == 4


def test_an_error_raised_from_another_is_one_error(traced):
    """Wrapping an error on its way up does not make two of it."""

    def child(x):
        raise ValueError("inner")

    def work(x):
        try:
            RunnableLambda(child).invoke(x)
        except ValueError as error:
            raise RuntimeError("outer") from error

    with pytest.raises(RuntimeError):
        RunnableLambda(work).invoke(1, traced.config)
    assert traced.root.rollup.errors == 1
    assert traced.root.error.type == "RuntimeError"
    assert "ValueError" in traced.root.error.stack


def test_a_closed_stream_was_cancelled(traced):
    """A client that stops reading is no error; what had come is kept, and that tokens were spent unknown."""
    stream = GenericFakeChatModel(messages=iter([AIMessage("hello big world")])).stream("x", traced.config)
    next(stream)
    stream.close()
    end = traced.one("llm.error")
    assert (end.status, end.error) == ("cancelled", None)
    assert end.output_messages[0].text == "hello"
    assert end.usage_missing
    assert traced.root.rollup.errors == 0


async def test_a_cancelled_task_was_cancelled(traced):
    """Cancellation is its own outcome."""
    started = asyncio.Event()

    async def forever(x):
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(RunnableLambda(forever).ainvoke(1, traced.config))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (traced.root.status, traced.root.error) == ("cancelled", None)


def test_a_refusal_is_no_failure(traced):
    """A newer langchain-core's `ModelRefusalError` is known by its name."""

    class ModelRefusalError(Exception):
        pass

    def work(x):
        raise ModelRefusalError("I cannot help with that")

    with pytest.raises(ModelRefusalError):
        RunnableLambda(work).invoke(1, traced.config)
    assert (traced.root.status, traced.root.error.message) == ("refused", "I cannot help with that")
    assert traced.root.rollup.errors == 0


def test_nothing_is_shared_between_normalizers(traced, make_traced):
    """Two routers in one process do not know of each other's runs."""
    other = make_traced()
    prompt_model_parser().invoke({"q": "x"}, traced.config)
    assert other.events == []
    assert len(traced.events) == 8
