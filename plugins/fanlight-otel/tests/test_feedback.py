"""Feedback as log records: what is on the wire, and what each answer means for the batch it came in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fanlight import Batch, PartialFailure, PermanentError, RetryableError, TelemetryEvent, testing
from fanlight.event import Feedback
from fanlight_otel import OtelSink
from fanlight_otel.otlp_file import read_log_requests, read_requests
from fanlight_otel.received import logs_in, spans_in
from fanlight_otel.testing import Fault, OtlpReceiver

OpenSink = Callable[..., OtelSink]
MakeBatch = Callable[..., Batch]
Open = Callable[..., OtelSink]


def rating(event: TelemetryEvent, **said: Any) -> TelemetryEvent:
    """Feedback about the run of *event*, as the router makes it."""
    feedback = Feedback(**{"name": "helpful", "score": 0.75, "label": "good", "explanation": "to the point", **said})
    return testing.make_event(
        "feedback",
        event_id=f"{event.run_id}:feedback:1",
        run_id=event.run_id,
        root_run_id=event.root_run_id,
        trace_id=event.trace_id,
        span_id=event.span_id,
        name=feedback.name,
        time_unix_nano=1_767_700_000_000_000_000,
        service_name="support-bot",
        session_id="s-1",
        tenant_id="acme",
        metadata={"page": 3},
        feedback=feedback,
    )


@pytest.fixture(params=["http", "grpc"])
def open_to(request: pytest.FixtureRequest, open_sink: OpenSink, receiver: OtlpReceiver) -> Open:
    """Opens a sink of either protocol to the receiver."""

    def open_one(**settings: Any) -> OtelSink:
        endpoint = receiver.http_endpoint if request.param == "http" else receiver.grpc_endpoint
        return open_sink(endpoint=endpoint, protocol=request.param, metrics=False, **settings)

    return open_one


def test_feedback_is_an_evaluation_result_on_the_rated_span(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Trace, span, time, name, score, label and explanation are those of the event, under the conventions' names."""
    event = rating(chat)
    open_to().deliver(make_batch(event))
    (log,) = receiver.logs
    assert (log.trace_id, log.span_id) == (chat.trace_id, chat.span_id)
    assert (log.event_name, log.time_unix_nano) == ("gen_ai.evaluation.result", event.time_unix_nano)
    said = {name: value for name, value in log.attributes.items() if name.startswith("gen_ai.")}
    assert said == {
        "gen_ai.evaluation.name": "helpful",
        "gen_ai.evaluation.score.value": 0.75,
        "gen_ai.evaluation.score.label": "good",
        "gen_ai.evaluation.explanation": "to the point",
        "gen_ai.conversation.id": "s-1",
    }
    assert log.attributes["fanlight.feedback.source"] == "human"
    assert log.attributes["fanlight.run.id"] == chat.run_id
    assert log.attributes["fanlight.event.id"] == event.event_id
    assert (log.attributes["fanlight.tenant.id"], log.attributes["fanlight.metadata.page"]) == ("acme", 3)
    assert (log.resource["service.name"], log.scope) == ("support-bot", "fanlight")
    assert receiver.spans == []


def test_feedback_on_a_trace_names_no_span(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """What was said of a whole trace hangs on the trace: its root's span may be another than the ids suggest."""
    open_to().deliver(make_batch(rating(chat, target="trace", label=None, explanation=None)))
    (log,) = receiver.logs
    assert (log.trace_id, log.span_id) == (chat.trace_id, None)
    assert "fanlight.run.id" not in log.attributes
    assert "gen_ai.evaluation.score.label" not in log.attributes


def test_spans_and_feedback_of_one_batch_both_arrive(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A mixed batch is two requests, each to its own place."""
    open_to().deliver(make_batch(chat, rating(chat)))
    assert [span.span_id for span in receiver.spans] == [chat.span_id]
    assert [log.span_id for log in receiver.logs] == [chat.span_id]


def test_refused_feedback_does_not_send_the_spans_again(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """When only the log records fail, only they come again, after the pause that was asked for."""
    fault = Fault(status=503, headers={"Retry-After": "7"}, code="UNAVAILABLE", retry_delay=7.0)
    receiver.log_faults.append(fault)
    sink, event = open_to(), rating(chat)
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(chat, event))
    (error,) = caught.value.errors.values()
    assert list(caught.value.errors) == [event.event_id]
    assert isinstance(error, RetryableError)
    assert error.retry_after == 7.0
    sink.deliver(make_batch(event, attempt=2))
    assert (len(receiver.spans), len(receiver.logs)) == (1, 1)


def test_feedback_that_is_never_taken_is_a_dead_letter(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A receiver that has no place for log records costs the feedback alone, by name."""
    receiver.log_faults.append(Fault(status=404, code="UNIMPLEMENTED"))
    with pytest.raises(PartialFailure) as caught:
        open_to().deliver(make_batch(chat, rating(chat)))
    (error,) = caught.value.errors.values()
    assert isinstance(error, PermanentError)
    assert len(receiver.spans) == 1


def test_a_batch_of_feedback_alone_fails_as_a_whole(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """With nothing else in the batch the lane hears of a locked door, and opens its breaker."""
    receiver.log_faults.append(Fault(status=401, code="UNAUTHENTICATED"))
    with pytest.raises(RetryableError) as caught:
        open_to().deliver(make_batch(rating(chat)))
    assert caught.value.open_breaker
    assert receiver.logs == []


def test_spans_that_fail_take_the_feedback_with_them(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """The batch comes again as it is: nothing of it was sent."""
    receiver.faults.append(Fault(status=503, code="UNAVAILABLE"))
    with pytest.raises(RetryableError):
        open_to().deliver(make_batch(chat, rating(chat)))
    assert (receiver.spans, receiver.logs) == ([], [])


def test_rejections_of_both_requests_are_added(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Spans and log records that the receiver rejects are counted together, its two sentences kept."""
    receiver.faults.append(Fault(rejected=1, message="no spans"))
    receiver.log_faults.append(Fault(rejected=9, message="no logs"))
    with pytest.raises(PartialFailure) as caught:
        open_to().deliver(make_batch(chat, rating(chat)))
    assert caught.value.unidentified == 2
    assert "no spans; no logs" in str(caught.value)


def test_one_that_cannot_be_encoded_costs_itself(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A broken id is reported for its event; the others are sent."""
    broken = rating(chat).replace(event_id="broken", trace_id="no hex")
    with pytest.raises(PartialFailure) as caught:
        open_to().deliver(make_batch(broken, rating(chat)))
    assert list(caught.value.errors) == ["broken"]
    assert len(receiver.logs) == 1


def test_log_records_that_are_never_answered(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A deadline that passes after the spans were taken leaves the feedback alone for the next attempt."""
    sink = open_to()
    batch = make_batch(chat, rating(chat), seconds=0.5)
    receiver.log_faults.append(Fault(hang=True))
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(batch)
    assert [type(error) for error in caught.value.errors.values()] == [RetryableError]
    assert len(receiver.spans) == 1


@pytest.mark.parametrize("preset", ["phoenix", "honeycomb"])
@pytest.mark.parametrize("feedback", [None, True, False])
def test_presets_know_who_takes_logs(
    open_sink: OpenSink,
    receiver: OtlpReceiver,
    chat: TelemetryEvent,
    make_batch: MakeBatch,
    preset: str,
    feedback: bool | None,
) -> None:
    """Honeycomb takes log records and Phoenix does not; `feedback` says otherwise. What is not sent is refused."""
    sink = open_sink(
        preset=preset, api_key="k", endpoint=receiver.http_endpoint + "/x/v1/traces", metrics=False, feedback=feedback
    )
    if feedback if feedback is not None else preset == "honeycomb":
        sink.deliver(make_batch(rating(chat)))
        assert [request.path for request in receiver.requests] == ["/x/v1/logs"]
        return
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(rating(chat)))
    (error,) = caught.value.errors.values()
    assert isinstance(error, PermanentError)
    assert error.reason == "unsupported"
    assert receiver.requests == []


def test_files_hold_it_as_otlp_json(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch, tmp_path: Path
) -> None:
    """Log records are lines of their own, ids in hex, and can be read back beside the spans."""
    path = tmp_path / "spans.jsonl"
    open_sink(protocol="file", path=path, metrics=False).deliver(make_batch(chat, rating(chat)))
    assert f'"spanId":"{chat.span_id}"' in path.read_text().splitlines()[1]
    (log,) = [log for request in read_log_requests(path) for log in logs_in(request)]
    assert (log.trace_id, log.span_id) == (chat.trace_id, chat.span_id)
    assert [span.span_id for request in read_requests(path) for span in spans_in(request)] == [chat.span_id]


def test_alerts_are_still_no_spans(
    open_to: Open, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Only feedback has a place among the log records."""
    with pytest.raises(PartialFailure) as caught:
        open_to().deliver(make_batch(chat.replace(event_id="a", type="alert")))
    (error,) = caught.value.errors.values()
    assert isinstance(error, PermanentError)
    assert error.reason == "unsupported"
    assert receiver.requests == []
