"""Reading every destination back, once the router is closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from fanlight.demo.phoenix import Phoenix
from fanlight.demo.play import Played
from fanlight.demo.received import Received, read_jsonl, read_spans

_FILES: Final = {"archive": "events.jsonl", "vendor": "vendor.jsonl"}
"""The files of demo.yaml, by their sinks."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was read back."""

    played: Played
    archive: Received
    vendor: Received
    tracers: tuple[Received, ...]
    """The destinations that got spans: the embedded receiver, and Phoenix if there is one."""
    raw: dict[str, bytes]
    """What each destination holds, undecoded, to search it for what must not be there."""


def read_back(played: Played, directory: Path, receiver: Any, phoenix: Phoenix | None, since: datetime) -> Evidence:
    """
    Return what all destinations hold.

    Args:
        played: What was played.
        directory: Where the jsonl sinks wrote.
        receiver: The embedded OTLP receiver.
        phoenix: The Phoenix server, if one took part.
        since: When the play began.
    """
    archive = read_jsonl("archive", directory / _FILES["archive"])
    where = f"{receiver.http_endpoint}/v1/traces, decoded from the wire"
    tracers = [read_spans("tracing", where, receiver.spans)]
    raw = {"screen": played.printed.encode(), "tracing": _searchable(receiver.spans), **_contents(directory)}
    if phoenix is not None:
        tracers.append(phoenix.read({run.trace_id for run in archive.runs}, len(archive.runs), since))
        raw["phoenix"] = phoenix.raw
    return Evidence(
        played=played,
        archive=archive,
        vendor=read_jsonl("vendor", directory / _FILES["vendor"]),
        tracers=tuple(tracers),
        raw=raw,
    )


def _contents(directory: Path) -> dict[str, bytes]:
    return {sink: (directory / name).read_bytes() for sink, name in _FILES.items() if (directory / name).exists()}


def _searchable(spans: Iterable[Any]) -> bytes:
    return "\n".join(repr(span) for span in spans).encode()
