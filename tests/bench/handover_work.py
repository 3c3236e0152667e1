"""What happens after the wire, without LangChain: normalising, the secret scan, and three sinks' batches."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import re2  # type: ignore[import-untyped]

SECRET = re2.compile(
    r"sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|xox[baprs]-[A-Za-z0-9-]{10,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
Scan = Callable[[list["Event"]], list[bytes]]
SINKS = ("arize", "otel", "lake")
BATCH = 256


class Wire(msgspec.Struct, array_like=True, frozen=True):
    """One captured record as builtins: what crosses the socket, and what normalising starts from in either place."""

    kind: str
    mono_ns: int
    wall_ns: int
    run_id: UUID | None
    parent_run_id: UUID | None
    args: list[Any]
    kwargs: dict[str, Any]


class Event(msgspec.Struct, frozen=True):
    event_id: str
    type: str
    run_id: str
    parent_run_id: str | None
    time_unix_nano: int
    name: str | None
    tags: list[str] | None
    metadata: dict[str, Any] | None
    usage: Any
    content: Any


DECODER = msgspec.msgpack.Decoder(list[Wire])
JSON = msgspec.json.Encoder()


def scan_piece(events: list[Event]) -> list[bytes]:
    """One scan for the whole piece: the GIL is released once for all its events."""
    payloads = [JSON.encode(event) for event in events]
    SECRET.search(b"\n".join(payloads))
    return payloads


def scan_events(events: list[Event]) -> list[bytes]:
    """One scan of each encoded event: the GIL is released and taken again for each."""
    payloads = [JSON.encode(event) for event in events]
    for payload in payloads:
        SECRET.search(payload)
    return payloads


def scan_texts(events: list[Event]) -> list[bytes]:
    """One scan of each string."""
    for event in events:
        _scan(event.content)
        _scan(event.metadata)
    return [JSON.encode(event) for event in events]


def _scan(value: Any) -> None:
    if type(value) is str:
        SECRET.search(value)
    elif type(value) is dict:
        for item in value.values():
            _scan(item)
    elif type(value) is list:
        for item in value:
            _scan(item)


def normalise(wire: Wire) -> Event:
    run_id, kwargs = str(wire.run_id), wire.kwargs
    parent = str(wire.parent_run_id) if wire.parent_run_id else None
    usage = _usage(wire.args) if wire.kind == "on_llm_end" else None
    name, tags, metadata = kwargs.get("name"), kwargs.get("tags"), kwargs.get("metadata")
    id_ = f"{run_id}:{wire.kind}"
    return Event(id_, wire.kind, run_id, parent, wire.wall_ns, name, tags, metadata, usage, wire.args)


def _usage(args: list[Any]) -> Any:
    return args[0]["generations"][0][0]["message"].get("usage_metadata")


class Pipeline:
    """Normalise, scan, encode once; an envelope, a batch and a gzip per sink."""

    def __init__(self, scan: Scan = scan_piece) -> None:
        self.scan, self.events, self.bytes_out = scan, 0, 0
        self.pending: dict[str, list[bytes]] = {name: [] for name in SINKS}

    def feed(self, wires: list[Wire]) -> None:
        payloads = self.scan([normalise(wire) for wire in wires])
        for name, pending in self.pending.items():
            head = b'{"sink":"%s","event":' % name.encode()
            pending.extend(head + payload + b"}" for payload in payloads)
            if len(pending) >= BATCH:
                self._ship(pending)
        self.events += len(wires)

    def close(self) -> None:
        for pending in self.pending.values():
            self._ship(pending)

    def _ship(self, pending: list[bytes]) -> None:
        self.bytes_out += len(gzip.compress(b"\n".join(pending), 1))
        pending.clear()
