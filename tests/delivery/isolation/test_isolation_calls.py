"""
A sink in a process of its own is given, says and raises what it would on a thread.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import msgspec
import pytest

from fanlight.delivery.describe import describe
from fanlight.delivery.process import ProcessEndedError
from fanlight.delivery.recipe import recipe_of
from fanlight.delivery.relay import LINES, MAX_LENGTH
from fanlight.errors import DeliveryError, PartialFailure, PermanentError, RetryableError
from fanlight.event import Tool
from fanlight.sinks.base import Delivery, Seal
from fanlight.testing import make_batch, make_context, make_event, make_trace


def batch_of(*names):
    return make_batch([make_event("custom", name=name) for name in names], sink="lake")


@pytest.fixture
def here(actors, tmp_path):
    """The same sink, opened on this thread."""
    sink = actors.Actor(actors.ActorConfig(log=tmp_path / "here.jsonl"))
    sink.open(make_context("lake"))
    return sink


def raised(call, *arguments):
    with pytest.raises(BaseException) as caught:  # what a sink may raise, SystemExit too
        call(*arguments)
    return caught.value


def facts(error):
    """All of a delivery error but its type's own name."""
    kind = next(kind for kind in type(error).__mro__ if kind.__module__ == "fanlight.errors")
    fields = {key: value for key, value in vars(error).items() if key != "errors"}
    inner = {event_id: facts(one) for event_id, one in getattr(error, "errors", {}).items()}
    return kind, " ".join(str(error).split()), fields, inner


def test_a_batch_arrives_as_it_is(remote, notes):
    """Every event, its routes, size and age, and all that the lane says about the batch."""
    sink = remote()
    events = make_trace("rag")
    batch = make_batch(
        events, sink="lake", timeout=30.0, id="b-7", attempt=3, replay=True, seal=Seal(writer="w", sequence=9)
    )
    accepted_at = time.monotonic() - 100.0
    deliveries = tuple(
        msgspec.structs.replace(one, routes=("all", f"r{number}"), size=number, accepted_at=accepted_at)
        for number, one in enumerate(batch.deliveries)
    )
    sink.deliver(msgspec.structs.replace(batch, deliveries=deliveries))
    (note,) = notes("deliver")
    assert note["events"] == [msgspec.json.decode(event.to_json()) for event in events]
    assert [note[key] for key in ("id", "sink", "attempt", "replay", "seal")] == ["b-7", "lake", 3, True, ["w", 9]]
    assert 0 < note["remaining"] <= 30.0
    assert note["routes"] == [["all", f"r{number}"] for number in range(len(events))]
    assert note["sizes"] == list(range(len(events)))
    assert all(100.0 <= age < 130.0 for age in note["ages"])


def test_the_sink_is_told_what_it_would_be_told_here(remote, notes):
    """Context, working directory and PYTHONPATH are the application's; telemetry of its own is off."""
    context = make_context("lake", service_version="1.2", attributes={"team": "support", "cost": 4711})
    sink = remote(context)
    (note,) = notes("open")
    told = {field: getattr(context, field) for field in context.__struct_fields__ if field != "logger"}
    assert note["context"] == {**told, "isolation": "process"}
    assert note["logger"] == "fanlight.sinks.lake"
    assert note["directory"] == str(Path.cwd())
    assert note["python_path"] == os.environ.get("PYTHONPATH")
    assert note["disabled"] == "1"
    assert note["parent"] == os.getpid()
    assert note["pid"] == note["group"] == sink.pid != os.getpid()


def test_who_traces_the_application_does_not_trace_its_sink(remote, notes, tmp_path, monkeypatch):
    """A `sitecustomize` that is in `sys.path` and took itself out of PYTHONPATH is not run there."""
    marks = tmp_path / "marks"
    (tmp_path / "sitecustomize.py").write_text(f"open({str(marks)!r}, 'a').write('traced')")
    monkeypatch.syspath_prepend(str(tmp_path))
    remote()
    assert len(notes("open")) == 1
    assert not marks.exists()


def test_settings_survive(remote, actors, notes, tmp_path):
    """Secrets, durations, sizes, paths and what is nested arrive equal, and no secret is among the arguments."""
    written = {
        "key": "s3cret-1",
        "headers": {"authorization": "s3cret-2"},
        "patience": "1.0005ms",
        "room": "1.5KiB",
        "colours": ["red"],
        "part": {"patience": "90m", "key": "s3cret-3"},
        "parts": {"a": {"key": "s3cret-4"}},
    }
    config = actors.ActorConfig(log=notes.path, **written)
    sent = recipe_of(actors.ACTOR, config)
    again = actors.ActorConfig.model_validate(msgspec.msgpack.decode(msgspec.msgpack.encode(sent.settings)))
    assert again == config
    assert again.model_fields_set == config.model_fields_set
    assert "s3cret" not in repr(sent)
    remote(**written)
    assert "s3cret" not in str(notes("open")[0]["arguments"])


@pytest.mark.parametrize("damage", [{"name": "\ud800"}, {"inputs": 2**80}, {"inputs": object()}])
def test_an_event_that_is_none_costs_no_other(remote, notes, damage):
    """What a processor spoiled is refused for good, by its id and without its value; the others are delivered."""
    good, bad, other = make_event("custom"), make_event("custom", **damage), make_event("custom")
    deliveries = tuple(Delivery(event=event, sink="lake") for event in (good, bad, other))
    batch = msgspec.structs.replace(batch_of("any"), deliveries=deliveries)
    error = raised(remote().deliver, batch)
    assert isinstance(error, PartialFailure)
    assert [note["ids"] for note in notes("delivered")] == [[good.event_id, other.event_id]]
    assert list(error.errors) == [bad.event_id]
    assert facts(error.errors[bad.event_id]) == (
        PermanentError,
        "a field holds a value of a wrong type",
        {"reason": "wrong_type"},
        {},
    )


def test_a_field_of_a_wrong_type_is_the_sinks_to_judge(remote, here):
    """What a message can hold arrives as it is on a thread, whatever its type; all other fields keep theirs."""
    tool = Tool(name="t", arguments={"a": 1})
    odd = make_event("tool.end", name="judge", input_tokens="many", tool=tool, tags=("a",))
    first, second = (raised(sink.deliver, make_batch([odd], sink="lake")) for sink in (remote(), here))
    assert str(first) == str(second)
    assert "'many'" in str(first)
    assert "Tool(" in str(first)


def test_a_batch_of_nothing_but_such_events(remote, notes):
    """The sink is not asked for anything."""
    bad = make_event("custom", inputs=2**80)
    error = raised(remote().deliver, make_batch([bad], sink="lake"))
    assert list(error.errors) == [bad.event_id]
    assert notes("deliver") == []


def test_such_events_beside_others_that_the_sink_refuses(remote):
    """One failure names them all."""
    first, second, bad = make_event("custom", name="partial"), make_event("custom"), make_event("custom", inputs=2**80)
    error = raised(remote().deliver, make_batch([first, bad, second], sink="lake"))
    assert {event_id: getattr(one, "reason", None) for event_id, one in error.errors.items()} == {
        first.event_id: "bad_row",
        second.event_id: None,
        bad.event_id: "wrong_type",
    }
    assert error.unidentified == 1


@pytest.mark.parametrize("word", ["retryable", "busy", "permanent", "partial"])
def test_what_a_sink_raises_is_raised_here(remote, here, word):
    """Errors of fanlight arrive with all of their fields, those of single events too."""
    batch = batch_of(word, "b", "c", "d")
    assert facts(raised(remote().deliver, batch)) == facts(raised(here.deliver, batch))


@pytest.mark.parametrize("word", ["value_error", "os_error", "leave"])
def test_any_other_exception_is_retryable_and_quotes_nothing(remote, here, notes, word):
    """It is told by its type and place, as that of a sink on a thread; the sink goes on."""
    sink = remote()
    error = raised(sink.deliver, batch_of(word))
    assert type(error) is RetryableError
    assert str(error) == describe(raised(here.deliver, batch_of(word)))
    assert "somebody asked" not in str(error)
    sink.deliver(batch_of("fine"))
    assert len(notes("delivered")) == 1


@pytest.mark.parametrize(
    ("word", "ending"),
    [("die", "was ended by SIGKILL"), ("crash", "was ended by SIGSEGV"), ("exit", "ended with exit code 5")],
)
def test_a_process_that_dies_costs_its_attempt(remote, notes, word, ending, is_alive):
    """It fails at once, retryable, and says how the process ended; nothing is left of it."""
    sink = remote()
    pid = sink.pid
    error = raised(sink.deliver, batch_of(word))
    assert isinstance(error, ProcessEndedError)
    assert str(error).startswith(f"its process {ending}")
    assert (sink.lost, sink.pid) == (True, None)
    assert not is_alive(pid)
    sink.close()


@pytest.mark.parametrize("word", ["retryable", "permanent", "value_error", "exit"])
def test_a_failed_open_leaves_no_process(remote, notes, word, is_alive):
    """What `open` raises arrives, and the process is gone when it does."""
    error = raised(lambda: remote(opening=word))
    assert isinstance(error, DeliveryError)
    (pid,) = notes.pids
    assert not is_alive(pid)


def test_what_cannot_be_imported_there_is_permanent(remote, actors, monkeypatch):
    """A module that only this process can find makes a sink that can never work, and the error names it."""
    monkeypatch.setattr("sys.path", [entry for entry in sys.path if "importable" not in entry])
    error = raised(remote)
    assert isinstance(error, PermanentError)
    assert str(error) == "acting_sinks cannot be imported in the sink's process: ModuleNotFoundError"


def test_printing_is_harmless(remote, notes):
    """What an SDK writes to standard output and error goes nowhere, and never between the messages."""
    sink = remote()
    sink.deliver(batch_of("print"))
    sink.deliver(batch_of("print"))
    assert len(notes("delivered")) == 2


def test_an_sdk_that_writes_between_the_messages(remote, notes, is_alive):
    """What is no message costs the attempt and the process, and nothing of it is taken for an answer."""
    sink = remote()
    error = raised(sink.deliver, batch_of("scribble"))
    assert isinstance(error, ProcessEndedError)
    assert str(error) == "its process wrote something else than an answer, and was killed"
    assert sink.lost
    assert not is_alive(notes.pids[0])


def test_text_that_is_no_utf_8(remote, quiet):
    """A path from a file system that knows no UTF-8 arrives with a question mark in it."""
    quiet.set_level(logging.INFO, "fanlight.sinks.lake")
    error = raised(remote().deliver, batch_of("surrogate"))
    assert (str(error), error.reason) == ("no such file: ?", "?")
    assert quiet.messages == ["the file ?"]


def test_close_closes_the_sink_and_ends_the_process(remote, notes, is_alive):
    """The sink's own close is done and the process is gone when `close` returns; once is enough."""
    sink = remote()
    pid = sink.pid
    sink.close()
    assert len(notes("closed")) == 1
    assert not is_alive(pid)
    sink.close()
    assert len(notes("closed")) == 1


def test_a_failing_close_ends_the_process_too(remote, notes, is_alive):
    """What the sink raises in its close is raised here, afterwards."""
    sink = remote(closing="value_error")
    pid = sink.pid
    assert "ValueError" in str(raised(sink.close))
    assert not is_alive(pid)


def test_log_lines_arrive_here(remote, quiet):
    """As text, under the sink's own logger and level, an exception by its type and place."""
    quiet.set_level(logging.INFO, "fanlight.sinks.lake")
    remote().deliver(batch_of("log"))
    assert [(line.name, line.levelname) for line in quiet.records] == [
        ("fanlight.sinks.lake", "WARNING"),
        ("fanlight.sinks.lake", "ERROR"),
    ]
    first, second = quiet.messages
    assert first == "3 of something"
    assert second.startswith("it failed (ValueError: at acting_sinks:")


def test_a_log_filter_that_fails_costs_a_line(remote, notes):
    """The application's own filter; the batch behind the line is answered, and so is the next one."""

    def fail(record):
        raise ValueError

    logger = logging.getLogger("fanlight.sinks.lake")
    logger.addFilter(fail)
    try:
        sink = remote()
        sink.deliver(batch_of("log"))
        with pytest.raises(RetryableError, match="busy"):
            sink.deliver(batch_of("busy"))
    finally:
        logger.removeFilter(fail)


def test_log_lines_are_bounded(remote, actors, quiet):
    """A sink that logs in a loop gives so many lines a minute and no more, none of them endless."""
    remote().deliver(batch_of("log_much"))
    assert len(quiet.messages) == LINES
    assert max(map(len, quiet.messages)) <= MAX_LENGTH
    assert actors.MANY > LINES
