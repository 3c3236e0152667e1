"""Feedback to Arize AX with the real arize SDK, against Flight and REST endpoints on the wire."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from fanlight import Batch, TelemetryEvent
from fanlight_arize import ArizeSink
from fanlight_arize.encode import root_span_id
from fanlight_arize.testing import ArizeReceiver

pytestmark = pytest.mark.server

Say = Callable[..., TelemetryEvent]


VENDORS_OWN = """
import sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from arize.otel import GRPCSpanExporter
exporter = GRPCSpanExporter(space_id=sys.argv[1], api_key=sys.argv[2], endpoint=sys.argv[3])
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
provider.get_tracer("vendor").start_span("vendor").end()
provider.shutdown()
"""


class AxHost(Protocol):
    def deliver(self, *events: TelemetryEvent, **order: Any) -> dict[str, Any]: ...


@pytest.fixture
def chat(agent_run: list[TelemetryEvent]) -> TelemetryEvent:
    return next(event for event in agent_run if event.name == "ChatOpenAI")


@pytest.fixture
def root(agent_run: list[TelemetryEvent]) -> TelemetryEvent:
    return next(event for event in agent_run if event.is_root)


def test_what_a_person_says_is_an_annotation(ax_host: AxHost, chat: TelemetryEvent, say: Say) -> None:
    """Score, label, explanation and author are at the span, under the feedback's name."""
    said = say(chat, "user feedback", score=1.0, label="up", explanation="spot on")
    answer = ax_host.deliver(said, spans=[chat.span_id])
    assert answer["fates"] == {}
    (row,) = answer["annotations"]
    assert row == {
        "context.span_id": chat.span_id,
        "annotation.user feedback.score": 1.0,
        "annotation.user feedback.label": "up",
        "annotation.user feedback.text": "spot on",
        "annotation.user feedback.updated_by": "u-7",
        "annotation.user feedback.updated_at": said.time_unix_nano // 1_000_000,
    }


@pytest.mark.parametrize("source", ["model", "code"])
def test_what_a_model_or_a_program_says_is_an_evaluation(
    source: str, ax_host: AxHost, chat: TelemetryEvent, say: Say
) -> None:
    """Score, label and explanation are at the span as an evaluation."""
    said = say(chat, "hallucination", by=None, score=0.9, label="factual", explanation="as in the docs", source=source)
    answer = ax_host.deliver(said, spans=[chat.span_id])
    assert (answer["fates"], answer["annotations"]) == ({}, [])
    (row,) = answer["evaluations"]
    assert row == {
        "context.span_id": chat.span_id,
        "eval.hallucination.score": 0.9,
        "eval.hallucination.label": "factual",
        "eval.hallucination.explanation": "as in the docs",
    }


def test_an_evaluation_of_a_trace_is_at_its_root(
    ax_host: AxHost, chat: TelemetryEvent, root: TelemetryEvent, say: Say
) -> None:
    """Arize keeps evaluations of traces at the root span, whichever run the feedback came by."""
    said = say(chat, "goal", by=None, label="reached", source="model", target="trace")
    answer = ax_host.deliver(said, spans=[root.span_id])
    assert answer["fates"] == {}
    assert answer["evaluations"] == [{"context.span_id": root.span_id, "trace_eval.goal.label": "reached"}]


def test_an_annotation_of_a_trace_goes_by_rest(
    ax_host: AxHost, chat: TelemetryEvent, root: TelemetryEvent, say: Say
) -> None:
    """What a person says about a trace is an annotation of the trace, not of one of its spans."""
    answer = ax_host.deliver(say(chat, score=0.5, target="trace"), roots=[root.span_id])
    assert (answer["fates"], answer["annotations"]) == ({}, [])
    values = [{"name": "helpful", "score": 0.5}]
    assert answer["traces"] == [{"record_id": root.span_id, "granularity": "TRACE", "values": values}]


def test_spans_and_feedback_go_together(
    ax_host: AxHost, agent_run: list[TelemetryEvent], chat: TelemetryEvent, say: Say
) -> None:
    """One batch may hold both."""
    answer = ax_host.deliver(*agent_run, say(chat, score=1.0), spans=[chat.span_id])
    assert answer["fates"] == {}
    assert sorted(answer["spans"]) == sorted(event.span_id for event in agent_run)
    assert len(answer["annotations"]) == 1


def test_no_cell_is_empty_and_no_span_is_there_twice(
    ax_host: AxHost, agent_run: list[TelemetryEvent], chat: TelemetryEvent, root: TelemetryEvent, say: Say
) -> None:
    """A call never overwrites with nothing what is there, and the later of two judgements is written later."""
    llm = next(event for event in agent_run if event.name == "ChatAnthropic")
    said = [
        say(chat, by="first", score=0.0),
        say(root, by="first", score=1.0),
        say(chat, by="second", score=1.0),
        say(chat, "tone", label="polite"),
        say(llm, "tone", label="rude"),
    ]
    answer = ax_host.deliver(*said, spans=[chat.span_id, root.span_id, llm.span_id])
    assert answer["fates"] == {}
    for rows in answer["calls"]:
        assert all(value is not None for row in rows for value in row.values())
        assert len({row["context.span_id"] for row in rows}) == len(rows)
    helpful = [row for row in answer["annotations"] if row["context.span_id"] == chat.span_id]
    authors = [row.get("annotation.helpful.updated_by") for row in helpful]
    assert [author for author in authors if author] == ["first", "second"]


def test_the_later_is_written_later_whatever_it_says(
    ax_host: AxHost, chat: TelemetryEvent, root: TelemetryEvent, say: Say
) -> None:
    """Calls are put together by what they say, but never so that an earlier judgement overwrites a later one."""
    said = [
        say(chat, by="a", score=0.0, label="down"),
        say(chat, by="b", score=1.0),
        say(root, by="c", explanation="bad"),
        say(root, by="d", score=1.0),
    ]
    answer = ax_host.deliver(*said, spans=[chat.span_id, root.span_id])
    assert answer["fates"] == {}
    authors: dict[str, list[str]] = {}
    for row in answer["annotations"]:
        authors.setdefault(row["context.span_id"], []).append(row["annotation.helpful.updated_by"])
    assert authors == {chat.span_id: ["a", "b"], root.span_id: ["c", "d"]}


def test_feedback_waits_for_its_span(ax_host: AxHost, chat: TelemetryEvent, root: TelemetryEvent, say: Say) -> None:
    """Arize names the spans it does not know: their feedback comes again, by each way; the rest is there."""
    early = [
        say(chat, event_id="annotation", score=1.0),
        say(chat, event_id="evaluation", score=1.0, source="code"),
        say(chat, event_id="trace_annotation", score=1.0, target="trace"),
        say(chat, event_id="trace_evaluation", score=1.0, source="code", target="trace"),
    ]
    answer = ax_host.deliver(*early, say(root, event_id="timely", score=1.0), spans=["ab" * 8])
    assert {event_id: fate["class"] for event_id, fate in answer["fates"].items()} == dict.fromkeys(
        ("annotation", "evaluation", "trace_annotation", "trace_evaluation", "timely"), "RetryableError"
    )
    answer = ax_host.deliver(*early, say(root, event_id="timely", score=1.0), spans=[root.span_id])
    assert {event_id: fate["class"] for event_id, fate in answer["fates"].items()} == dict.fromkeys(
        ("annotation", "evaluation", "trace_annotation"), "RetryableError"
    )
    assert [row["context.span_id"] for row in answer["annotations"]] == [root.span_id]


def test_feedback_about_nothing_is_given_up(ax_host: AxHost, chat: TelemetryEvent, say: Say) -> None:
    """When it has waited long enough it becomes a dead letter, by each way."""
    said = [
        say(chat, score=1.0),
        say(chat, "judged", score=1.0, source="model"),
        say(chat, "whole", score=1.0, target="trace"),
    ]
    answer = ax_host.deliver(*said, settings={"wait_for_span": "0s"})
    assert {fate["reason"] for fate in answer["fates"].values()} == {"unknown_span"}
    assert len(answer["fates"]) == 3


def test_a_project_without_spans_is_one_that_may_still_come(ax_host: AxHost, chat: TelemetryEvent, say: Say) -> None:
    """Arize makes a project with its first span: until then there is none by that name."""
    answer = ax_host.deliver(say(chat, score=1.0, target="trace"), known_project="another", roots=[root_span_id(chat)])
    (fate,) = answer["fates"].values()
    assert (fate["class"], fate["message"]) == ("RetryableError", "Arize knows no such project yet; it may still come")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("unavailable", {"class": "RetryableError", "open_breaker": False}),
        ("internal", {"class": "RetryableError", "open_breaker": False}),
        ("unauthenticated", {"class": "RetryableError", "open_breaker": True}),
        ("invalid", {"class": "PermanentError", "reason": "rejected"}),
    ],
)
def test_flights_answers_are_told_apart(
    fault: str, expected: dict[str, Any], ax_host: AxHost, chat: TelemetryEvent, say: Say
) -> None:
    """A busy server is tried again, a wrong key opens the breaker, a no is a no; and the key is in no message."""
    answer = ax_host.deliver(say(chat, score=1.0), spans=[chat.span_id], faults=[fault])
    (fate,) = answer["fates"].values()
    assert expected.items() <= fate.items()
    assert "ak-0123456789abcdef" not in fate["message"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, {"class": "RetryableError", "open_breaker": False}),
        (503, {"class": "RetryableError", "open_breaker": False}),
        (401, {"class": "RetryableError", "open_breaker": True}),
        (403, {"class": "RetryableError", "open_breaker": True}),
        (422, {"class": "HttpRefusedError", "reason": "rejected"}),
    ],
)
def test_the_apis_answers_are_told_apart(
    status: int, expected: dict[str, Any], ax_host: AxHost, chat: TelemetryEvent, root: TelemetryEvent, say: Say
) -> None:
    """The same by REST, by the answer's status."""
    answer = ax_host.deliver(say(chat, score=1.0, target="trace"), roots=[root.span_id], statuses=[status] * 5)
    (fate,) = answer["fates"].values()
    assert expected.items() <= fate.items()


def test_a_wrong_key_opens_the_breaker(ax_host: AxHost, chat: TelemetryEvent, say: Say) -> None:
    """The Flight server asks for the key itself."""
    settings = {"api_key": "ak-of-somebody-else"}
    answer = ax_host.deliver(say(chat, score=1.0), spans=[chat.span_id], settings=settings)
    (fate,) = answer["fates"].values()
    assert fate["open_breaker"]
    assert answer["annotations"] == []


def test_where_nobody_said_where_the_api_is_it_is_not_guessed(ax_host: AxHost, chat: TelemetryEvent, say: Say) -> None:
    """With addresses of one's own the SDK's default must not get the key: a dead letter names what is missing."""
    said = (say(chat, score=1.0), say(chat, "whole", score=1.0, target="trace"))
    answer = ax_host.deliver(*said, spans=[chat.span_id], settings={"api_endpoint": None})
    (fate,) = answer["fates"].values()
    assert (fate["reason"], "set api_endpoint" in fate["message"]) == ("no_feedback_address", True)
    assert len(answer["annotations"]) == 1


def test_a_busy_server_is_left_alone(ax_host: AxHost, chat: TelemetryEvent, root: TelemetryEvent, say: Say) -> None:
    """After the call that must come again there is no other: the later judgement is not there before the earlier."""
    said = [say(chat, event_id="1", score=0.0), say(root, by="u-8", label="x"), say(chat, event_id="2", score=1.0)]
    answer = ax_host.deliver(*said, spans=[chat.span_id, root.span_id], faults=["unavailable"])
    assert {fate["class"] for fate in answer["fates"].values()} == {"RetryableError"}
    assert (len(answer["fates"]), len(answer["calls"])) == (3, 1)


def test_variables_that_the_sdk_cannot_read_cost_feedback_alone(
    ax_host: AxHost, agent_run: list[TelemetryEvent], chat: TelemetryEvent, say: Say
) -> None:
    """An SDK that does not start here makes dead letters that say why; the spans beside them are sent once."""
    variables = {"ARIZE_STREAM_MAX_WORKERS": "many"}
    answer = ax_host.deliver(*agent_run, say(chat, score=1.0), environment=variables)
    (fate,) = answer["fates"].values()
    assert (fate["class"], fate["reason"]) == ("PermanentError", "sdk_unusable")
    assert "ARIZE_STREAM_MAX_WORKERS must be an int" in fate["message"]
    assert len(answer["spans"]) == len(agent_run)


def test_flight_servers_are_verified(
    ax_host: AxHost, chat: TelemetryEvent, say: Say, certificates: tuple[Path, Path, Path]
) -> None:
    """A certificate of an unknown authority gets no feedback and no key; with `ca_file` it does."""
    authority, *pair = map(str, certificates)
    order = {"spans": [chat.span_id], "certificate": pair}
    answer = ax_host.deliver(say(chat, score=1.0), **order)
    (fate,) = answer["fates"].values()
    assert (fate["class"], answer["calls"]) == ("RetryableError", [])
    answer = ax_host.deliver(say(chat, score=1.0), settings={"ca_file": authority}, **order)
    assert (answer["fates"], len(answer["annotations"])) == ({}, 1)


def test_a_server_that_is_not_there_is_tried_again(ax_host: AxHost, chat: TelemetryEvent, say: Say) -> None:
    """Neither way mistakes a closed port for a no."""
    settings = {"flight_endpoint": "grpc+tcp://127.0.0.1:9", "api_endpoint": "http://127.0.0.1:9"}
    said = (say(chat, score=1.0), say(chat, "whole", score=1.0, target="trace"))
    answer = ax_host.deliver(*said, settings=settings)
    assert {fate["class"] for fate in answer["fates"].values()} == {"RetryableError"}
    assert len(answer["fates"]) == 2


def test_what_arize_would_not_take_is_refused_alone(ax_host: AxHost, chat: TelemetryEvent, say: Say) -> None:
    """Odd feedback becomes a dead letter that says why; odd names are written so that Arize can take them."""
    bad = [
        say(chat, "empty"),
        say(chat, "long", label="x" * 101),
        say(chat, "mute", explanation="no score", source="model"),
    ]
    good = say(chat, "user-feedback/v2", score=1, explanation="y" * 20_000)
    answer = ax_host.deliver(*bad, good, spans=[chat.span_id])
    assert {event_id: fate["reason"] for event_id, fate in answer["fates"].items()} == {
        event.event_id: "rejected" for event in bad
    }
    (row,) = answer["annotations"]
    assert row["annotation.user_feedback_v2.score"] == 1.0
    assert len(row["annotation.user_feedback_v2.text"]) == 10_000


def test_feedback_of_the_future_is_taken(ax_host: AxHost, chat: TelemetryEvent, say: Say) -> None:
    """Clocks differ: what was said a day ahead of this machine's clock is still taken."""
    said = say(chat, score=1.0)
    ahead = said.replace(time_unix_nano=4_000_000_000_000_000_000)
    answer = ax_host.deliver(ahead, spans=[chat.span_id])
    assert answer["fates"] == {}
    assert answer["annotations"][0]["annotation.helpful.updated_at"] < 4_000_000_000_000


def test_the_sdk_leaves_the_process_alone(ax_host: AxHost, chat: TelemetryEvent, say: Say) -> None:
    """
    It prints nothing, also when it fails, and the logging that it would set up is undone; no thread is left.

    What the application itself does with the SDK is logged as ever.
    """
    answer = ax_host.deliver(say(chat, score=1.0), faults=["internal"], spans=[chat.span_id])
    assert answer["imported"]
    assert answer["printed"] == ""
    assert (answer["handlers"], answer["level"]) == ([], 0)
    assert answer["heard"] == "the application's own\n"
    assert not [name for name in answer["threads"] if "arize" in name.lower() and "receiver" not in name]


def test_arizes_own_exporter_shows_the_same(
    sdk_python: Path,
    receiver: ArizeReceiver,
    open_sink: Callable[..., ArizeSink],
    ax: dict[str, Any],
    chat: TelemetryEvent,
    make_batch: Callable[..., Batch],
) -> None:
    """What Arize AX knows a sender by is what `arize-otel` sends, header by header."""
    command = [sdk_python, "-c", VENDORS_OWN, ax["space_id"], ax["api_key"], receiver.grpc_endpoint]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    open_sink(**ax, protocol="grpc", endpoint=receiver.grpc_endpoint).deliver(make_batch(chat))
    theirs, ours = (request.headers for request in receiver.requests)
    named = [name for name in theirs if "arize" in name or "space" in name or "key" in name or name == "authorization"]
    assert len(named) == 5
    assert {name: ours[name] for name in named} == {name: theirs[name] for name in named}
