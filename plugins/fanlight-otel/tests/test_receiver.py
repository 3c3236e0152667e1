"""The receiver itself, driven by plain requests: it must not only agree with our own sender."""

import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fanlight import Batch, TelemetryEvent
from fanlight_otel import OtelSink
from fanlight_otel.testing import Fault, OtlpReceiver


def post(receiver: OtlpReceiver, path: str, request: ExportTraceServiceRequest) -> int:
    message = urllib.request.Request(receiver.http_endpoint + path, request.SerializeToString(), method="POST")
    try:
        with urllib.request.urlopen(message) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def request_with_a_span() -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.append(Span(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, name="work", kind=Span.SPAN_KIND_CLIENT))
    return request


def test_plain_requests_are_decoded(receiver: OtlpReceiver) -> None:
    """A span that anybody posts comes back as plain values, ids in hex."""
    assert post(receiver, "/any/prefix/v1/traces", request_with_a_span()) == 200
    (span,) = receiver.wait_for_spans(1)
    assert (span.trace_id, span.span_id, span.parent_span_id) == ("01" * 16, "02" * 8, None)
    assert (span.name, span.kind, span.status) == ("work", "client", "unset")


def test_other_paths_are_not_found(receiver: OtlpReceiver) -> None:
    """A wrong path is a mistake of the sender's configuration, and shows."""
    assert post(receiver, "/v1/profiles", request_with_a_span()) == 404
    assert receiver.requests == []


def test_faults_come_in_order_and_then_end(receiver: OtlpReceiver) -> None:
    """Each request takes one fault; what failed was not taken, unless the fault says so."""
    receiver.faults += [Fault(status=503), Fault(status=500, accept=True)]
    statuses = [post(receiver, "/v1/traces", request_with_a_span()) for _ in range(3)]
    assert statuses == [503, 500, 200]
    assert (len(receiver.requests), len(receiver.spans)) == (3, 2)


def test_it_listens_on_this_machine_only(receiver: OtlpReceiver) -> None:
    """Nobody else can reach a receiver of a test or demo."""
    assert receiver.http_endpoint.startswith("http://127.0.0.1:")
    assert receiver.grpc_endpoint.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_what_arrived_stays_readable_after_the_stop(
    open_sink: Callable[..., OtelSink], chat: TelemetryEvent, make_batch: Callable[..., Batch], protocol: str
) -> None:
    """A demo may stop its receiver and then show what it received."""
    with OtlpReceiver() as receiver:
        endpoint = receiver.http_endpoint if protocol == "http" else receiver.grpc_endpoint
        open_sink(endpoint=endpoint, protocol=protocol, metrics=False).deliver(make_batch(chat))
    receiver.stop()
    assert [span.span_id for span in receiver.spans] == [chat.span_id]
