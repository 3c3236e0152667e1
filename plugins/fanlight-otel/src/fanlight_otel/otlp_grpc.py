"""
OTLP over gRPC: a deadline for each call, and every status told apart.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from fanlight import __version__
from fanlight_otel.classify import grpc_error
from fanlight_otel.config import OtelConfig
from fanlight_otel.wire import Wire

_TRACES: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_LOGS: Final = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_METRICS: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_DETAILS: Final = "grpc-status-details-bin"
_OPTIONS: Final = (
    ("grpc.primary_user_agent", f"fanlight-otel/{__version__}"),
    ("grpc.enable_retries", 0),  # retrying is the lane's
    ("grpc.max_reconnect_backoff_ms", 5000),  # else a receiver that is back is ignored for up to two minutes
    ("grpc.use_local_subchannel_pool", 1),  # shares no connection with the application's own channels
)

AnswerT = TypeVar("AnswerT")


class GrpcTransport:
    """Calls `Export`. Channels connect at the first call."""

    def __init__(self, config: OtelConfig, wire: Wire) -> None:
        self._wire = wire
        self._metadata = tuple(wire.headers.items())
        self._compression = grpc.Compression.Gzip if config.compression == "gzip" else None
        self._channel = _channel(wire.traces, config)
        shared = wire.metrics is None or wire.metrics == wire.traces
        self._metrics_channel = self._channel if shared else _channel(wire.metrics or "", config)
        self._traces = self._channel.unary_unary(
            _TRACES,
            request_serializer=ExportTraceServiceRequest.SerializeToString,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )
        self._metrics = self._metrics_channel.unary_unary(
            _METRICS,
            request_serializer=ExportMetricsServiceRequest.SerializeToString,
            response_deserializer=ExportMetricsServiceResponse.FromString,
        )
        self._logs = self._channel.unary_unary(
            _LOGS,
            request_serializer=ExportLogsServiceRequest.SerializeToString,
            response_deserializer=ExportLogsServiceResponse.FromString,
        )

    def send_traces(self, request: ExportTraceServiceRequest, timeout: float) -> ExportTraceServiceResponse:
        """Export spans."""
        return self._call(self._traces, request, timeout)

    def send_metrics(self, request: ExportMetricsServiceRequest, timeout: float) -> ExportMetricsServiceResponse:
        """Export metrics."""
        return self._call(self._metrics, request, timeout)

    def send_logs(self, request: ExportLogsServiceRequest, timeout: float) -> ExportLogsServiceResponse:
        """Export log records."""
        return self._call(self._logs, request, timeout)

    def close(self) -> None:
        """Close the channels."""
        self._channel.close()
        self._metrics_channel.close()

    def _call(self, export: Callable[..., AnswerT], request: Message, timeout: float) -> AnswerT:
        try:
            return export(request, timeout=timeout, metadata=self._metadata, compression=self._compression)
        except grpc.RpcError as error:
            said = self._wire.excerpt(error.details() or "")
            raise grpc_error(error.code().name, said, _details(error)) from None


def _details(error: Any) -> bytes | None:
    trailing = dict(error.trailing_metadata() or ())
    details = trailing.get(_DETAILS)
    return details if isinstance(details, bytes) else None


def _channel(address: str, config: OtelConfig) -> grpc.Channel:
    scheme, _, rest = address.rpartition("://")
    target = rest.partition("/")[0]
    if scheme == "http" or (not scheme and config.insecure):
        return grpc.insecure_channel(target, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(
        _content(config.ca_file), _content(config.key_file), _content(config.cert_file)
    )
    return grpc.secure_channel(target, credentials, options=_OPTIONS)


def _content(path: Path | None) -> bytes | None:
    return path.read_bytes() if path else None
