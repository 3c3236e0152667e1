"""What `router.feedback` takes, what it refuses, and what it hands over."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.runnables import RunnableLambda

import fanlight
from fanlight.capture.feedback import judgement
from fanlight.event import Feedback

RUN = UUID("0198f0a0-0000-7000-8000-000000000001")
NOTHING: dict[str, Any] = {
    "score": None,
    "label": None,
    "explanation": None,
    "source": "human",
    "trace_id": None,
    "user_id": None,
    "metadata": None,
    "tags": (),
}


def judged(run_id: Any = RUN, name: Any = "helpful", **said: Any):
    return judgement(run_id, name, **{**NOTHING, **said})


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"run_id": None}, ValueError, "give run_id or trace_id"),
        ({"run_id": ""}, ValueError, "run_id is no UUID: ''"),
        ({"run_id": "run-7"}, ValueError, "run_id is no UUID: 'run-7'"),
        ({"run_id": 7}, TypeError, "run_id is a UUID or text, not int"),
        ({"trace_id": "xyz"}, ValueError, "trace_id is not 32 hex digits: 'xyz'"),
        ({"trace_id": "0" * 32}, ValueError, "trace_id is not 32 hex digits"),
        ({"trace_id": RUN}, TypeError, "trace_id is text, not UUID"),
        ({"name": ""}, ValueError, "feedback needs a name"),
        ({"name": None}, ValueError, "feedback needs a name"),
        ({"name": 3}, TypeError, "name is text, not int"),
        ({"score": None}, ValueError, "give a score, a label or an explanation"),
        ({"score": None, "label": "", "explanation": ""}, ValueError, "feedback says nothing"),
        ({"score": math.nan}, ValueError, "score is not finite: nan"),
        ({"score": -math.inf}, ValueError, "score is not finite: -inf"),
        ({"score": 10**400}, ValueError, "score is not finite: inf"),
        ({"score": "1.0"}, TypeError, "score is a number, not str"),
        ({"score": Decimal(1)}, TypeError, "score is a number, not Decimal"),
        ({"label": 1}, TypeError, "label is text, not int"),
        ({"explanation": b"x"}, TypeError, "explanation is text, not bytes"),
        ({"source": "robot"}, ValueError, "source is 'robot'; it is one of human, model, code"),
        ({"metadata": [1]}, TypeError, "metadata is a mapping, not list"),
        ({"tags": [1]}, TypeError, "a tag is text, not int"),
    ],
)
def test_each_mistake_has_its_sentence(arguments: dict[str, Any], error: type[Exception], sentence: str) -> None:
    """A call that cannot mean anything says at once what is wrong with it."""
    with pytest.raises(error) as caught:
        judged(**{"score": 1.0, **arguments})
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("given", "noted"), [(1, 1.0), (0, 0.0), (True, 1.0), (False, 0.0), (-2.5, -2.5), (Fraction(1, 4), 0.25)]
)
def test_scores_are_numbers(given: Any, noted: float) -> None:
    """Whatever is a real number is a score, a thumb up or down too."""
    score = judged(score=given).said.score
    assert (score, type(score)) == (noted, float)


@pytest.mark.parametrize("given", [RUN, str(RUN), RUN.hex, str(RUN).upper(), f"urn:uuid:{RUN}"])
def test_runs_are_named_by_uuid_or_text(given: Any) -> None:
    """Ids come out of logs, headers and databases."""
    assert judged(given, score=1).run_id == RUN


def test_what_is_judged_is_the_run_where_one_is_named() -> None:
    """A trace id beside a run id says where the run is; alone it is what is judged."""
    assert judged(score=1, trace_id="AB" * 16).said.target == "run"
    alone = judged(None, score=1, trace_id="AB" * 16)
    assert (alone.said.target, alone.trace_id) == ("trace", "ab" * 16)


def test_the_record_holds_what_was_said(captured) -> None:
    """Context, arguments and a mark of this very call; sized by the texts in it."""
    metadata = {"page": [1]}
    with fanlight.context(user_id="u1", tenant_id="acme", tags=["vip"]):
        captured.capture.feedback(judged(label="good", explanation="x" * 900, metadata=metadata, tags="web"))
        captured.capture.feedback(judged(label="good", user_id=7))
    metadata["page"].append(2)
    first, second = captured.records()
    assert (first.callback, first.run_id, first.trace_id) == ("feedback", RUN, None)
    assert first.args[0] == Feedback(name="helpful", label="good", explanation="x" * 900)
    assert first.kwargs == {"tags": ["web"], "metadata": {"page": [1]}}
    assert (first.context.user_id, first.context.tenant_id, first.context.tags) == ("u1", "acme", ("vip",))
    assert (second.context.user_id, second.context.tenant_id) == ("7", "acme")
    assert first.args[1] != second.args[1]
    assert first.size > 900


def test_what_is_off_is_not_captured(captured) -> None:
    """`suppress`, the tag, and a run that is not captured itself: nothing is noted, nothing raised."""
    with fanlight.suppress():
        captured.capture.feedback(judged(score=1))
    captured.capture.feedback(judged(score=1, tags=["fanlight:off"]))
    run_id = uuid4()

    def rate(_: Any) -> None:
        captured.capture.feedback(judged(run_id, score=1))

    RunnableLambda(rate).invoke(1, config={**captured.config, "run_id": run_id, "tags": ["fanlight:off"]})
    assert captured.records() == []


def test_a_failure_of_ours_is_counted_and_not_raised(captured) -> None:
    """Past the checks nothing reaches the application: an id that cannot be told as text costs the record."""

    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no")

    captured.capture.feedback(judged(score=1, user_id=Mute()))
    assert captured.records() == []
    assert captured.intake.counts().dropped == {"capture_failed": 1}
