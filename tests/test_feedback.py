"""Feedback from the call to the sinks: bounds, routes, restrictions, secrets, and processes that never saw the run."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.runnables import RunnableLambda

import fanlight
from fanlight import TelemetryEvent, testing
from fanlight.testing import Captured
from fanlight.tracecontext import span_id_of

EU = {"name": "eu stays", "match": {"tenant_id": "eu-*"}, "only": ["label:region=eu"]}


def config(*routes: dict[str, Any], **sinks: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 1,
        "service": "test",
        "environments": ["test"],
        "environment": "test",
        "sinks": sinks or {"kept": {"type": "memory"}},
        "routes": list(routes) or [{"match": {}, "to": list(sinks) or ["kept"]}],
    }


def feedback_at(captured: Captured, sink: str) -> list[TelemetryEvent]:
    return [event for event in captured.sinks[sink].events if event.type == "feedback"]


@pytest.fixture
def captured() -> Iterator[Captured]:
    with testing.capture(config()) as running:
        yield running


def test_a_run_is_rated_after_it_ended(captured: Captured) -> None:
    """The event stands beside the run's, in its trace, and is counted like any other."""
    run_id = uuid4()
    RunnableLambda(str).invoke(1, config={"run_id": run_id})
    captured.router.feedback(run_id, "helpful", score=1.0)
    (event,) = feedback_at(captured, "kept")
    root = captured.sinks["kept"].runs[0]
    assert (event.run_id, event.trace_id, event.span_id) == (root.run_id, root.trace_id, root.span_id)
    counts = captured.router.health().intake
    assert (counts.captured, counts.routed) == (3, 3)
    assert captured.router.health().balanced


def test_mistakes_are_said_and_nothing_is_captured(captured: Captured) -> None:
    """What the program got wrong is a ValueError or a TypeError at the call."""
    for said in ({"score": 1.0}, {"run_id": uuid4(), "name": "helpful"}, {"run_id": "x", "name": "n", "score": 1}):
        with pytest.raises(ValueError, match=r"feedback|UUID"):
            captured.router.feedback(**said)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="score is a number"):
        captured.router.feedback(uuid4(), "helpful", score="high")  # type: ignore[arg-type]
    assert captured.router.health().intake.captured == 0


def test_restrictions_beat_it() -> None:
    """A trace that is closed here stays closed; of a run that nobody knows the call itself must say whose it is."""
    needed = {"match": {}, "require": ["tenant_id"], "otherwise": {"only": ["home"]}}
    send = {"match": {}, "to": ["home", "away"]}
    home, away = {"type": "memory", "labels": {"region": "eu"}}, {"type": "memory", "labels": {"region": "us"}}
    with testing.capture(config(send, EU, needed, home=home, away=away)) as captured:
        run_id = uuid4()
        with fanlight.context(tenant_id="eu-7"):
            RunnableLambda(str).invoke(1, config={"run_id": run_id})
        captured.router.feedback(run_id, "known and closed", score=1)
        captured.router.feedback(uuid4(), "nobody said whose", score=1)
        with fanlight.context(tenant_id="us-1"):
            captured.router.feedback(uuid4(), "said outright", score=1)
        assert [event.name for event in feedback_at(captured, "home")] == [
            "known and closed",
            "nobody said whose",
            "said outright",
        ]
        assert [event.name for event in feedback_at(captured, "away")] == ["said outright"]


def test_it_follows_its_run_to_the_sinks_of_a_subtree() -> None:
    """A tag on an inner chain sent that chain to one sink: what is said of it goes there, and of its root elsewhere."""
    with testing.capture(
        config({"match": {"tags": ["vip"]}, "to": ["chosen"]}, chosen={"type": "memory"}, rest={"type": "memory"})
        | {"unmatched": ["rest"]}
    ) as captured:
        root, inner = uuid4(), uuid4()
        chosen = RunnableLambda(str).with_config(tags=["vip"])
        RunnableLambda(lambda value: chosen.invoke(value, config={"run_id": inner})).invoke(1, config={"run_id": root})
        captured.router.feedback(inner, "inner", score=1)
        captured.router.feedback(root, "outer", score=1)
        assert [event.name for event in feedback_at(captured, "chosen")] == ["inner"]
        assert [event.name for event in feedback_at(captured, "rest")] == ["outer"]


def test_secrets_are_masked_wherever_they_stand(captured: Captured) -> None:
    """Explanation, label, name, metadata and tags pass the floor like prompts do."""
    key = "sk-proj-" + "a1B2c3D4e5F6g7H8" * 3
    captured.router.feedback(
        uuid4(), f"n {key}", label=key, explanation=f"it answered {key}", metadata={"seen": [key]}, tags=[key]
    )
    (event,) = feedback_at(captured, "kept")
    assert key.encode() not in event.to_json()
    assert event.feedback is not None
    assert str(event.feedback.explanation).startswith("it answered [redacted:")
    assert {entry.field for entry in event.redacted} >= {"feedback", "metadata", "tags", "name"}


def test_without_content_the_explanation_stays_home() -> None:
    """`content: metadata` leaves score, label and source; prose is content."""
    with testing.capture(config(bare={"type": "memory", "content": "metadata"})) as captured:
        captured.router.feedback(uuid4(), "helpful", score=0.5, label="good", explanation="I live in Berlin")
        (event,) = feedback_at(captured, "bare")
    assert event.feedback is not None
    assert (event.feedback.score, event.feedback.label, event.feedback.explanation) == (0.5, "good", None)
    assert b"Berlin" not in event.to_json()


def test_it_is_a_line_in_a_file_and_on_the_console(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sinks of the core show it: whole as JSON, short on a screen."""
    path, run_id = tmp_path / "events.jsonl", uuid4()
    sinks = {"file": {"type": "jsonl", "path": str(path)}, "screen": {"type": "console", "stream": "stdout"}}
    with fanlight.Router.from_config(config(**sinks)) as router:
        router.feedback(run_id, "helpful", score=0.75, label="good\n", explanation="private", source="model")
        assert router.flush(timeout=20)
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["feedback"] == {
        "name": "helpful",
        "score": 0.75,
        "label": "good\n",
        "explanation": "private",
        "source": "model",
    }
    assert capsys.readouterr().out == f"feedback  helpful  0.75  good  by model  trace {run_id.hex}\n"


_OTHER_PROCESS = """
import sys
import fanlight

with fanlight.Router.from_config(sys.argv[1]) as router:
    with fanlight.context(tenant_id="acme"):
        router.feedback(sys.argv[2], "helpful", score=1.0)
        router.feedback(trace_id=sys.argv[3], name="grounded", label="no", source="code")
    assert router.flush(timeout=20)
    assert router.health().balanced
"""


def test_another_process_rates_a_run_that_it_never_saw(tmp_path: Path) -> None:
    """The ids that reach a job or a web handler are enough: its events name the very span and trace of the run."""
    path = tmp_path / "events.jsonl"
    settings = tmp_path / "fanlight.yaml"
    settings.write_text(json.dumps(config(file={"type": "jsonl", "path": str(path)})))
    run_id = uuid4()
    with fanlight.Router.from_config(str(settings)) as router, fanlight.context() as c:
        RunnableLambda(str).invoke(1, config={"run_id": run_id, "callbacks": [router.handler]})
        assert router.flush(timeout=20)
    subprocess.run(
        [sys.executable, "-c", _OTHER_PROCESS, str(settings), str(run_id), c.trace_id],
        check=True,
        timeout=120,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    events = [TelemetryEvent.from_json(line) for line in path.read_bytes().splitlines()]
    root = next(event for event in events if event.type == "chain.end")
    rated = [event for event in events if event.type == "feedback"]
    assert [event.name for event in rated] == ["helpful", "grounded"]
    assert {(event.trace_id, event.span_id, event.tenant_id) for event in rated} == {
        (root.trace_id, span_id_of(run_id), "acme")
    }


def test_a_router_that_is_full_or_gone_counts_it() -> None:
    """Nothing is raised for what cannot be taken, and nothing lost in silence."""
    tight = config() | {"capture": {"intake": {"max_bytes": "1KiB"}}}
    with fanlight.Router.from_config(tight) as router:
        router.feedback(uuid4(), "helpful", explanation="x" * 5000)
        assert router.health().intake.dropped == {"intake_full": 1}
    router.feedback(uuid4(), "helpful", score=1)
    assert router.health().intake.dropped == {"intake_full": 1, "after_close": 1}
    disabled = fanlight.Router.disabled("for a test")
    disabled.feedback(uuid4(), "helpful", score=1)
    assert disabled.health().balanced


def test_the_installed_router_takes_it(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """`fanlight.feedback` finds the router; without one it warns once, checks the call, and raises nothing else."""
    monkeypatch.setattr("fanlight.installation._complained", [])
    fanlight.install(config())
    try:
        fanlight.feedback(uuid4(), "helpful", score=1)
        router = fanlight.installed()
        assert router is not None
        assert router.flush(timeout=20)
        assert router.health().intake.routed == 1
    finally:
        fanlight.uninstall()
    with caplog.at_level(logging.WARNING, logger="fanlight"):
        fanlight.feedback(uuid4(), "helpful", score=1)
        fanlight.feedback(uuid4(), "helpful", score=1)
        with pytest.raises(ValueError, match="says nothing"):
            fanlight.feedback(uuid4(), "helpful")
    assert [record.getMessage() for record in caplog.records] == [
        "feedback is not noted: no router is installed, call fanlight.install() first"
    ]
