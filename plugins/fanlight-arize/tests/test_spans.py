"""What Arize AX is sent, over HTTP and gRPC, and what its answers mean."""

from collections.abc import Callable
from typing import Any

import pytest

from fanlight import Batch, DeliveryError, PartialFailure, PermanentError, RetryableError, TelemetryEvent, testing
from fanlight_arize import ArizeSink
from fanlight_arize.testing import ArizeReceiver, Fault

OpenSink = Callable[..., ArizeSink]


@pytest.fixture(params=["http", "grpc"])
def sink(request: pytest.FixtureRequest, open_sink: OpenSink, receiver: ArizeReceiver, ax: dict[str, Any]) -> ArizeSink:
    """A sink that sends to the receiver by one of the two protocols."""
    endpoint = receiver.http_endpoint if request.param == "http" else receiver.grpc_endpoint
    return open_sink(**ax, protocol=request.param, endpoint=endpoint)


def test_a_tree_arrives(
    sink: ArizeSink, receiver: ArizeReceiver, agent_run: list[TelemetryEvent], make_batch: Callable[..., Batch]
) -> None:
    """Ids, parents, names, statuses, tokens, costs and sessions are those of the runs."""
    priced = [event.replace(cost_usd=0.00225) if event.name == "ChatOpenAI" else event for event in agent_run]
    sink.deliver(make_batch(*priced))
    found = {span.span_id: span for span in receiver.spans}
    for event in priced:
        span = found[event.span_id]
        assert (span.trace_id, span.parent_span_id, span.name) == (event.trace_id, event.parent_span_id, event.name)
        assert span.attributes["fanlight.status"] == event.status
        assert span.attributes["fanlight.run.type"] == event.run_type
        assert span.attributes.get("llm.token_count.prompt") == event.input_tokens
        assert span.attributes.get("llm.token_count.completion") == event.output_tokens
        assert span.attributes.get("llm.cost.total") == event.cost_usd
        assert span.attributes.get("session.id") == event.session_id


def test_arize_is_told_whose_it_is(
    sink: ArizeSink, receiver: ArizeReceiver, agent_run: list[TelemetryEvent], make_batch: Callable[..., Batch]
) -> None:
    """Space, key, project, version and environment are where Arize looks for them, by their new and old names."""
    sink.deliver(make_batch(*agent_run))
    headers, span = receiver.requests[0].headers, receiver.spans[0]
    assert headers["authorization"] == headers["api_key"] == "ak-0123456789abcdef"
    assert headers["arize-space-id"] == headers["space_id"] == "U3BhY2U6MTpzZWNy"
    assert headers["arize-interface"] == "otel"
    assert receiver.projects() == {"support-bot"}
    assert (span.resource["model_id"], span.resource["model_version"]) == ("support-bot", "1.4.2")
    assert span.attributes["deployment.environment"] == "prod"
    assert (span.attributes["service.name"], span.attributes["service.version"]) == ("support-bot", "1.4.2")
    assert not [name for name in span.attributes if name.startswith("gen_ai.")]


@pytest.mark.parametrize("wrong", [{"api_key": "ak-wrong"}, {"space_id": "wrong"}])
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_stranger_opens_the_breaker(
    wrong: dict[str, str],
    protocol: str,
    open_sink: OpenSink,
    receiver: ArizeReceiver,
    ax: dict[str, Any],
    agent_run: list[TelemetryEvent],
    make_batch: Callable[..., Batch],
) -> None:
    """With a wrong key or space the events wait until somebody acts, and nobody is shown the key."""
    endpoint = receiver.http_endpoint if protocol == "http" else receiver.grpc_endpoint
    sink = open_sink(**(ax | wrong), protocol=protocol, endpoint=endpoint)
    with pytest.raises(RetryableError) as error:
        sink.deliver(make_batch(*agent_run))
    assert error.value.open_breaker
    assert "unknown api key or space" in str(error.value)
    assert receiver.spans == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(status=503, code="UNAVAILABLE"), RetryableError),
        (Fault(status=429, code="DEADLINE_EXCEEDED"), RetryableError),
        (Fault(status=400, code="INVALID_ARGUMENT"), PermanentError),
        (Fault(status=413, code="RESOURCE_EXHAUSTED"), PermanentError),
        (Fault(rejected=2, message="two are too old"), PartialFailure),
    ],
)
def test_answers_are_told_apart(
    sink: ArizeSink,
    receiver: ArizeReceiver,
    fault: Fault,
    expected: type[DeliveryError],
    agent_run: list[TelemetryEvent],
    make_batch: Callable[..., Batch],
) -> None:
    """A busy Arize is tried again, a no is a no, and what it rejects of a batch is counted."""
    receiver.faults.append(fault)
    with pytest.raises(expected) as error:
        sink.deliver(make_batch(*agent_run))
    assert not getattr(error.value, "open_breaker", False)
    if isinstance(error.value, PartialFailure):
        assert (error.value.unidentified, str(error.value)) == (2, "two are too old")


def test_the_key_is_cut_out_of_what_is_said(
    sink: ArizeSink, receiver: ArizeReceiver, agent_run: list[TelemetryEvent], make_batch: Callable[..., Batch]
) -> None:
    """A receiver that quotes the key does not bring it into the logs."""
    receiver.faults.append(Fault(status=400, code="INVALID_ARGUMENT", body="bad key ak-0123456789abcdef"))
    with pytest.raises(PermanentError) as error:
        sink.deliver(make_batch(*agent_run))
    assert "bad key" in str(error.value)
    assert "ak-0123456789abcdef" not in str(error.value)


def test_audit_and_alert_events_are_no_spans(
    sink: ArizeSink, receiver: ArizeReceiver, agent_run: list[TelemetryEvent], fates: Callable[..., Any]
) -> None:
    """What Arize has no place for is refused by itself; the spans beside it arrive."""
    audit = testing.make_event("audit")
    errors = fates(sink, *agent_run, audit)
    assert {event_id: error.reason for event_id, error in errors.items()} == {audit.event_id: "unsupported"}
    assert len(receiver.spans) == len(agent_run)


def test_no_time_left_is_no_attempt(
    sink: ArizeSink, receiver: ArizeReceiver, agent_run: list[TelemetryEvent], make_batch: Callable[..., Batch]
) -> None:
    """After the deadline nothing is sent any more: the lane has given the attempt up."""
    with pytest.raises(RetryableError):
        sink.deliver(make_batch(*agent_run, seconds=-1.0))
    assert receiver.requests == []
