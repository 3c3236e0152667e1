"""
Arize AX's REST API as far as feedback about traces needs it: projects by name, and annotations.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class ArizeApi:
    """
    Knows one project, and of its traces those whose root spans are in `roots`.

    A request with any other is refused whole, as Arize does it.

    Args:
        api_key: The key that may write.
        project: The project's name.
    """

    def __init__(self, *, api_key: str, project: str) -> None:
        self.project = project
        self.roots: set[str] = set()
        """Span ids of the roots of the traces that it knows."""
        self.annotations: list[dict[str, Any]] = []
        """What it took: each with `record_id`, `granularity` and `values`."""
        self.statuses: list[int] = []
        """Statuses to refuse the next requests with, the first first."""
        self.api_key = api_key
        self._server = _Server(self)

    @property
    def endpoint(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        # Polled often, because `shutdown` waits for the next poll.
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="arize-api", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """Return status and document for a request."""
        if path == "/v2/projects":
            return 200, self._projects(query)
        if path == "/v2/spans/annotate":
            return self._annotate(body)
        return 404, {"title": "Not Found", "status": 404}

    def _projects(self, query: dict[str, list[str]]) -> dict[str, Any]:
        named = query.get("name", [self.project])[0] in self.project
        moment = "2026-01-05T12:00:00Z"
        known = {"id": "TW9kZWw6MTox", "name": self.project, "space_id": "U3BhY2U6MQ==", "created_at": moment}
        return {"projects": [known] if named else [], "pagination": {"has_more": False}}

    def _annotate(self, body: Any) -> tuple[int, Any]:
        unknown = [record for record in body["annotations"] if record["record_id"] not in self.roots]
        if unknown:
            return 404, {"title": "Not Found", "status": 404, "detail": "a record was not found"}
        granularity = body.get("granularity", "SPAN")
        self.annotations += [{**record, "granularity": granularity} for record in body["annotations"]]
        return 202, {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: ArizeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer what asks."""
        self._answer(None)

    def do_POST(self) -> None:
        """Take what annotates."""
        self._answer(json.loads(self.rfile.read(int(self.headers.get("content-length") or 0))))

    def _answer(self, body: Any) -> None:
        api, parts = self.server.api, urlsplit(self.path)
        if self.headers.get("authorization", "").removeprefix("Bearer ") != api.api_key:
            status, document = 401, {"title": "Unauthorized", "status": 401}
        elif api.statuses:
            status = api.statuses.pop(0)
            document = {"title": "ordered", "status": status}
        else:
            status, document = api.answer(parts.path, parse_qs(parts.query), body)
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """A receiver in a test prints nothing."""
