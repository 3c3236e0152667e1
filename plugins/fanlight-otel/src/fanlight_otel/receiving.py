"""
What an OTLP receiver does with a request, whichever protocol it came by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from fanlight_otel.received import logs_in, points_in, spans_in


@dataclass(frozen=True, kw_only=True)
class Fault:
    """
    What the receiver does with one request instead of taking it.

    Args:
        status: The HTTP status to answer with.
        code: The gRPC status to answer with, such as `UNAVAILABLE`.
        headers: Further HTTP headers, such as `Retry-After`.
        body: The HTTP body, or the gRPC details.
        retry_delay: Seconds in the `RetryInfo` of a gRPC answer.
        rejected: Take the request, but answer that this many of its items were rejected.
        message: The partial success's message.
        accept: Take the request before failing, so that the sender cannot know.
        hang: Never answer, until the receiver stops.
        reset: Cut the connection without an answer.
    """

    status: int = 200
    code: str = "OK"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    retry_delay: float | None = None
    rejected: int = 0
    message: str = ""
    accept: bool = False
    hang: bool = False
    reset: bool = False

    @property
    def answers_yes(self) -> bool:
        """Whether the request is answered as taken, if only partly."""
        return self.status == 200 and self.code == "OK" and not (self.hang or self.reset)


@dataclass(frozen=True)
class ReceivedRequest:
    """One export request, whatever became of it."""

    protocol: str
    """`http` or `grpc`."""
    path: str
    headers: dict[str, str]
    """Header or metadata names in lower case."""
    size: int
    """Bytes of the body as sent."""


@dataclass(frozen=True)
class Signal:
    """One of OTLP's signals: its messages, and how its requests are read."""

    request: Any
    response: Any
    read: Any
    serve: Any
    """Adds a gRPC servicer to a server."""
    path: str
    """How the paths end that it is posted to."""
    rejected: str
    """What its partial success calls the number of those it refused."""


TRACES = Signal(
    trace_service_pb2.ExportTraceServiceRequest,
    trace_service_pb2.ExportTraceServiceResponse,
    spans_in,
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server,
    "/v1/traces",
    "rejected_spans",
)
METRICS = Signal(
    metrics_service_pb2.ExportMetricsServiceRequest,
    metrics_service_pb2.ExportMetricsServiceResponse,
    points_in,
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server,
    "/v1/metrics",
    "rejected_data_points",
)
LOGS = Signal(
    logs_service_pb2.ExportLogsServiceRequest,
    logs_service_pb2.ExportLogsServiceResponse,
    logs_in,
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server,
    "/v1/logs",
    "rejected_log_records",
)
SIGNALS = (TRACES, METRICS, LOGS)


class Intake(Protocol):
    """What the servers hand their requests to."""

    def next_fault(self, signal: Signal, request: ReceivedRequest) -> Fault:
        """Note *request* and return what to do with it."""
        ...

    def take(self, signal: Signal, message: Any) -> None:
        """Keep what *message* holds."""
        ...

    def hang(self) -> None:
        """Return when the receiver stops."""
        ...

    def connected(self) -> None:
        """Count a connection."""
        ...


def response_to(signal: Signal, fault: Fault) -> Any:
    """Return the export response that says what became of a request."""
    response = signal.response()
    if fault.rejected or fault.message:
        count = {signal.rejected: fault.rejected}
        response.partial_success.MergeFrom(type(response.partial_success)(error_message=fault.message, **count))
    return response
