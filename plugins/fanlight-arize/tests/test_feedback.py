"""How feedback goes, as far as it needs neither a Phoenix nor the arize SDK."""

import json
import math
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.runnables import RunnableLambda

from fanlight import DeliveryError, PermanentError, RetryableError, Router, TelemetryEvent
from fanlight.event import Feedback
from fanlight.testing.clock import eventually
from fanlight_arize import ArizeSink
from fanlight_arize.encode import ax_row, phoenix_annotation, root_span_id
from fanlight_arize.patience import Patience, SpanUnknownError
from fanlight_arize.testing import ArizeReceiver

OpenSink = Callable[..., ArizeSink]
Fates = Callable[..., dict[str, DeliveryError]]
Say = Callable[..., TelemetryEvent]
NOW_MS = 1_800_000_000_000


class Answering(ThreadingHTTPServer):
    """Answers each POST with the next of `answers`, 200 where there is none, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], str]] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Answering

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.endswith("/v1/traces"):
            status, headers, said = 200, {}, ""
        else:
            document = json.loads(body)
            sent = {name.lower(): value for name, value in self.headers.items()}
            self.server.requests.append((self.path, sent, document))
            status, headers, said = self.server.answers.pop(0) if self.server.answers else (200, {}, "{}")
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(said))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Answering]:
    with Answering() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def phoenix_sink(open_sink: OpenSink, api: Answering) -> ArizeSink:
    headers = {"x-proxy": "p4ssw0rd"}
    return open_sink(platform="phoenix", project="bot", endpoint=api.url, api_key="px-0123456789", headers=headers)


@pytest.fixture
def chat(agent_run: list[TelemetryEvent]) -> TelemetryEvent:
    return next(event for event in agent_run if event.name == "ChatOpenAI")


def test_without_the_sdk_feedback_says_what_to_install(
    open_sink: OpenSink,
    receiver: ArizeReceiver,
    ax: dict[str, Any],
    agent_run: list[TelemetryEvent],
    chat: TelemetryEvent,
    say: Say,
    fates: Fates,
) -> None:
    """Feedback to Arize AX becomes a dead letter with the command that helps; the spans beside it arrive."""
    sink = open_sink(**ax, endpoint=receiver.http_endpoint, flight_endpoint="flight.acme.example:443")
    said = say(chat, score=1.0)
    (error,) = fates(sink, *agent_run, said).values()
    assert isinstance(error, PermanentError)
    assert error.reason == "sdk_missing"
    assert "pip install 'fanlight-arize[sdk]'" in str(error)
    assert len(receiver.spans) == len(agent_run)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"platform": "phoenix", "protocol": "grpc", "endpoint": "http://phoenix:4317"}, "api_endpoint"),
        ({"space_id": "s", "api_key": "ak-1234", "endpoint": "https://arize.acme.example"}, "flight_endpoint"),
    ],
)
def test_where_nobody_said_where_feedback_goes_it_is_not_guessed(
    settings: dict[str, str], key: str, open_sink: OpenSink, chat: TelemetryEvent, say: Say, fates: Fates
) -> None:
    """A dead letter names the key that is missing."""
    (error,) = fates(open_sink(project="bot", **settings), say(chat, score=1.0)).values()
    assert isinstance(error, PermanentError)
    assert (error.reason, f"set {key}" in str(error)) == ("no_feedback_address", True)


def test_phoenix_is_asked_to_store_before_it_answers(
    phoenix_sink: ArizeSink, api: Answering, chat: TelemetryEvent, say: Say, fates: Fates
) -> None:
    """Spans and traces have a path each, with the key and the configured headers; the answer waits for the store."""
    assert fates(phoenix_sink, say(chat, score=1.0), say(chat, "whole", score=1.0, target="trace")) == {}
    assert [path for path, _, _ in api.requests] == [
        "/v1/span_annotations?sync=true",
        "/v1/trace_annotations?sync=true",
    ]
    for _, headers, _ in api.requests:
        assert headers["authorization"] == "Bearer px-0123456789"
        assert headers["x-proxy"] == "p4ssw0rd"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((429, {"retry-after": "7"}, ""), {"retry_after": 7.0, "open_breaker": False}),
        ((503, {}, "busy"), {"open_breaker": False}),
        ((401, {}, "Invalid token px-0123456789 of p4ssw0rd"), {"open_breaker": True}),
        ((403, {}, ""), {"open_breaker": True}),
        ((404, {}, ""), {"retry_after": 1.0, "open_breaker": False}),
        ((422, {}, ""), {"reason": "rejected"}),
        ((413, {}, ""), {"reason": "too_large"}),
        ((307, {"location": "http://elsewhere"}, ""), {"reason": "rejected"}),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_phoenixs_answers_are_told_apart(
    answer: tuple[int, dict[str, str], str],
    expected: dict[str, Any],
    phoenix_sink: ArizeSink,
    api: Answering,
    chat: TelemetryEvent,
    say: Say,
    fates: Fates,
) -> None:
    """Busy comes again, a wrong key opens the breaker, a no is a no; no credential is in what is said of it."""
    api.answers.append(answer)
    (error,) = fates(phoenix_sink, say(chat, score=1.0)).values()
    assert isinstance(error, PermanentError if "reason" in expected else RetryableError)
    assert {name: getattr(error, name) for name in expected} == expected
    assert "px-0123456789" not in str(error)
    assert "p4ssw0rd" not in str(error)


def test_one_that_is_refused_costs_only_itself(
    phoenix_sink: ArizeSink, api: Answering, chat: TelemetryEvent, say: Say, fates: Fates
) -> None:
    """What Phoenix refuses whole is sent one by one."""
    first, second, third = (say(chat, name, score=1.0) for name in ("a", "b", "c"))
    api.answers += [(422, {}, ""), (200, {}, "{}"), (422, {}, ""), (200, {}, "{}")]
    assert list(fates(phoenix_sink, first, second, third)) == [second.event_id]
    assert [len(document["data"]) for _, _, document in api.requests] == [3, 1, 1, 1]


def test_a_wrong_key_is_not_tried_for_each(
    phoenix_sink: ArizeSink, api: Answering, chat: TelemetryEvent, say: Say, fates: Fates
) -> None:
    """What befalls all alike is not asked again one by one."""
    api.answers += [(401, {}, "")] * 9
    assert len(fates(phoenix_sink, *(say(chat, name, score=1.0) for name in "abc"))) == 3
    assert len(api.requests) == 1


def test_a_server_that_becomes_busy_is_left_alone(
    phoenix_sink: ArizeSink, api: Answering, chat: TelemetryEvent, say: Say, fates: Fates
) -> None:
    """Also one by one: what comes after the one that must come again is not sent before it."""
    said = [say(chat, name, score=1.0) for name in ("a", "b", "c", "d")]
    api.answers += [(422, {}, ""), (200, {}, "{}"), (429, {"retry-after": "7"}, "")]
    errors = fates(phoenix_sink, *said)
    assert list(errors) == [event.event_id for event in said[1:]]
    assert {getattr(error, "retry_after", None) for error in errors.values()} == {7.0}
    assert [len(document["data"]) for _, _, document in api.requests] == [4, 1, 1]


def test_a_second_thought_waits_for_the_first(
    phoenix_sink: ArizeSink,
    api: Answering,
    chat: TelemetryEvent,
    agent_run: list[TelemetryEvent],
    say: Say,
    fates: Fates,
) -> None:
    """A span that becomes known between two judgements of it does not get the later one first; others are not held."""
    first, second = say(chat, event_id="1", score=0.0), say(chat, event_id="2", score=1.0)
    other = say(next(event for event in agent_run if event.is_root), score=1.0)
    api.answers += [(404, {}, ""), (404, {}, "")]
    errors = fates(phoenix_sink, first, second, other)
    assert {event_id: type(error) for event_id, error in errors.items()} == dict.fromkeys("12", RetryableError)
    assert [len(document["data"]) for _, _, document in api.requests] == [3, 1, 1]
    assert api.requests[-1][2]["data"][0]["span_id"] == other.span_id
    assert fates(phoenix_sink, first, second) == {}
    assert [each["result"]["score"] for each in api.requests[-1][2]["data"]] == [0.0, 1.0]


def test_one_that_cannot_be_encoded_costs_only_itself(
    phoenix_sink: ArizeSink, api: Answering, chat: TelemetryEvent, say: Say, fates: Fates
) -> None:
    """It is a dead letter before anything is sent, and the spans beside it are not sent again because of it."""
    broken = say(chat, "broken", score=1.0).replace(metadata={"far": math.inf})
    (error,) = fates(phoenix_sink, broken, say(chat, score=1.0)).values()
    assert isinstance(error, PermanentError)
    assert error.reason == "encode_failed"
    assert [len(document["data"]) for _, _, document in api.requests] == [1]


def test_no_time_left_is_no_request(
    phoenix_sink: ArizeSink, api: Answering, chat: TelemetryEvent, say: Say, fates: Fates
) -> None:
    """After the deadline feedback waits for the next attempt."""
    (error,) = fates(phoenix_sink, say(chat, score=1.0), seconds=-1.0).values()
    assert isinstance(error, RetryableError)
    assert api.requests == []


def test_feedback_of_a_failed_span_request_waits_with_it(
    open_sink: OpenSink, api: Answering, chat: TelemetryEvent, say: Say, fates: Fates
) -> None:
    """While spans cannot be sent, feedback about them is not sent either: Phoenix would not know what it is about."""
    sink = open_sink(platform="phoenix", project="bot", endpoint="http://127.0.0.1:9", api_endpoint=api.url)
    with pytest.raises(RetryableError):
        fates(sink, chat, say(chat, score=1.0))
    assert api.requests == []


@pytest.mark.long
@pytest.mark.usefixtures("installed")
def test_feedback_about_nothing_costs_no_span_at_exit(api: Answering) -> None:
    """What waits for a span that never comes has waited before the router's end: the spans behind it are sent."""
    api.answers += [(404, {}, "")] * 99
    settings = {
        "version": 1,
        "service": "bot",
        "environments": ["test"],
        "environment": "test",
        "sinks": {"phoenix": {"type": "arize", "platform": "phoenix", "project": "bot", "endpoint": api.url}},
        "routes": [{"match": {}, "to": ["phoenix"]}],
    }
    with Router.from_config(settings) as router:
        router.feedback(uuid4(), "helpful", score=1.0)
        eventually(lambda: api.requests)
        RunnableLambda(str).invoke(1, config={"callbacks": [router.handler]})
    counts = router.health().sinks["phoenix"].counts
    assert (counts.delivered, counts.dead_letter_reasons, counts.dropped) == (1, {"unknown_span": 1}, {})


class TestPatience:
    """How long feedback waits for its span."""

    def test_it_ends(self) -> None:
        """The pauses grow, fit into the time that is left, and end in the platform's own no."""
        clock = iter([100.0, 101.0, 103.0, 107.0, 110.0])
        patience = Patience(10.0, lambda: next(clock))
        unknown = SpanUnknownError("no such span")
        fates_ = [patience.judge(["e"], {"e": unknown})["e"] for _ in range(5)]
        assert [getattr(fate, "retry_after", None) for fate in fates_] == [1.0, 1.0, 3.0, 3.0, None]
        assert fates_[-1] is unknown
        assert unknown.reason == "unknown_span"

    def test_each_feedback_has_its_own(self) -> None:
        """What was taken or refused is forgotten: the same feedback, replayed later, waits anew."""
        now = 0.0
        patience = Patience(10.0, lambda: now)
        unknown = {"a": SpanUnknownError("no such span")}
        assert isinstance(patience.judge(["a", "b"], unknown)["a"], RetryableError)
        assert patience.judge(["a"], {}) == {}
        now = 20.0
        assert isinstance(patience.judge(["a"], unknown)["a"], RetryableError)

    def test_an_outage_between_does_not_restart_it(self) -> None:
        """A server that is busy meanwhile does not make feedback wait twice."""
        now = 0.0
        patience = Patience(10.0, lambda: now)
        unknown = {"a": SpanUnknownError("no such span")}
        patience.judge(["a"], unknown)
        patience.judge(["a"], {"a": RetryableError("busy")})
        now = 11.0
        assert isinstance(patience.judge(["a"], unknown)["a"], SpanUnknownError)

    def test_what_it_remembers_is_bounded(self) -> None:
        """Feedback whose retries never come, because the lane gave it up, is not remembered for ever."""
        patience = Patience(10.0)
        for number in range(10_100):
            patience.judge([str(number)], {str(number): SpanUnknownError("no such span")})
        assert len(patience._since) == 10_000


class TestWords:
    """Feedback in Arize's words."""

    def test_the_roots_span_is_found(self, agent_run: list[TelemetryEvent], chat: TelemetryEvent) -> None:
        """The root's span id follows from any event of its trace."""
        (root,) = [event for event in agent_run if event.is_root]
        assert root_span_id(chat) == root.span_id

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"score": math.nan},
            {"score": math.inf},
        ],
    )
    def test_what_says_nothing_is_refused(self, said: dict[str, Any], chat: TelemetryEvent, say: Say) -> None:
        """Feedback without score, label and explanation, or with a score that is no number, is no feedback."""
        with pytest.raises(PermanentError):
            phoenix_annotation(say(chat, **said))

    def test_an_event_without_feedback_is_refused(self, chat: TelemetryEvent, say: Say) -> None:
        """A feedback event always carries feedback; one that does not is a dead letter, not a crash."""
        with pytest.raises(PermanentError) as error:
            phoenix_annotation(say(chat).replace(feedback=None))
        assert error.value.reason == "unsupported"

    @pytest.mark.parametrize(
        ("feedback", "way", "columns"),
        [
            (
                Feedback(name="helpful", score=1.0),
                "annotation",
                {"annotation.helpful.score", "annotation.helpful.updated_by", "annotation.helpful.updated_at"},
            ),
            (
                Feedback(name="a/b", label="x", source="model"),
                "evaluation",
                {"eval.a_b.label"},
            ),
            (
                Feedback(name="goal", score=0.5, explanation="why", source="code", target="trace"),
                "evaluation",
                {"trace_eval.goal.score", "trace_eval.goal.explanation"},
            ),
            (Feedback(name="goal", label="x", target="trace"), "trace_annotation", {"name", "label"}),
        ],
    )
    def test_each_goes_its_way(
        self, feedback: Feedback, way: str, columns: set[str], chat: TelemetryEvent, say: Say
    ) -> None:
        """People annotate, models and programs evaluate; only what was said has a column."""
        found, row = ax_row(say(chat).replace(feedback=feedback), now_ms=NOW_MS)
        assert found == way
        assert row.keys() - {"context.span_id"} == columns

    def test_nobody_is_named_where_nobody_is_known(self, chat: TelemetryEvent, say: Say) -> None:
        """Arize wants an author."""
        _, row = ax_row(say(chat, by=None, score=1.0), now_ms=NOW_MS)
        assert row["annotation.helpful.updated_by"] == "fanlight"


def test_a_certificate_file_that_is_none_is_refused_at_once(open_sink: OpenSink, tmp_path: Path) -> None:
    """A sink whose certificate files cannot be used never opens, and says so; whichever way needs them."""
    empty = tmp_path / "ca.pem"
    empty.write_text("")
    for protocol in ("http", "grpc"):
        with pytest.raises(PermanentError, match="certificate files"):
            open_sink(platform="phoenix", project="bot", protocol=protocol, ca_file=empty)
