"""
Arize AX's Flight server as far as feedback needs it. Needs pyarrow, which the extra `sdk` brings.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
from pyarrow import flight

_TOKEN: Final = "auth-token-bin"  # noqa: S105 - the header's name
_KINDS: Final = {"writeSpanAnnotationRequest": "annotations", "writeSpanEvaluationRequest": "evaluations"}


class ArizeFlight:
    """
    Takes annotations and evaluations of the spans that it knows, and names the others in its answer, as Arize does.

    Args:
        space_id: The space's id.
        api_key: The key that may write to it.
        project: The project's name.
        certificate: PEM files of a certificate and its key; the server speaks TLS then.
    """

    def __init__(
        self, *, space_id: str, api_key: str, project: str, certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.space_id, self.api_key, self.project = space_id, api_key, project
        self.spans: set[str] = set()
        """Ids of the spans that it knows."""
        self.annotations: list[dict[str, Any]] = []
        """The rows it took from `update_annotations`."""
        self.evaluations: list[dict[str, Any]] = []
        """The rows it took from `update_evaluations`."""
        self.calls: list[list[dict[str, Any]]] = []
        """The rows of each call, those it refused included."""
        self.faults: list[Exception] = []
        """Errors to answer the next calls with, the first first, such as `FlightUnavailableError`."""
        self._scheme = "grpc+tls" if certificate else "grpc+tcp"
        pair = tuple(path.read_bytes() for path in certificate or ())
        self._server = _Server(self, f"{self._scheme}://127.0.0.1:0", [pair] if pair else [])

    @property
    def endpoint(self) -> str:
        """The address, as a sink's `flight_endpoint` has it."""
        return f"{self._scheme}://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve, name="arize-flight", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()

    def take(self, command: dict[str, Any], rows: list[dict[str, Any]]) -> bytes:
        """Keep *rows* as what *command* says they are, and return the answer: how many, and whom nobody knows."""
        self.calls.append(rows)
        if self.faults:
            raise self.faults.pop(0)
        ((request, named),) = command.items()
        if named.get("spaceId") != self.space_id or named.get("externalModelId") != self.project:
            raise flight.FlightUnauthorizedError("unknown space or project")
        kept = getattr(self, _KINDS[request])
        known = [row for row in rows if row["context.span_id"] in self.spans]
        kept.extend(known)
        return _answer(len(known), [row["context.span_id"] for row in rows if row not in known])


class _Server(flight.FlightServerBase):  # type: ignore[misc]
    def __init__(self, receiver: ArizeFlight, location: str, certificates: list[tuple[bytes, ...]]) -> None:
        self._receiver = receiver
        super().__init__(location, tls_certificates=certificates, middleware={"key": _Key(receiver)})

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:  # noqa: ARG002
        """Take one table."""
        rows = reader.read_all().to_pylist()
        writer.write(pa.py_buffer(self._receiver.take(json.loads(descriptor.command), rows)))


class _Key(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    def __init__(self, receiver: ArizeFlight) -> None:
        super().__init__()
        self._receiver = receiver

    def start_call(self, info: Any, headers: Any) -> None:  # noqa: ARG002
        """Refuse who does not show the key."""
        shown = [value if isinstance(value, bytes) else value.encode() for value in headers.get(_TOKEN, [])]
        if shown != [self._receiver.api_key.encode()]:
            raise flight.FlightUnauthenticatedError("unknown api key")


def _answer(updated: int, unmatched: list[str]) -> bytes:
    """Return Arize's protobuf answer: field 1 counts the records, field 2 repeats the ids it has no span for."""
    message = b"\x08" + _varint(updated) if updated else b""
    return message + b"".join(b"\x12" + _varint(len(each)) + each.encode() for each in unmatched)


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
