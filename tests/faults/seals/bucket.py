"""
A bucket that outlives whoever writes to it: objects in memory, S3's wire format, and a say in what becomes of a commit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

Moment: TypeAlias = Literal["files", "landed"]
Fate: TypeAlias = Literal["goes on", "lost", "late"]
"""Of the request at hand, after its sender was killed: `late` arrives when the next process commits."""


class Bucket:
    """
    Keeps objects; `If-None-Match` is honoured.

    Args:
        at_commit: Called when a Delta commit arrives and the data files are there (`files`), and again when it is
            stored and not yet answered (`landed`): what becomes of it.
    """

    def __init__(self, at_commit: Callable[[Moment], Fate]) -> None:
        self.at_commit = at_commit
        self.objects: dict[str, bytes] = {}
        self._late: tuple[str, bytes] | None = None
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"bucket": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="bucket")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def empty(self) -> None:
        """Forget everything, what is on its way included."""
        with self._lock:
            self.objects.clear()
            self._late = None

    def put(self, key: str, data: bytes, *, create: bool) -> int:
        """Return the status; 0 where the sender is dead and no answer is due."""
        with self._lock:
            if "/_delta_log/" not in key or not key.endswith(".json"):
                return self._store(key, data, create=create)
            if self._late is not None:
                self._store(*self._late, create=True)
                self._late = None
            fate = self.at_commit("files")
            if fate == "late":
                self._late = (key, data)
            if fate != "goes on":
                return 0
            status = self._store(key, data, create=create)
            return status if status != 200 or self.at_commit("landed") == "goes on" else 0

    def _store(self, key: str, data: bytes, *, create: bool) -> int:
        if create and key in self.objects:
            return 412
        self.objects[key] = data
        return 200


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128  # a client opens many connections at once; one that does not fit waits for a second

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked was killed."""


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket

    def do_PUT(self) -> None:
        length = int(self.headers.get("content-length", 0))
        data = self.rfile.read(length)
        if len(data) < length:
            return  # the sender was killed meanwhile
        status = self.bucket.put(self._key, data, create=self.headers.get("if-none-match") == "*")
        if status:
            self._answer(status, b"" if status == 200 else b"<Error><Code>PreconditionFailed</Code></Error>")

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._answer(200, self._listing(query["prefix"][0], query.get("start-after", [""])[0]))
        elif (data := self.bucket.objects.get(self._key)) is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer_with(data)

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.bucket.objects.pop(self._key, None)
        self._answer(204, b"")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/")

    def _answer_with(self, data: bytes) -> None:
        wanted = self.headers.get("range")
        if wanted is None:
            self._answer(200, data)
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        start = int(first) if first else max(len(data) - int(last), 0)
        end = min(int(last) + 1, len(data)) if first and last else len(data)
        self._answer(206, data[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(data)}")

    def _listing(self, prefix: str, after: str) -> bytes:
        keys = sorted(key.removeprefix(f"{self._key}/") for key in list(self.bucket.objects))
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-05T12:00:00.000Z</LastModified><ETag>e</ETag>"
            f"<Size>{len(self.bucket.objects[f'{self._key}/{key}'])}</Size></Contents>"
            for key in keys
            if key.startswith(prefix) and key > after
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"ETag": '"e"', "Last_Modified": "Mon, 05 Jan 2026 12:00:00 GMT", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
