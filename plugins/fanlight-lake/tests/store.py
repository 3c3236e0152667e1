"""A store that speaks just enough S3 to be told apart from a good one: it may ignore conditions, refuse, or fail."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Store:
    """
    Keeps objects in memory; every bucket exists.

    Args:
        condition: What it makes of `If-None-Match`: it may honour it, ignore it, or answer 501.
        tls: Speak TLS.
    """

    def __init__(self, condition: str = "honour", tls: ssl.SSLContext | None = None) -> None:
        self.condition = condition
        self.tls = tls
        self.keys: set[str] = set()
        """The access keys that requests were signed with."""
        self.objects: dict[str, bytes] = {}
        self.statuses: list[int | None] = []
        """What the next requests are answered with, instead of what they ask for; `None` lets one through."""
        self.always: int | None = None
        """What all requests are answered with."""
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        store = self

        class Handler(_Handler):
            pass

        Handler.store = store
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="store")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    store: Store

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self._fails():
            return
        with self.store.lock:
            if self.headers.get("if-none-match") == "*":
                if self.store.condition == "501":
                    self._answer(501, b"<Error><Code>NotImplemented</Code></Error>")
                    return
                if self.store.condition == "honour" and self._key in self.store.objects:
                    self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                    return
            self.store.objects[self._key] = data
        self._answer(200, b"", ETag='"e"')

    def do_GET(self) -> None:
        if self._fails():
            return
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._answer(200, self._listing(query))
        elif self._key in self.store.objects:
            self._answer_with(self.store.objects[self._key])
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    do_HEAD = do_GET

    def _answer_with(self, data: bytes) -> None:
        wanted = self.headers.get("range")
        if wanted is None:
            self._answer(200, data, ETag='"e"', **_DATED)
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        start = int(first) if first else max(len(data) - int(last), 0)
        end = min(int(last) + 1, len(data)) if first and last else len(data)
        place = f"bytes {start}-{end - 1}/{len(data)}"
        self._answer(206, data[start:end], ETag='"e"', Content_Range=place, **_DATED)

    def do_DELETE(self) -> None:
        if not self._fails():
            self.store.objects.pop(self._key, None)
            self._answer(204, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if self._fails():
            return
        bucket = self._key.split("/")[0]
        for part in body.split("<Key>")[1:]:
            self.store.objects.pop(f"{bucket}/{part.split('</Key>')[0]}", None)
        self._answer(200, b"<DeleteResult></DeleteResult>")

    def log_message(self, *_: Any) -> None:
        pass

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/")

    def _listing(self, query: dict[str, list[str]]) -> bytes:
        bucket, prefix = self._key, query.get("prefix", [""])[0]
        after = query.get("start-after", [""])[0]
        keys = sorted(key.removeprefix(f"{bucket}/") for key in self.store.objects)
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-05T12:00:00.000Z</LastModified><ETag>e</ETag>"
            f"<Size>{len(self.store.objects[f'{bucket}/{key}'])}</Size></Contents>"
            for key in keys
            if key.startswith(prefix) and key > after
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()

    def _fails(self) -> bool:
        self.store.keys.add(self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0])
        with self.store.lock:
            status = self.store.always or (self.store.statuses.pop(0) if self.store.statuses else None)
        if status is not None:
            self._answer(
                status, b"<?xml version='1.0'?><Error><Code>X</Code><AWSAccessKeyId>k3y</AWSAccessKeyId></Error>"
            )
        return status is not None

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


_DATED = {"Last_Modified": "Mon, 05 Jan 2026 12:00:00 GMT"}


class Metadata:
    """The metadata service of a machine that has a role: its context is its URL."""

    def __enter__(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _MetadataHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="metadata")
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _MetadataHandler(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self._answer(b"session")

    def do_GET(self) -> None:
        keys = {"AccessKeyId": "from-role", "SecretAccessKey": "s", "Token": "t"}
        times = {"LastUpdated": "2026-01-05T12:00:00Z", "Expiration": "2046-01-05T12:00:00Z"}
        is_role = self.path.endswith("/role")
        self._answer(
            json.dumps({"Code": "Success", "Type": "AWS-HMAC", **keys, **times}).encode() if is_role else b"role"
        )

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "60")
        self.end_headers()
        self.wfile.write(body)
