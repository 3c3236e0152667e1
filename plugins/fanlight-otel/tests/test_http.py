"""OTLP over HTTP: what is sent, and what each status means for the batch."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fanlight import Batch, PartialFailure, PermanentError, RetryableError, TelemetryEvent
from fanlight_otel import OtelSink
from fanlight_otel.testing import Fault, OtlpReceiver

OpenSink = Callable[..., OtelSink]
MakeBatch = Callable[..., Batch]


def test_a_batch_arrives_as_one_compressed_request(
    sink: OtelSink, receiver: OtlpReceiver, tree: dict[str, TelemetryEvent], make_batch: MakeBatch
) -> None:
    """All spans of a batch travel in one gzipped protobuf request, with the configured headers."""
    sink.deliver(make_batch(*tree.values()))
    (request,) = receiver.requests
    assert request.path == "/v1/traces"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["x-team"] == "s3cr3t-value"
    assert request.headers["user-agent"].startswith("fanlight-otel/")
    assert [span.span_id for span in receiver.spans] == [event.span_id for event in tree.values()]


def test_compression_can_be_turned_off(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """`compression: none` sends plain protobuf."""
    open_sink(endpoint=receiver.http_endpoint, metrics=False, compression="none").deliver(make_batch(chat))
    assert "content-encoding" not in receiver.requests[0].headers
    assert len(receiver.spans) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_busy_answers_are_tried_again(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, status: int
) -> None:
    """A receiver that is overloaded or broken for now gets the batch again."""
    receiver.faults.append(Fault(status=status))
    with pytest.raises(RetryableError, match=f"HTTP {status}") as caught:
        sink.deliver(make_batch(chat))
    assert (caught.value.retry_after, caught.value.open_breaker) == (None, False)


def test_retry_after_in_seconds(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """The seconds that the receiver asks for reach the lane."""
    receiver.faults.append(Fault(status=429, headers={"Retry-After": "17"}))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.retry_after == 17.0


def test_retry_after_as_a_date(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A date in Retry-After becomes the seconds until then, and one that has passed becomes none at all."""
    now = datetime.now(UTC)
    for moment in (now + timedelta(hours=1), now - timedelta(hours=1)):
        receiver.faults.append(Fault(status=503, headers={"Retry-After": format_datetime(moment, usegmt=True)}))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert 3000 < (caught.value.retry_after or 0) <= 3600
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.retry_after == 0.0


@pytest.mark.parametrize("nonsense", ["soon", "nan", "inf", "-5"])
def test_a_retry_after_that_is_no_time_is_ignored(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, nonsense: str
) -> None:
    """What is neither seconds nor a date asks for nothing."""
    receiver.faults.append(Fault(status=503, headers={"Retry-After": nonsense}))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.retry_after in (None, 0.0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_opens_the_breaker(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, status: int
) -> None:
    """Events wait until somebody corrects the key, and the receiver is left alone meanwhile."""
    receiver.faults.append(Fault(status=status))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.open_breaker


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "rejected"), (404, "rejected"), (413, "too_large"), (415, "rejected"), (422, "rejected")],
)
def test_refusals_are_final(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, status: int, reason: str
) -> None:
    """What the receiver will never take is not tried again, and is counted under its reason."""
    receiver.faults.append(Fault(status=status))
    with pytest.raises(PermanentError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.reason == reason


def test_redirects_are_not_followed(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Credentials go to the configured address and nowhere else."""
    with OtlpReceiver() as elsewhere:
        receiver.faults.append(Fault(status=307, headers={"Location": f"{elsewhere.http_endpoint}/v1/traces"}))
        sink = open_sink(endpoint=receiver.http_endpoint, metrics=False, headers={"x-api-key": "k"})
        with pytest.raises(PermanentError, match="redirects are not followed"):
            sink.deliver(make_batch(chat))
        assert elsewhere.requests == []


def test_partial_success_is_no_success(
    sink: OtelSink, receiver: OtlpReceiver, tree: dict[str, TelemetryEvent], make_batch: MakeBatch
) -> None:
    """Spans that the receiver rejected are counted although it answered 200."""
    receiver.faults.append(Fault(rejected=3, message="span too old"))
    with pytest.raises(PartialFailure, match="span too old") as caught:
        sink.deliver(make_batch(*tree.values()))
    assert (caught.value.unidentified, caught.value.errors) == (3, {})


def test_a_warning_in_the_answer_is_no_failure(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """OTLP lets a receiver send a message with nothing rejected: the batch is delivered."""
    receiver.faults.append(Fault(message="please upgrade"))
    sink.deliver(make_batch(chat))
    assert len(receiver.spans) == 1


def test_an_event_that_cannot_be_encoded_does_not_stop_the_others(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """The failure names its event; the rest of the batch has arrived."""
    broken = chat.replace(event_id="broken", trace_id="no hex")
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(broken, chat))
    assert list(caught.value.errors) == ["broken"]
    assert [span.span_id for span in receiver.spans] == [chat.span_id]


def test_nothing_is_sent_for_nothing(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A batch of which no event can be encoded makes no request, and each event has its reason."""
    broken = [chat.replace(event_id="a", trace_id="no hex"), chat.replace(event_id="b", type="alert")]
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(*broken))
    reasons = {key: error.reason for key, error in caught.value.errors.items() if isinstance(error, PermanentError)}
    assert reasons == {"a": "encode_failed", "b": "unsupported"}
    assert receiver.requests == []


def test_more_rejections_than_spans_are_not_believed(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A receiver cannot unbalance the ledger: it rejects at most what it was sent."""
    receiver.faults.append(Fault(rejected=99))
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.unidentified == 1


def test_configured_headers_replace_those_of_a_preset(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """However their names are capitalised; what describes the body is not the configuration's to say."""
    headers = {"Authorization": "Bearer other", "Content-Type": "text/plain"}
    sink = open_sink(endpoint=receiver.http_endpoint, metrics=False, preset="phoenix", api_key="key", headers=headers)
    sink.deliver(make_batch(chat))
    assert receiver.requests[0].headers["authorization"] == "Bearer other"
    assert receiver.requests[0].headers["content-type"] == "application/x-protobuf"
