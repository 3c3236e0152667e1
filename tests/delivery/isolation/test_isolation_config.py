"""
Who says where a sink runs: its own key, else its type; and what is refused before anything starts.
"""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

import pytest
from langchain_core.runnables import RunnableLambda

from fanlight import ConfigError, Router
from fanlight.delivery import spawn
from fanlight.plan import load_plan


def source(notes=None, **sink):
    if notes is not None:
        sink = {"log": str(notes.path), **sink}
    return {
        "version": 1,
        "service": "test",
        "environments": ["test"],
        "environment": "test",
        "plugins": {"modules": ["acting_sinks"]},
        "sinks": {"lake": sink},
        "routes": [{"match": {}, "to": ["lake"]}],
    }


def isolation(notes, **sink):
    (planned,) = load_plan(source(notes, **sink)).sinks
    return planned.isolation


def test_a_jsonl_sink_in_a_process_of_its_own(tmp_path, actors):
    """End to end: the same lines as on a thread, written by another process, which is gone after `close`."""
    runs = {}
    for where in ("thread", "process"):
        path = tmp_path / f"{where}.jsonl"
        with Router.from_config(source(type="jsonl", path=str(path), isolation=where)) as router:
            RunnableLambda(str.upper).invoke("x", config={"callbacks": [router.handler], "run_name": "shout"})
            assert router.flush(30)
            lane = router.health().sinks["lake"]
            assert json.loads(json.dumps(router.health().to_dict()))["sinks"]["lake"]["isolation"] == where
        events = map(json.loads, path.read_text().splitlines())
        runs[where] = [(event["type"], event["name"], event.get("outputs")) for event in events]
        assert router.health().balanced
        assert (lane.isolation, lane.child_pid is not None) == (where, where == "process")
        assert router.health().sinks["lake"].child_pid is None
    assert runs["thread"] == runs["process"]
    assert len(runs["thread"]) == 2
    with pytest.raises(ProcessLookupError):
        os.kill(lane.child_pid, 0)


def test_the_sinks_own_word_counts_before_its_types(actors, notes):
    """Without one the type's, which may depend on the settings."""
    assert isolation(notes, type="actor") == "thread"
    assert isolation(notes, type="actor", isolation="process") == "process"
    assert isolation(notes, type="alone") == "process"
    assert isolation(notes, type="alone", isolation="thread") == "thread"
    assert isolation(notes, type="choosing", patience="1s") == "thread"
    assert isolation(notes, type="choosing", patience="10s") == "process"


@pytest.mark.parametrize(
    ("sink", "sentence"),
    [
        ({"type": "console"}, "a console sink writes where this process does"),
        ({"type": "memory"}, "a memory sink keeps events for this process"),
        ({"type": "local", "log": "x"}, "its factory must be importable by name"),
        ({"type": "forgetful", "token": "s3cret"}, "its settings are not the same once they were written down"),
        ({"type": "singular", "thing": object()}, "its settings cannot be written down: PydanticSerializationError"),
    ],
)
def test_what_cannot_run_in_a_process_is_refused(actors, sink, sentence):
    """With a sentence at the sink's key, and without the settings in it."""
    with pytest.raises(ConfigError) as caught:
        load_plan(source(**sink, isolation="process"))
    (problem,) = caught.value.problems
    assert (problem.path, problem.hint) == ("sinks.lake.isolation", "write `isolation: thread`")
    assert sentence in problem.message
    assert "s3cret" not in str(problem)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("undecided", "sink type undecided chose 'fork', which is neither `thread` nor `process`"),
        ("failing", "sink type failing failed to choose one: ValueError"),
    ],
)
def test_a_type_that_chooses_nothing_there_is(actors, notes, kind, sentence):
    """Its plugin's fault is told as a problem of the sink, and can be worked around there."""
    with pytest.raises(ConfigError) as caught:
        load_plan(source(notes, type=kind))
    (problem,) = caught.value.problems
    assert problem.message == sentence
    assert isolation(notes, type=kind, isolation="process") == "process"


def test_a_plan_without_secrets_knows_as_much_as_it_can(actors, notes):
    """Settings that are not known yet cannot be held against a sink; a type that nobody can import can."""
    unknown = {"key": "${env:NOT_SET}", "isolation": "process"}
    load_plan(source(notes, type="actor", **unknown), secrets=False)
    load_plan(source(notes, type="failing", key="${env:NOT_SET}"), secrets=False)
    with pytest.raises(ConfigError, match="its factory must be importable by name"):
        load_plan(source(notes, type="local", **unknown), secrets=False)


def test_a_system_without_such_processes(actors, notes, monkeypatch):
    """Windows, and a Python that is frozen into an application, are told at the start; a thread is still possible."""
    with monkeypatch.context() as frozen:
        frozen.setattr(sys, "frozen", True, raising=False)
        with pytest.raises(ConfigError, match="no Python interpreter is known here"):
            load_plan(source(notes, type="alone"))
    monkeypatch.setattr(spawn, "os", SimpleNamespace(name="nt"))
    with pytest.raises(ConfigError, match="only on Linux and macOS"):
        load_plan(source(notes, type="alone"))
    assert isolation(notes, type="alone", isolation="thread") == "thread"


def test_an_application_server_that_embeds_python(remote, notes, monkeypatch):
    """Where `sys.executable` is the server's own program, the interpreter beside it is used."""
    monkeypatch.setattr(sys, "executable", "/usr/local/bin/uwsgi")
    remote()
    assert len(notes.pids) == 1
