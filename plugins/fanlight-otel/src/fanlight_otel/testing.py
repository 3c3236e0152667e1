"""
A real OTLP receiver on 127.0.0.1, for tests and demos: HTTP and gRPC, with faults to order.

    with OtlpReceiver() as receiver:
        ...                       # export to receiver.http_endpoint or receiver.grpc_endpoint
        receiver.spans            # what arrived, decoded
"""

from __future__ import annotations

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import grpc

from fanlight_otel.received import ReceivedLog, ReceivedPoint, ReceivedSpan
from fanlight_otel.receiver_grpc import Servicer
from fanlight_otel.receiver_http import ReceivingHttpServer
from fanlight_otel.receiving import LOGS, METRICS, SIGNALS, TRACES, Fault, ReceivedRequest, Signal

__all__ = ["Fault", "OtlpReceiver", "ReceivedLog", "ReceivedPoint", "ReceivedRequest", "ReceivedSpan"]


class OtlpReceiver:
    """
    Receives OTLP on free ports of 127.0.0.1 and keeps what it takes.

    Requests below any prefix are taken, as long as they end in `/v1/traces`, `/v1/metrics` or `/v1/logs`. Each request
    takes the first of `faults` (traces), `metric_faults` or `log_faults` that is left, if any.

    Args:
        certificate: PEM files of a certificate and its key; both servers speak TLS then.
    """

    def __init__(self, *, certificate: tuple[Path, Path] | None = None) -> None:
        self.faults: list[Fault] = []
        self.metric_faults: list[Fault] = []
        self.log_faults: list[Fault] = []
        self.connections = 0
        self._certificate = certificate
        self._lock = threading.Condition()
        self._stopped = threading.Event()
        self._spans: list[ReceivedSpan] = []
        self._points: list[ReceivedPoint] = []
        self._logs: list[ReceivedLog] = []
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
    def logs(self) -> list[ReceivedLog]:
        """All log records taken so far, in the order of their arrival."""
        with self._lock:
            return list(self._logs)

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
        self._http = ReceivingHttpServer(self)
        if self._certificate:
            self._http.socket = _tls(self._certificate).wrap_socket(self._http.socket, server_side=True)
        # Polled often, because `shutdown` waits for the next poll.
        serve = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="otlp-receiver", daemon=True)
        serve.start()
        self._grpc = grpc.server(ThreadPoolExecutor(4, "otlp-receiver-grpc"))
        for signal in SIGNALS:
            signal.serve(Servicer(self, signal), self._grpc)
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
            faults = {TRACES: self.faults, METRICS: self.metric_faults, LOGS: self.log_faults}[signal]
            return faults.pop(0) if faults else Fault()

    def take(self, signal: Signal, message: Any) -> None:
        """Keep what *message* holds."""
        with self._lock:
            kept: dict[Signal, list[Any]] = {TRACES: self._spans, METRICS: self._points, LOGS: self._logs}
            kept[signal].extend(signal.read(message))
            self._lock.notify_all()

    def connected(self) -> None:
        """Count a connection."""
        self.connections += 1

    def hang(self) -> None:
        """Return when the receiver stops."""
        self._stopped.wait()


def _tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
