"""
The far end of the overhead measurement, in a process of its own: a server that answers at once, and an OTLP receiver.

Prints their addresses as JSON, then serves until its standard input ends, and prints how many bytes came for whom.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fanlight_otel.testing import OtlpReceiver

received: Counter[str] = Counter()


class AnswerAtOnce(BaseHTTPRequestHandler):
    """Says yes to everything; the first part of the path tells who it was."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self._body()
        received[self.path.split("/")[1]] += len(body)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_PUT = do_PATCH = do_POST

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing: what is printed is read by the measurement."""


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), AnswerAtOnce)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with OtlpReceiver() as receiver:
        peers = f"http://127.0.0.1:{server.server_address[1]}"
        print(json.dumps({"peers": peers, "otlp": receiver.http_endpoint}), flush=True)
        sys.stdin.read()
        print(json.dumps(dict(received) | {"fanlight spans": len(receiver.spans)}), flush=True)


if __name__ == "__main__":
    main()
