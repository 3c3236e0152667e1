"""Phoenix, the real server: spans and what was said about them, read back through its API."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from fanlight import RetryableError, TelemetryEvent
from fanlight.event import EmbeddingStatistics
from fanlight_arize import ArizeSink

pytestmark = pytest.mark.server

OpenSink = Callable[..., ArizeSink]
Fates = Callable[..., dict[str, Any]]
Eventually = Callable[[Callable[[], Any]], Any]
Say = Callable[..., TelemetryEvent]


class Server(Protocol):
    http: str
    grpc: str


class Reader:
    """Reads one project back."""

    def __init__(self, server: Server, project: str) -> None:
        self._base = f"{server.http}/v1/projects/{project}"
        self._graphql = f"{server.http}/graphql"
        self._project = project

    def spans(self) -> dict[str, dict[str, Any]]:
        return {span["context"]["span_id"]: span for span in self._data("/spans?limit=100")}

    def sessions(self) -> list[dict[str, Any]]:
        return self._data("/sessions")

    def span_annotations(self, span_id: str) -> list[dict[str, Any]]:
        return self._data(f"/span_annotations?span_ids={span_id}")

    def trace_annotations(self, trace_id: str) -> list[dict[str, Any]]:
        return self._data(f"/trace_annotations?trace_ids={trace_id}")

    def costs(self) -> dict[str, float | None]:
        """Return what Phoenix itself thinks each span cost, by span id; spans it does not price are left out."""
        fields = "spanId costSummary { total { cost } }"
        found = self._asked(fields)
        return {span["spanId"]: span["costSummary"]["total"]["cost"] for span in found if span["costSummary"]}

    def filtered(self, condition: str) -> list[str]:
        """Return the ids of the spans that a filter of Phoenix's pages leaves."""
        return [span["spanId"] for span in self._asked("spanId", filterCondition=condition)]

    def _asked(self, fields: str, **narrowed: str) -> list[dict[str, Any]]:
        arguments = "".join(f", {name}: {json.dumps(value)}" for name, value in narrowed.items())
        spans = f"spans(first: 500{arguments}) {{ edges {{ node {{ {fields} }} }} }}"
        body = json.dumps({"query": f"{{ projects {{ edges {{ node {{ name {spans} }} }} }} }}"}).encode()
        request = urllib.request.Request(self._graphql, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as response:
            projects = [edge["node"] for edge in json.load(response)["data"]["projects"]["edges"]]
        (own,) = [project for project in projects if project["name"] == self._project]
        return [edge["node"] for edge in own["spans"]["edges"]]

    def _data(self, path: str) -> Any:
        with urllib.request.urlopen(self._base + path) as response:
            return json.load(response)["data"]


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """A project of the test's own."""
    return "arize-" + request.node.name.replace("[", "-").replace("]", "")


@pytest.fixture
def reader(phoenix: Server, project: str) -> Reader:
    return Reader(phoenix, project)


@pytest.fixture
def sink(open_sink: OpenSink, phoenix: Server, project: str) -> ArizeSink:
    return open_sink(platform="phoenix", endpoint=phoenix.http, project=project)


@pytest.fixture
def there(
    sink: ArizeSink, fates: Fates, fresh_run: list[TelemetryEvent], reader: Reader, eventually: Eventually
) -> dict[str, TelemetryEvent]:
    """An agent run that Phoenix shows, by the names of its runs."""
    assert fates(sink, *fresh_run, seconds=30.0) == {}
    eventually(lambda: len(reader.spans()) == len(fresh_run))
    return {event.name: event for event in fresh_run}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_runs_arrive_as_they_were(
    protocol: str,
    open_sink: OpenSink,
    fates: Fates,
    phoenix: Server,
    project: str,
    reader: Reader,
    fresh_run: list[TelemetryEvent],
    eventually: Eventually,
) -> None:
    """Trace, parents, kinds, statuses, tokens, costs and environment in Phoenix are those of the runs."""
    priced = [event.replace(cost_usd=0.00225) if event.name == "ChatOpenAI" else event for event in fresh_run]
    sink = open_sink(platform="phoenix", protocol=protocol, endpoint=getattr(phoenix, protocol), project=project)
    assert fates(sink, *priced, seconds=30.0) == {}
    found = eventually(lambda: len(all_ := reader.spans()) == len(priced) and all_)
    for event in priced:
        span, attributes = found[event.span_id], found[event.span_id]["attributes"]
        assert (span["context"]["trace_id"], span["parent_id"]) == (event.trace_id, event.parent_span_id)
        assert span["name"] == event.name
        assert span["status_code"] == {"ok": "OK", "error": "ERROR"}.get(event.status or "", "UNSET")
        assert attributes["fanlight.run.type"] == event.run_type
        assert attributes["fanlight.status"] == event.status
        assert attributes.get("fanlight.tenant.id") == event.tenant_id
        assert attributes.get("llm.token_count.prompt") == event.input_tokens
        assert attributes.get("llm.token_count.completion") == event.output_tokens
        assert attributes.get("llm.cost.total") == attributes.get("fanlight.cost.usd") == event.cost_usd
        assert attributes["deployment.environment"] == "prod"
        assert attributes["service.version"] == "1.4.2"


def test_phoenix_prices_what_it_knows(there: dict[str, TelemetryEvent], reader: Reader, eventually: Eventually) -> None:
    """Provider, model, tokens and cached tokens are where Phoenix's own pricing looks for them."""
    chat = there["ChatOpenAI"]
    cost = eventually(lambda: reader.costs().get(chat.span_id))
    fresh, cached = (chat.input_tokens or 0) - (chat.cache_read_tokens or 0), chat.cache_read_tokens or 0
    assert cost == pytest.approx((fresh * 2.5 + cached * 1.25 + (chat.output_tokens or 0) * 10) / 1e6)


def test_the_session_has_its_trace_and_tokens(there: dict[str, TelemetryEvent], reader: Reader) -> None:
    """Phoenix groups the trace under the session, and counts each model's tokens once."""
    root = there["support-agent"]
    (session,) = [found for found in reader.sessions() if found["session_id"] == root.session_id]
    assert [trace["trace_id"] for trace in session["traces"]] == [root.trace_id]
    models = [event for event in there.values() if event.run_type == "llm"]
    assert session["token_count_prompt"] == sum(event.input_tokens or 0 for event in models)
    assert session["token_count_completion"] == sum(event.output_tokens or 0 for event in models)


@pytest.mark.parametrize(("source", "kind"), [("human", "HUMAN"), ("model", "LLM"), ("code", "CODE")])
def test_feedback_about_a_run_annotates_its_span(
    source: str,
    kind: str,
    sink: ArizeSink,
    fates: Fates,
    there: dict[str, TelemetryEvent],
    reader: Reader,
    say: Say,
) -> None:
    """Who judged, score, label, explanation, author and metadata are at the span."""
    chat = there["ChatOpenAI"]
    said = say(chat, score=0.25, label="wrong", explanation="it is order 8", source=source)
    said = said.replace(metadata={"form": "v2"})
    assert fates(sink, said) == {}
    (found,) = reader.span_annotations(chat.span_id)
    assert (found["name"], found["annotator_kind"], found["identifier"]) == ("helpful", kind, f"{source}:u-7")
    assert found["result"] == {"score": 0.25, "label": "wrong", "explanation": "it is order 8"}
    assert found["metadata"] == {"form": "v2", "user_id": "u-7", "environment": "test"}
    assert found["span_id"] == chat.span_id


def test_feedback_about_a_trace_annotates_the_trace(
    sink: ArizeSink, fates: Fates, there: dict[str, TelemetryEvent], reader: Reader, say: Say
) -> None:
    """What is said about a whole trace is at the trace, whoever said it, and at none of its spans."""
    root = there["support-agent"]
    people = say(root, score=1.0, target="trace")
    judge = say(root, "goal_reached", by=None, label="yes", source="model", target="trace")
    assert fates(sink, people, judge) == {}
    found = {annotation["name"]: annotation for annotation in reader.trace_annotations(root.trace_id)}
    assert {name: annotation["annotator_kind"] for name, annotation in found.items()} == {
        "helpful": "HUMAN",
        "goal_reached": "LLM",
    }
    assert found["helpful"]["result"]["score"] == 1.0
    assert reader.span_annotations(root.span_id) == []


def test_feedback_that_comes_again_is_there_once(
    sink: ArizeSink, fates: Fates, there: dict[str, TelemetryEvent], reader: Reader, say: Say
) -> None:
    """Delivery is at least once: the same feedback replaces itself, and stands beside that of others."""
    chat, root = there["ChatOpenAI"], there["support-agent"]
    mine, yours, whole = say(chat, score=1.0), say(chat, by="u-8", score=0.0), say(root, score=0.5, target="trace")
    judged = say(chat, by=None, score=0.3, source="model")
    for _ in range(2):
        assert fates(sink, mine, yours, whole, judged) == {}
    scores = {found["identifier"]: found["result"]["score"] for found in reader.span_annotations(chat.span_id)}
    assert scores == {"human:u-7": 1.0, "human:u-8": 0.0, "model:": 0.3}
    assert len(reader.trace_annotations(root.trace_id)) == 1


def test_who_judges_again_is_counted_once(
    sink: ArizeSink, fates: Fates, there: dict[str, TelemetryEvent], reader: Reader, say: Say
) -> None:
    """Of what one person says of one run under one name the latest counts, in one batch and over several."""
    chat = there["ChatOpenAI"]
    first, second, third = (say(chat, event_id=str(score), score=score) for score in (0.0, 0.5, 1.0))
    assert fates(sink, first, second) == {}
    assert [found["result"]["score"] for found in reader.span_annotations(chat.span_id)] == [0.5]
    assert fates(sink, third) == {}
    assert [found["result"]["score"] for found in reader.span_annotations(chat.span_id)] == [1.0]


def test_feedback_waits_for_its_span(
    sink: ArizeSink,
    fates: Fates,
    there: dict[str, TelemetryEvent],
    reader: Reader,
    say: Say,
    eventually: Eventually,
) -> None:
    """Feedback that is faster than its span comes again and then arrives; beside it what is known arrives at once."""
    chat = there["ChatOpenAI"]
    late = chat.replace(span_id="0f" * 8, event_id="late", name="late")
    early, timely = say(late, event_id="early", score=1.0), say(chat, score=0.0)
    refused = fates(sink, early, timely)
    assert {event_id: type(error) for event_id, error in refused.items()} == {"early": RetryableError}
    assert refused["early"].retry_after
    assert [found["result"]["score"] for found in reader.span_annotations(chat.span_id)] == [0.0]
    assert fates(sink, late) == {}
    eventually(lambda: late.span_id in reader.spans())
    assert fates(sink, early) == {}
    assert [found["result"]["score"] for found in reader.span_annotations(late.span_id)] == [1.0]


def test_feedback_about_nothing_is_given_up(
    open_sink: OpenSink, fates: Fates, phoenix: Server, project: str, there: dict[str, TelemetryEvent], say: Say
) -> None:
    """Feedback about a run that Phoenix never gets does not wait for ever: it becomes a dead letter."""
    sink = open_sink(platform="phoenix", endpoint=phoenix.http, project=project, wait_for_span="0s")
    lost = say(there["ChatOpenAI"].replace(span_id="0a" * 8, trace_id="0b" * 16), score=1.0)
    whole = lost.replace(event_id="whole", feedback=say(lost, score=1.0, target="trace").feedback)
    errors = fates(sink, lost, whole)
    assert {event_id: error.reason for event_id, error in errors.items()} == dict.fromkeys(
        (lost.event_id, "whole"), "unknown_span"
    )


def test_what_phoenix_refuses_costs_nothing_else(
    sink: ArizeSink, fates: Fates, there: dict[str, TelemetryEvent], reader: Reader, say: Say
) -> None:
    """A name that Phoenix keeps for itself, and feedback that says nothing, are refused alone."""
    chat = there["ChatOpenAI"]
    reserved, empty, good = say(chat, "note", score=1.0), say(chat, "empty"), say(chat, "good", score=1.0)
    errors = fates(sink, reserved, empty, good)
    assert {event_id: error.reason for event_id, error in errors.items()} == dict.fromkeys(
        (reserved.event_id, empty.event_id), "rejected"
    )
    assert [found["name"] for found in reader.span_annotations(chat.span_id)] == ["good"]


def test_embedding_statistics_can_be_filtered_by(
    sink: ArizeSink,
    fates: Fates,
    fresh_run: list[TelemetryEvent],
    reader: Reader,
    eventually: Eventually,
) -> None:
    """What can be told of an embedding call's vectors are numbers at its span, beside its model."""
    statistics = EmbeddingStatistics(count=3, dimensions=1536, norm_min=0.9, norm_mean=1.0, norm_max=1.1)
    (call,) = [event for event in fresh_run if event.run_type == "embedding"]
    assert fates(sink, call.replace(embeddings=statistics)) == {}
    span = eventually(lambda: reader.spans().get(call.span_id))
    assert span["span_kind"] == "EMBEDDING"
    assert span["attributes"]["embedding.model_name"] == "text-embedding-3-small"
    for name in ("count", "dimensions", "norm_min", "norm_mean", "norm_max", "zero_vectors", "not_finite"):
        assert span["attributes"][f"fanlight.embeddings.{name}"] == getattr(statistics, name)
    (found,) = reader.filtered("attributes['fanlight']['embeddings']['norm_max'] > 1.05")
    assert found == call.span_id
    assert reader.filtered("attributes['fanlight']['embeddings']['norm_max'] > 1.15") == []
