"""OTLP over gRPC: what is sent, and what each status means for the batch."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from fanlight import Batch, PartialFailure, PermanentError, RetryableError, TelemetryEvent
from fanlight_otel import OtelSink
from fanlight_otel.testing import Fault, OtlpReceiver

OpenSink = Callable[..., OtelSink]
MakeBatch = Callable[..., Batch]


@pytest.fixture
def sink(open_sink: OpenSink, receiver: OtlpReceiver) -> OtelSink:
    return open_sink(
        endpoint=receiver.grpc_endpoint, protocol="grpc", metrics=False, headers={"X-Team": "s3cr3t-value"}
    )


def test_a_batch_arrives_as_one_call(
    sink: OtelSink, receiver: OtlpReceiver, tree: dict[str, TelemetryEvent], make_batch: MakeBatch
) -> None:
    """All spans of a batch travel in one call, with the configured headers as metadata."""
    sink.deliver(make_batch(*tree.values()))
    (request,) = receiver.requests
    assert (request.protocol, request.headers["x-team"]) == ("grpc", "s3cr3t-value")
    assert request.headers["user-agent"].startswith("fanlight-otel/")
    assert [span.span_id for span in receiver.spans] == [event.span_id for event in tree.values()]


@pytest.mark.parametrize(
    "code", ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
)
def test_statuses_that_otlp_calls_retryable(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, code: str
) -> None:
    """The batch comes again, without a pause that nobody asked for."""
    receiver.faults.append(Fault(code=code, body="later"))
    with pytest.raises(RetryableError, match=f"gRPC {code}: later") as caught:
        sink.deliver(make_batch(chat))
    assert (caught.value.retry_after, caught.value.open_breaker) == (None, False)


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_the_delay_of_retry_info(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, code: str
) -> None:
    """The pause in the status details reaches the lane; with it, an exhausted quota is worth another try."""
    receiver.faults.append(Fault(code=code, retry_delay=2.5))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.retry_after == 2.5


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED"])
def test_a_wrong_key_opens_the_breaker(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, code: str
) -> None:
    """Events wait until somebody corrects the key."""
    receiver.faults.append(Fault(code=code))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.open_breaker


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("RESOURCE_EXHAUSTED", "too_large"),
        ("INVALID_ARGUMENT", "rejected"),
        ("NOT_FOUND", "rejected"),
        ("FAILED_PRECONDITION", "rejected"),
        ("UNIMPLEMENTED", "rejected"),
        ("INTERNAL", "rejected"),
        ("UNKNOWN", "rejected"),
    ],
)
def test_refusals_are_final(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, code: str, reason: str
) -> None:
    """What OTLP calls final is not tried again, and is counted under its reason."""
    receiver.faults.append(Fault(code=code))
    with pytest.raises(PermanentError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.reason == reason


def test_partial_success_is_no_success(
    sink: OtelSink, receiver: OtlpReceiver, tree: dict[str, TelemetryEvent], make_batch: MakeBatch
) -> None:
    """Spans that the receiver rejected are counted although it answered OK."""
    receiver.faults.append(Fault(rejected=2, message="quota"))
    with pytest.raises(PartialFailure, match="quota") as caught:
        sink.deliver(make_batch(*tree.values()))
    assert caught.value.unidentified == 2


def test_a_call_ends_at_the_deadline(
    sink: OtelSink,
    receiver: OtlpReceiver,
    chat: TelemetryEvent,
    make_batch: MakeBatch,
    error_within: Callable[..., BaseException | None],
) -> None:
    """A receiver that hangs is left when the attempt's time is over."""
    receiver.faults.append(Fault(hang=True))
    hung = error_within(sink.deliver, make_batch(chat, seconds=0.3))
    assert isinstance(hung, RetryableError)
    assert "DEADLINE_EXCEEDED" in str(hung)


def test_a_receiver_that_is_not_there_is_tried_again(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A refused connection is a matter of time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sink = open_sink(endpoint=f"127.0.0.1:{port}", protocol="grpc", insecure=True, metrics=False)
    with pytest.raises(RetryableError, match="UNAVAILABLE"):
        sink.deliver(make_batch(chat))


def test_an_error_shows_no_secret(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """What the receiver says is cut to 200 characters, and the metadata we sent is masked."""
    receiver.faults.append(Fault(code="INVALID_ARGUMENT", body="bad token s3cr3t-value " + "x" * 4000))
    with pytest.raises(PermanentError) as caught:
        sink.deliver(make_batch(chat))
    assert "bad token ***" in str(caught.value)
    assert len(str(caught.value)) < 240


def test_tls_unless_told_otherwise(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch, certificates: tuple[Path, Path, Path]
) -> None:
    """An address without a scheme means TLS; an unknown certificate is not trusted, a configured authority is."""
    authority, chain, key = certificates
    with OtlpReceiver(certificate=(chain, key)) as receiver:
        address = receiver.grpc_endpoint.removeprefix("https://")
        with pytest.raises(RetryableError, match="UNAVAILABLE"):
            open_sink(endpoint=address, protocol="grpc", metrics=False).deliver(make_batch(chat))
        assert receiver.spans == []
        for endpoint in (address, receiver.grpc_endpoint):
            sink = open_sink(endpoint=endpoint, protocol="grpc", metrics=False, ca_file=authority)
            sink.deliver(make_batch(chat))
        assert len(receiver.spans) == 2
