"""
A stand-in of the W&B server on 127.0.0.1, on the wire: the real SDK talks to it as to the real one.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from fanlight_wandb.seen import SeenRun
from fanlight_wandb.stand_in_answers import ANSWERS, ENTITY, Store
from fanlight_wandb.stand_in_faults import Fault, Faults, ServedRequest

_STREAM: Final = re.compile(r"/files/[^/]+/(?P<project>[^/]+)/(?P<run_id>[^/]+)/file_stream")
_OPERATION: Final = re.compile(r"\b(?:query|mutation)\s+(\w+)")


class WandbServer:
    """
    Takes runs as the W&B server does, resumed ones included, and keeps them readable.

        with WandbServer() as server:
            ...                   # wandb with base_url=server.url, api_key=server.api_key
            server.runs           # what arrived

    It knows the operations that the SDK needs for runs, files, tables and alerts. Those that it did not know are in
    `unknown`.
    """

    entity: Final = ENTITY
    api_key: Final = "0" * 40
    """Any other key of this length does as well."""

    def __init__(self) -> None:
        self._store = Store()
        self._faults = Faults()
        self._requests: list[ServedRequest] = []
        self._port = 0
        self.unknown: list[str] = []

    @property
    def url(self) -> str:
        """The base URL."""
        return self._store.url

    @property
    def runs(self) -> list[SeenRun]:
        """What arrived so far, in the order in which the runs first appeared."""
        with self._store.lock:
            return [run.seen(self._store.artifact_files) for run in self._store.runs.values()]

    @property
    def requests(self) -> list[ServedRequest]:
        """All requests so far, those that failed included."""
        with self._store.lock:
            return list(self._requests)

    def order(self, fault: Fault) -> None:
        """Let *fault* befall requests from now on, after those that were ordered before."""
        self._faults.order(fault)

    def lift_faults(self) -> None:
        """End all faults; requests that hang are cut."""
        self._faults.lift()

    def start(self) -> Self:
        """Listen; returns itself. After `stop`, on the same port again."""
        self._http = _HttpServer(self, self._port)
        self._port = self._http.server_address[1]
        self._store.url = f"http://127.0.0.1:{self._port}"
        # Polled often, because `shutdown` waits for the next poll.
        threading.Thread(target=self._http.serve_forever, args=(0.02,), name="wandb-server", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening, and cut requests that hang and connections that are kept alive. What arrived stays."""
        self._http.shutdown()
        self._http.server_close()
        self.lift_faults()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def note(self, request: ServedRequest) -> Fault | None:
        """Note *request* and return what befalls it."""
        with self._store.lock:
            self._requests.append(request)
        return self._faults.next(request.operation)

    def hang(self) -> None:
        """Return when faults are lifted."""
        self._faults.wait_until_lifted()

    def take(self, request: ServedRequest, body: bytes) -> Any:
        """Take *request* and return the answer; None for a path that the server does not have."""
        with self._store.lock:
            if request.operation == "upload":
                self._store.take_upload(request.path, body)
                return {}
            if found := _STREAM.match(request.path):
                self._store.run(**found.groupdict()).take_stream(json.loads(body))
                return {}
            return self._query(request.operation, body) if request.path == "/graphql" else None

    def _query(self, operation: str, body: bytes) -> Any:
        if operation not in ANSWERS:
            self.unknown.append(operation)
            return {"data": None, "errors": [{"message": f"the stand-in does not know {operation}"}]}
        return {"data": ANSWERS[operation](self._store, json.loads(body).get("variables") or {})}


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, wandb: WandbServer, port: int) -> None:
        self.wandb = wandb
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and remember it."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close all: the thread of a connection that is kept alive would serve it for ever."""
        super().server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def do_POST(self) -> None:
        """Take a GraphQL operation or lines of a run."""
        body = self._read()
        if self.path == "/graphql":
            found = _OPERATION.search(json.loads(body)["query"])
            self._serve(found[1] if found else "", body)
        else:
            self._serve("file_stream", body)

    def do_PUT(self) -> None:
        """Take a file."""
        self._serve("upload", self._read())

    def _serve(self, operation: str, body: bytes) -> None:
        request = ServedRequest(operation, self._api_key(), self.path)
        fault = self.server.wandb.note(request)
        answer = self.server.wandb.take(request, body) if fault is None or fault.accept else {}
        if fault is None:
            self._answer(404 if answer is None else 200, answer)
        elif fault.hang or fault.reset:
            self._cut(fault)
        else:
            self._answer(fault.status, {"error": "ordered"}, fault.retry_after)

    def _cut(self, fault: Fault) -> None:
        if fault.hang:
            self.server.wandb.hang()
        # A reset instead of an orderly end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _answer(self, status: int, answer: Any, retry_after: float | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if retry_after is not None:
            self.send_header("retry-after", f"{retry_after:g}")
        self.end_headers()
        self.wfile.write(body)

    def _read(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        return gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

    def _api_key(self) -> str:
        _, _, credentials = self.headers.get("authorization", "").partition(" ")
        return base64.b64decode(credentials).decode().removeprefix("api:")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """A server in a test prints nothing."""
