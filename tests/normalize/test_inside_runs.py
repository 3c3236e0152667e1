"""What happens inside a run: custom events, retries, texts, agent actions. An event each, and kept with the run."""

from __future__ import annotations

import uuid

import tenacity
from langchain_core.agents import AgentAction, AgentFinish
from langchain_core.callbacks.manager import adispatch_custom_event, dispatch_custom_event
from langchain_core.language_models import LLM
from langchain_core.runnables import RunnableLambda
from pydantic import Field

from fanlight.capture.record import CallbackRecord
from fanlight.context import OFF_TAG
from fanlight.normalize.tree import MAX_RUN_EVENTS


def test_a_custom_event_belongs_to_its_run(traced):
    """It has the run's identity and its own data, and comes again with the event that ends the run."""

    def work(x):
        dispatch_custom_event("progress", {"done": 1})
        return x

    RunnableLambda(work).invoke("input", {**traced.config, "metadata": {"user_id": "u1"}, "tags": ["t"]})
    event, end = traced.one("custom"), traced.one("chain.end")
    assert (event.name, event.custom, event.run_id) == ("progress", {"done": 1}, end.run_id)
    assert (event.trace_id, event.span_id, event.user_id, event.tags) == (end.trace_id, end.span_id, "u1", ("t",))
    assert (event.inputs, event.status, event.start_time_unix_nano, event.partial) == (None, None, None, False)
    assert [(e.type, e.name, e.data) for e in end.run_events] == [("custom", "progress", {"done": 1})]
    assert [e.event_id for e in traced.events] == [
        f"{end.run_id}:chain.start:0",
        f"{end.run_id}:custom:1",
        f"{end.run_id}:chain.end:2",
    ]


async def test_an_async_custom_event_too(traced):
    """Dispatched from a coroutine, it finds its run as well."""

    async def work(x):
        await adispatch_custom_event("progress", [1, 2])
        return x

    await RunnableLambda(work).ainvoke(1, traced.config)
    assert (traced.one("custom").custom, traced.root.run_events[0].data) == ([1, 2], [1, 2])


def test_a_runs_events_are_bounded(traced):
    """A run with a thousand events ends with the first of them; each was an event of its own."""

    def work(x):
        for n in range(1000):
            dispatch_custom_event("tick", n)
        return x

    RunnableLambda(work).invoke(1, traced.config)
    assert len(traced.all("custom")) == 1000
    assert [e.data for e in traced.root.run_events] == list(range(MAX_RUN_EVENTS))


def test_an_event_after_its_runs_end_finds_its_trace(traced):
    """A callback that comes late is an event of its trace, partial, with an id of its own."""
    managers = []

    def work(x, config):
        managers.append(config)
        return x

    RunnableLambda(work).invoke(1, traced.config)
    root = traced.root
    for n in range(2):
        dispatch_custom_event("late", n, config=managers[0])
    late = traced.all("custom")
    assert [(e.trace_id, e.run_id, e.partial) for e in late] == [(root.trace_id, root.run_id, True)] * 2
    assert len({e.event_id for e in traced.events}) == len(traced.events) == 4
    assert traced.normalizer.open_runs == 0


def test_an_event_of_an_unknown_run_is_an_event(traced):
    """Its run is all that is known of it."""
    run_id = uuid.uuid4()
    traced.handler.on_custom_event("alone", {"a": 1}, run_id=run_id, tags=["t"], metadata={"user_id": "u"})
    event = traced.one("custom")
    assert (event.name, event.custom, event.partial, event.run_id) == ("alone", {"a": 1}, True, str(run_id))
    assert (event.tags, event.user_id, event.trace_id) == (("t",), "u", run_id.hex)


class Flaky(LLM):
    """Fails twice and retries, as providers' integrations do."""

    failures: list[int] = Field(default_factory=list)

    @property
    def _llm_type(self):
        return "flaky"

    def _call(self, prompt, stop=None, run_manager=None, **kwargs):
        retrying = tenacity.Retrying(
            wait=tenacity.wait_none(), stop=tenacity.stop_after_attempt(3), before_sleep=run_manager.on_retry
        )
        return retrying(self._once)

    def _once(self):
        if len(self.failures) < 2:
            self.failures.append(1)
            raise ConnectionError("busy")
        return "done"


def test_a_retry_says_which_attempt_failed_and_why(traced):
    """Each retry is an event with the failed attempt; the run's end says which attempt it took."""
    Flaky().invoke("x", traced.config)
    first, second = traced.all("retry")
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.custom == {"attempt": 1, "wait_seconds": 0.0, "error": {"type": "ConnectionError", "message": "busy"}}
    assert (first.status, first.error) == (None, None)
    end = traced.one("llm.end")
    assert (end.attempt, end.status, end.rollup.errors) == (3, "ok", 0)
    assert [e.type for e in end.run_events] == ["retry", "retry"]


def test_agent_actions_and_finish(traced):
    """A classic agent's decisions are events with the tool, its input and the reasoning."""

    def work(x, config):
        run_id = config["callbacks"].parent_run_id
        traced.handler.on_agent_action(AgentAction("search", {"q": "x"}, "I should search"), run_id=run_id)
        traced.handler.on_agent_finish(AgentFinish({"output": "42"}, "I know"), run_id=run_id)
        return x

    RunnableLambda(work, name="AgentExecutor").invoke(1, traced.config)
    action, finish = traced.one("agent.action").agent_action, traced.one("agent.finish").agent_action
    assert (action.tool, action.tool_input, action.log) == ("search", {"q": "x"}, "I should search")
    assert (finish.output, finish.log) == ({"output": "42"}, "I know")
    assert traced.root.operation == "invoke_agent"
    assert [(e.type, e.data["log"]) for e in traced.root.run_events] == [
        ("agent.action", "I should search"),
        ("agent.finish", "I know"),
    ]


def test_a_text_is_an_event(traced):
    """Text that a chain shows is an event, and not repeated at the end."""
    run_id = uuid.uuid4()
    traced.handler.on_chain_start(None, 1, run_id=run_id, name="x")
    traced.handler.on_text("shown", run_id=run_id)
    traced.handler.on_chain_end(2, run_id=run_id)
    assert (traced.one("text").custom, traced.root.run_events) == ("shown", ())


def test_a_lifecycle_event_without_a_run_is_an_event(traced):
    """LangGraph may not know the run; the same checkpoint gives the same id."""
    from langgraph.callbacks import GraphResumeEvent

    event = GraphResumeEvent(run_id=None, status="pending", checkpoint_id="c1", checkpoint_ns=())
    traced.handler.on_resume(event)
    first = traced.one("resume")
    assert (first.custom["checkpoint_id"], first.partial) == ("c1", True)
    traced.handler.on_resume(event)
    assert {e.run_id for e in traced.all("resume")} == {first.run_id}
    assert len({e.event_id for e in traced.events}) == 2


def _record(callback, run_id, parent_run_id, data, **kwargs):
    return CallbackRecord(callback, run_id, parent_run_id, 1, 1, ({}, data), kwargs)


def test_nothing_comes_of_a_run_that_is_off(traced):
    """The normaliser itself keeps out what is tagged off, with all below it: capture is not the only guard."""
    off, below, inside = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    records = [
        _record("chain_start", off, None, "secret", tags=[OFF_TAG]),
        _record("chain_start", below, off, "secret"),
        _record("custom_event", below, None, {}),
        _record("chain_end", below, off, "secret"),
        _record("chain_end", off, None, "secret"),
        _record("tool_start", inside, below, "late"),
        _record("tool_end", inside, below, "late"),
        _record("llm_end", uuid.uuid4(), off, None),
        _record("llm_end", uuid.uuid4(), None, None, tags=[OFF_TAG]),
    ]
    # Given to the normaliser as if the capture side had not noticed.
    assert [event for record in records for event in traced.normalizer.feed(record)] == []
    assert traced.normalizer.open_runs == 0


def test_token_callbacks_are_no_events(traced):
    """An unknown callback becomes nothing and raises nothing."""
    from fanlight.capture.record import CallbackRecord

    assert traced.normalizer.feed(CallbackRecord("llm_new_token", uuid.uuid4(), None, 1, 1, ("x",), {})) == []
