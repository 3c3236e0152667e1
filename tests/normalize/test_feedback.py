"""The event that feedback becomes, for runs that are known and for those that are not."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.runnables import RunnableLambda

import fanlight
from fanlight.capture.feedback import judgement
from fanlight.event import Feedback, TelemetryEvent
from fanlight.tracecontext import span_id_of

W3C = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def rate(traced, run_id: Any = None, name: str = "helpful", **said: Any) -> TelemetryEvent:
    """Rate with the arguments of `router.feedback`, and return the event of it."""
    given: dict[str, Any] = {
        "score": 1.0, "label": None, "explanation": None, "source": "human",
        "trace_id": None, "user_id": None, "metadata": None, "tags": (), **said,
    }  # fmt: skip
    before = {event.event_id for event in traced.all("feedback")}
    traced.capture.feedback(judgement(run_id, name, **given))
    (event,) = [event for event in traced.all("feedback") if event.event_id not in before]
    return event


def run_tree(traced) -> tuple[UUID, UUID]:
    """Run a chain with one chain in it; return the ids of both."""
    inner = RunnableLambda(str).with_config(run_name="inner")

    def outer(value: int) -> str:
        return inner.invoke(value)

    RunnableLambda(outer).with_config(run_name="outer").invoke(1, config=traced.config)
    ids = {event.name: UUID(event.run_id) for event in traced.all("chain.end")}
    return ids["outer"], ids["inner"]


def test_a_run_that_ended_here_gives_its_place_in_the_trace(traced) -> None:
    """Trace, root and span are the run's; the name is what was judged."""
    outer, inner = run_tree(traced)
    event = rate(traced, str(inner), score=0.5, label="good", explanation="because", source="model")
    assert (event.type, event.name, event.run_id) == ("feedback", "helpful", str(inner))
    assert (event.root_run_id, event.trace_id, event.span_id) == (str(outer), outer.hex, span_id_of(inner))
    assert (event.parent_run_id, event.parent_span_id, event.sequence) == (None, None, 0)
    said = Feedback(name="helpful", score=0.5, label="good", explanation="because", source="model")
    assert event.feedback == said
    assert (event.service_name, event.environment) == ("svc", "test")


def test_a_run_that_nobody_knows_here(make_traced) -> None:
    """Another process: ids by the published rules, as for a root that joined no trace."""
    run_id = uuid4()
    event = rate(make_traced(), run_id)
    assert (event.run_id, event.root_run_id) == (str(run_id), str(run_id))
    assert (event.trace_id, event.span_id) == (run_id.hex, span_id_of(run_id))


def test_the_trace_that_is_given_is_taken_for_a_run_that_nobody_knows(traced) -> None:
    """Runs of a joined trace are found again by the trace id that was noted beside the run id."""
    event = rate(traced, uuid4(), trace_id="4BF92F3577B34DA6A3CE929D0E0E4736")
    assert event.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_known_run_knows_its_trace_better(traced) -> None:
    """Who names another trace than the run's is corrected while the run is known."""
    _, inner = run_tree(traced)
    assert rate(traced, inner, trace_id="ab" * 16).trace_id == rate(traced, inner).trace_id


@pytest.mark.parametrize("before", [True, False], ids=["asked before the run", "asked after it"])
@pytest.mark.parametrize("traceparent", [W3C, None], ids=["joined", "its own"])
def test_a_trace_is_rated_by_what_a_context_told(traced, before: bool, traceparent: str | None) -> None:
    """`context.trace_id` leads to the root, whenever it was read."""
    with fanlight.context(traceparent=traceparent, tenant_id="acme") as c:
        told = c.trace_id if before else ""
        outer, _ = run_tree(traced)
        told = told or c.trace_id
    event = rate(traced, trace_id=told)
    assert (event.trace_id, event.run_id, event.root_run_id) == (told, str(outer), str(outer))
    assert event.trace_id == traced.root.trace_id
    assert event.feedback is not None
    assert event.feedback.target == "trace"
    assert event.tenant_id == "acme"


def test_a_trace_that_nobody_knows_is_taken_as_its_roots(make_traced) -> None:
    """Another process that was given the trace id alone: the root's id follows from it, as it does the other way."""
    event = rate(make_traced(), trace_id=UUID(int=7).hex)
    assert (event.trace_id, event.run_id) == (UUID(int=7).hex, str(UUID(int=7)))


def test_the_callers_own_request_is_not_what_was_rated(traced) -> None:
    """Feedback comes in a request of its own: that one's trace is not the rated run's."""
    run_id = uuid4()
    with fanlight.context(traceparent=W3C):
        assert rate(traced, run_id).trace_id == run_id.hex


def test_whose_it_is(traced) -> None:
    """The call's words win over the context's, and those over what the rated run had."""
    with fanlight.context(user_id="u1", session_id="s1", tenant_id="acme", environment="canary"):
        outer, _ = run_tree(traced)
    bare = rate(traced, outer)
    assert (bare.user_id, bare.session_id, bare.tenant_id, bare.environment) == ("u1", "s1", "acme", "canary")
    with fanlight.context(user_id="u2", session_id="s2", tags=["vip"], metadata={"page": 1, "who": "context"}):
        told = rate(traced, outer, user_id="u3", tags=["web"], metadata={"who": "call"})
    assert (told.user_id, told.session_id, told.tenant_id) == ("u3", "s2", "acme")
    assert set(told.tags) == {"vip", "web"}
    assert told.metadata == {"page": 1, "who": "call"}


def test_two_ratings_are_two_events(traced) -> None:
    """The same words about the same run, twice or in two processes, never get one id; one call has one."""
    run_id = uuid4()
    first, second = rate(traced, run_id), rate(traced, run_id)
    assert first.event_id.startswith(f"{run_id}:feedback:")
    assert first.event_id != second.event_id


def test_a_run_that_is_not_captured_has_no_feedback(traced) -> None:
    """Below `fanlight:off` nothing is told, also later."""
    run_id = uuid4()
    RunnableLambda(str).invoke(1, config=traced.config | {"run_id": run_id})
    for record in traced.intake.take(100):
        if record.callback == "chain_start":
            record.kwargs["tags"] = ["fanlight:off"]
        traced.normalizer.feed(record)
    traced.capture.feedback(
        judgement(
            run_id, "helpful", score=1.0, label=None, explanation=None, source="human",
            trace_id=None, user_id=None, metadata=None, tags=(),
        )
    )  # fmt: skip
    assert traced.events == []


def test_long_and_broken_texts_are_bounded(make_traced) -> None:
    """An explanation is cut like any text, and half a surrogate pair costs nothing."""
    event = rate(make_traced(max_field_bytes=100), uuid4(), explanation="x" * 500, label="\ud800!", name="n" * 900)
    said = event.feedback
    assert said is not None
    assert said.explanation is not None
    assert said.explanation.endswith("… [cut, 500 bytes]")
    assert [cut.field for cut in event.truncated] == ["feedback"]
    assert len(event.name) == 512
    assert event.to_json()


def test_open_runs_are_not_touched(traced) -> None:
    """Feedback for a run that is still open, or was never seen, opens and ends nothing."""
    run_id = uuid4()

    def work(_: int) -> None:
        rate(traced, run_id)

    RunnableLambda(work).invoke(1, config=traced.config | {"run_id": run_id})
    rate(traced, uuid4())
    ends = [event for event in traced.events if event.ends_run]
    assert traced.normalizer.open_runs == 0
    assert [(event.sequence, event.run_events) for event in ends] == [(1, ())]
