"""Reading back from a Phoenix server, by its REST API."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, Final

from fanlight.demo.readers import run_of_span
from fanlight.demo.received import SeenRun

PROJECT: Final = "fanlight-demo"
_PAGE: Final = 500

HOW_TO_START: Final = """\
Start one in an environment of its own, in a second terminal:

    python -m venv phoenix && phoenix/bin/pip install arize-phoenix
    PHOENIX_HOST=127.0.0.1 phoenix/bin/phoenix serve

then run this again, or name the one that you have: fanlight demo --phoenix http://127.0.0.1:6006
"""


def checked_url(url: str) -> str:
    """
    Return *url* without a slash at its end.

    Raises:
        ValueError: it is not an `http` or `https` URL.
    """
    if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError(f"{url!r} is no http URL")
    return url.rstrip("/")


class Phoenix:
    """
    A running Phoenix server.

    Args:
        url: Its base URL; `http` or `https`.
    """

    def __init__(self, url: str) -> None:
        self.url: Final = checked_url(url)
        self.raw = b""
        """The spans of the last `read`, as the server wrote them."""

    @property
    def answers(self) -> bool:
        """Whether it is there."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=3):  # noqa: S310 - the scheme was checked
                return True
        except (OSError, HTTPException):
            return False

    def read(self, traces: Collection[str], runs: int, since: datetime, patience: float = 15.0) -> tuple[SeenRun, ...]:
        """Return what it holds of *traces*, begun at *since*; waits until that is *runs* or *patience* seconds."""
        give_up = time.monotonic() + patience
        while True:
            spans = [span for span in self._spans(since) if span["context"]["trace_id"] in traces]
            if len(spans) >= runs or time.monotonic() > give_up:
                break
            time.sleep(0.2)
        self.raw = json.dumps(spans).encode()
        return tuple(_run(span) for span in spans)

    def _spans(self, since: datetime) -> Iterator[dict[str, Any]]:
        query = {"limit": str(_PAGE), "start_time": since.astimezone(UTC).isoformat()}
        while True:
            page = self._get(f"/v1/projects/{PROJECT}/spans?{urllib.parse.urlencode(query)}")
            yield from page.get("data", [])
            if not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]

    def _get(self, path: str) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as response:  # noqa: S310 - the scheme was checked
                found: dict[str, Any] = json.load(response)
                return found
        except (OSError, HTTPException, ValueError):  # the project appears with its first span
            return {}


def _run(span: dict[str, Any]) -> SeenRun:
    return run_of_span(
        span["context"]["trace_id"],
        span["context"]["span_id"],
        span["parent_id"] or None,
        span["attributes"],
        failed=span["status_code"] == "ERROR",
    )
