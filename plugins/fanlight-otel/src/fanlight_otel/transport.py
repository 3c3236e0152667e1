"""
The way out: one interface over HTTP, gRPC and files, opened from a configuration.
"""

from __future__ import annotations

from typing import Protocol

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from fanlight import PermanentError
from fanlight_otel.config import OtelConfig
from fanlight_otel.otlp_file import FileTransport
from fanlight_otel.otlp_grpc import GrpcTransport
from fanlight_otel.otlp_http import HttpTransport
from fanlight_otel.wire import Wire


class Transport(Protocol):
    """
    Sends export requests. May be used by several threads at once.

    These methods return the receiver's answer when it has said yes, perhaps only in part, and raise
    `RetryableError` or `PermanentError` when it has not.
    """

    def send_traces(self, request: ExportTraceServiceRequest, timeout: float) -> ExportTraceServiceResponse:
        """Send spans within *timeout* seconds."""
        ...

    def send_metrics(self, request: ExportMetricsServiceRequest, timeout: float) -> ExportMetricsServiceResponse:
        """Send metrics within *timeout* seconds."""
        ...

    def send_logs(self, request: ExportLogsServiceRequest, timeout: float) -> ExportLogsServiceResponse:
        """Send log records within *timeout* seconds."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def open_transport(config: OtelConfig, wire: Wire) -> Transport:
    """
    Return the transport that *config* asks for; nothing is connected yet.

    Raises:
        PermanentError: a certificate or key file cannot be used.
    """
    if config.protocol == "file" and config.path is not None:
        return FileTransport(config.path)
    try:
        return GrpcTransport(config, wire) if config.protocol == "grpc" else HttpTransport(config, wire)
    except (OSError, ValueError) as error:
        raise PermanentError(f"the certificate files cannot be used: {type(error).__name__}") from error
