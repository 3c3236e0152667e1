"""
A real OTLP receiver on 127.0.0.1, for tests and demos: HTTP and gRPC, with faults to order.

    with OtlpReceiver() as receiver:
        ...                       # export to receiver.http_endpoint or receiver.grpc_endpoint
        receiver.spans            # what arrived, decoded
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn, Self

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from fanlight_otel.received import ReceivedPoint, ReceivedSpan, points_in, spans_in


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
        rejected: Take the request, but answer that this many of its spans were rejected.
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


TRACES = Signal(
    trace_service_pb2.ExportTraceServiceRequest,
    trace_service_pb2.ExportTraceServiceResponse,
    spans_in,
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server,
)
METRICS = Signal(
    metrics_service_pb2.ExportMetricsServiceRequest,
    metrics_service_pb2.ExportMetricsServiceResponse,
    points_in,
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server,
)


class OtlpReceiver:
    """
    Receives OTLP on free ports of 127.0.0.1 and keeps what it takes.

    Requests below any prefix are taken, as long as they end in `/v1/traces` or `/v1/metrics`. Each request takes
    the first of `faults` (traces) or `metric_faults` (metrics) that is left, if any.

    Args:
        certificate: PEM files of a certificate and its key; both servers speak TLS then.
    """

    def __init__(self, *, certificate: tuple[Path, Path] | None = None) -> None:
        self.faults: list[Fault] = []
        self.metric_faults: list[Fault] = []
        self.connections = 0
        self._certificate = certificate
        self._lock = threading.Condition()
        self._stopped = threading.Event()
        self._spans: list[ReceivedSpan] = []
        self._points: list[ReceivedPoint] = []
        self._requests: list[ReceivedRequest] = []

    @property
    def spans(self) -> list[ReceivedSpan]:
        """All spans taken so far, in the order of their arrival."""
        with self._lock:
            return list(self._spans)

    @property
    def metrics(self) -> list[ReceivedPoint]:
        """All histogram points taken so far, in the order of their arrival."""
        with self._lock:
            return list(self._points)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """All requests so far, those that failed included."""
        with self._lock:
            return list(self._requests)

    def wait_for_spans(self, count: int, timeout: float = 10.0) -> list[ReceivedSpan]:
        """Return all spans once *count* have arrived; what there is after *timeout* seconds."""
        with self._lock:
            self._lock.wait_for(lambda: len(self._spans) >= count, timeout)
            return list(self._spans)

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> list[ReceivedRequest]:
        """Return all requests once *count* have arrived; what there is after *timeout* seconds."""
        with self._lock:
            self._lock.wait_for(lambda: len(self._requests) >= count, timeout)
            return list(self._requests)

    def start(self) -> Self:
        """Listen; returns itself."""
        self._http = _HttpServer(self)
        if self._certificate:
            self._http.socket = _tls(self._certificate).wrap_socket(self._http.socket, server_side=True)
        # Polled often, because `shutdown` waits for the next poll.
        serve = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="otlp-receiver", daemon=True)
        serve.start()
        self._grpc = grpc.server(ThreadPoolExecutor(4, "otlp-receiver-grpc"))
        for signal in (TRACES, METRICS):
            signal.serve(_Servicer(self, signal), self._grpc)
        self._grpc_port = self._listen_grpc()
        self._grpc.start()
        return self

    def stop(self) -> None:
        """Stop listening and let go of requests that hang, once. What arrived stays readable."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(grace=None).wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def http_endpoint(self) -> str:
        """The base URL for OTLP over HTTP."""
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}"

    @property
    def grpc_endpoint(self) -> str:
        """The URL for OTLP over gRPC."""
        return f"{self._scheme}://127.0.0.1:{self._grpc_port}"

    @property
    def _scheme(self) -> str:
        return "https" if self._certificate else "http"

    def _listen_grpc(self) -> int:
        if not self._certificate:
            return int(self._grpc.add_insecure_port("127.0.0.1:0"))
        chain, key = self._certificate
        credentials = grpc.ssl_server_credentials([(key.read_bytes(), chain.read_bytes())])
        return int(self._grpc.add_secure_port("127.0.0.1:0", credentials))

    def next_fault(self, signal: Signal, request: ReceivedRequest) -> Fault:
        """Note *request* and return what to do with it."""
        with self._lock:
            self._requests.append(request)
            self._lock.notify_all()
            faults = self.faults if signal is TRACES else self.metric_faults
            return faults.pop(0) if faults else Fault()

    def take(self, signal: Signal, message: Any) -> None:
        """Keep what *message* holds."""
        with self._lock:
            kept: list[Any] = self._spans if signal is TRACES else self._points
            kept.extend(signal.read(message))
            self._lock.notify_all()

    def hang(self) -> None:
        """Return when the receiver stops."""
        self._stopped.wait()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, receiver: OtlpReceiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", 0), _HttpHandler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection = super().get_request()
        self.receiver.connections += 1
        return connection

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what some tests are about."""


class _HttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        signal = TRACES if self.path.endswith("/v1/traces") else METRICS if self.path.endswith("/v1/metrics") else None
        if signal is None:
            self._answer(404, {}, b"not found")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = self.server.receiver.next_fault(signal, ReceivedRequest("http", self.path, headers, len(body)))
        if fault.answers_yes or fault.accept:
            raw = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
            self.server.receiver.take(signal, signal.request.FromString(raw))
        self._respond(signal, fault)

    def _respond(self, signal: Signal, fault: Fault) -> None:
        if fault.hang:
            self.server.receiver.hang()
        if fault.hang or fault.reset:
            _reset(self.connection)
            self.close_connection = True
            return
        body = _response(signal, fault).SerializeToString() if fault.status == 200 else fault.body.encode()
        self._answer(fault.status, fault.headers, body)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """A receiver in a test prints nothing."""


class _Servicer:
    """OTLP over gRPC: one method, the same for every signal."""

    def __init__(self, receiver: OtlpReceiver, signal: Signal) -> None:
        self._receiver = receiver
        self._signal = signal

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name for it
        metadata = {str(key): str(value) for key, value in context.invocation_metadata()}
        received = ReceivedRequest("grpc", "Export", metadata, request.ByteSize())
        fault = self._receiver.next_fault(self._signal, received)
        if fault.answers_yes or fault.accept:
            self._receiver.take(self._signal, request)
        if fault.hang:
            self._receiver.hang()
        if not fault.answers_yes:
            _abort(context, fault)
        return _response(self._signal, fault)


def _abort(context: grpc.ServicerContext, fault: Fault) -> NoReturn:
    code = grpc.StatusCode[fault.code if fault.code != "OK" else "UNAVAILABLE"]
    if fault.retry_delay is not None:
        delay = Duration()
        delay.FromMicroseconds(round(fault.retry_delay * 1e6))
        detail = AnyMessage()
        detail.Pack(RetryInfo(retry_delay=delay))
        status = Status(code=code.value[0], message=fault.body, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, fault.body)
    raise AssertionError("abort raises")


def _response(signal: Signal, fault: Fault) -> Any:
    response = signal.response()
    if fault.rejected or fault.message:
        count = {"rejected_spans" if signal is TRACES else "rejected_data_points": fault.rejected}
        response.partial_success.MergeFrom(type(response.partial_success)(error_message=fault.message, **count))
    return response


def _reset(connection: socket.socket) -> None:
    """Close with a TCP reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
