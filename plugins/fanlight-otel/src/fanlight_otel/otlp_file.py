"""
OTLP/JSON in a file, one export request a line: what a collector's file receiver reads.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from google.protobuf.json_format import MessageToDict, ParseDict
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

from fanlight import RetryableError

_IDS: Final = ("traceId", "spanId", "parentSpanId")


class FileTransport:
    """
    Appends to a file that only its owner may read.

    The file is opened for each request, so that whoever rotates logs may move it away at any time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._torn = False

    def send_traces(self, request: ExportTraceServiceRequest, timeout: float) -> ExportTraceServiceResponse:  # noqa: ARG002
        """Append spans."""
        self._append(_line(request))
        return ExportTraceServiceResponse()

    def send_metrics(self, request: ExportMetricsServiceRequest, timeout: float) -> ExportMetricsServiceResponse:  # noqa: ARG002
        """Append metrics."""
        self._append(_line(request))
        return ExportMetricsServiceResponse()

    def send_logs(self, request: ExportLogsServiceRequest, timeout: float) -> ExportLogsServiceResponse:  # noqa: ARG002
        """Append log records."""
        self._append(_line(request))
        return ExportLogsServiceResponse()

    def close(self) -> None:
        """Nothing is held open."""

    def _append(self, line: bytes) -> None:
        try:
            with self._lock:
                # A line that a full disk cut off must not swallow the next one.
                self._write(b"\n" + line if self._torn else line)
        except OSError as error:
            raise RetryableError(f"the file cannot be written: {error.strerror}") from None

    def _write(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._torn = True
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            self._torn = False
        finally:
            os.close(descriptor)


def read_requests(path: Path) -> Iterator[ExportTraceServiceRequest]:
    """Yield the export requests with spans that a file holds."""
    for document in _documents(path, "resourceSpans"):
        yield ParseDict(document, ExportTraceServiceRequest())


def read_log_requests(path: Path) -> Iterator[ExportLogsServiceRequest]:
    """Yield the export requests with log records that a file holds."""
    for document in _documents(path, "resourceLogs"):
        yield ParseDict(document, ExportLogsServiceRequest())


def _documents(path: Path, kind: str) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            if kind in document:
                _each_id(document, lambda text: base64.b64encode(bytes.fromhex(text)).decode())
                yield document


def _line(request: Message) -> bytes:
    document = MessageToDict(request, use_integers_for_enums=True)
    _each_id(document, lambda text: base64.b64decode(text).hex())
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _each_id(document: dict[str, Any], change: Any) -> None:
    """Change the ids of all that has any: OTLP/JSON writes them in hex, where protobuf's JSON has base64."""
    for holder in (*_spans(document), *_log_records(document)):
        for name in _IDS:
            if name in holder:
                holder[name] = change(holder[name])


def _spans(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the spans and their links."""
    for resource in document.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                yield span
                yield from span.get("links", ())


def _log_records(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in document.get("resourceLogs", ()):
        for scope in resource.get("scopeLogs", ()):
            yield from scope.get("logRecords", ())
