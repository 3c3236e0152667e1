"""
OTLP over HTTP: protobuf and gzip.
"""

from __future__ import annotations

import gzip
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message
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
from fanlight_otel.config import OtelConfig
from fanlight_otel.http_client import HttpClient
from fanlight_otel.wire import Wire

_GZIP_LEVEL: Final = 1  # telemetry repeats itself: the higher levels cost far more than they save

AnswerT = TypeVar("AnswerT", bound=Message)


class HttpTransport:
    """Posts export requests."""

    def __init__(self, config: OtelConfig, wire: Wire) -> None:
        self._wire = wire
        self._gzip = config.compression == "gzip"
        headers = {
            "user-agent": f"fanlight-otel/{__version__}",
            **wire.headers,
            "content-type": "application/x-protobuf",
            **({"content-encoding": "gzip"} if self._gzip else {}),
        }
        self._client = HttpClient(
            wire.traces,
            headers=headers,
            excerpt=wire.excerpt,
            ca_file=config.ca_file,
            cert_file=config.cert_file,
            key_file=config.key_file,
        )

    def send_traces(self, request: ExportTraceServiceRequest, timeout: float) -> ExportTraceServiceResponse:
        """Post spans."""
        return self._post(self._wire.traces, request, timeout, ExportTraceServiceResponse)

    def send_metrics(self, request: ExportMetricsServiceRequest, timeout: float) -> ExportMetricsServiceResponse:
        """Post metrics."""
        return self._post(self._wire.metrics or "", request, timeout, ExportMetricsServiceResponse)

    def send_logs(self, request: ExportLogsServiceRequest, timeout: float) -> ExportLogsServiceResponse:
        """Post log records."""
        return self._post(self._wire.logs or "", request, timeout, ExportLogsServiceResponse)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, url: str, request: Message, timeout: float, answer: type[AnswerT]) -> AnswerT:
        body = request.SerializeToString()
        body = gzip.compress(body, _GZIP_LEVEL) if self._gzip else body
        return _decoded(answer, self._client.post(url, body, timeout))


def _decoded(answer: type[AnswerT], content: bytes) -> AnswerT:
    """Return the answer's message. Some receivers answer 200 with JSON or nothing at all: that is a yes too."""
    try:
        return answer.FromString(content)
    except DecodeError:
        return answer()
