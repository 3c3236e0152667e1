"""
The HTTP side of the receiver.
"""

from __future__ import annotations

import gzip
import socket
import struct
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fanlight_otel.receiving import SIGNALS, Fault, Intake, ReceivedRequest, Signal, response_to


class ReceivingHttpServer(ThreadingHTTPServer):
    """OTLP over HTTP on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, receiver: Intake) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, counted."""
        connection = super().get_request()
        self.receiver.connected()
        return connection

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ReceivingHttpServer

    def do_POST(self) -> None:
        """Take one export request."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        signal = next((signal for signal in SIGNALS if self.path.endswith(signal.path)), None)
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
        body = response_to(signal, fault).SerializeToString() if fault.status == 200 else fault.body.encode()
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


def _reset(connection: socket.socket) -> None:
    """Close with a TCP reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
