"""An event from a few of its fields, as tests of a configuration and the command line give them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fanlight.errors import Problem
from fanlight.event import TelemetryEvent
from fanlight.routing.keys import KEYS, expected_one_of

_RUN: Final = "00000000-0000-4000-8000-000000000001"
_IDENTITY: Final = {
    "event_id": f"{_RUN}:example:0",
    "run_id": _RUN,
    "root_run_id": _RUN,
    "trace_id": _RUN.replace("-", ""),
    "span_id": "0000000000000001",
    "name": "example",
    "time_unix_nano": 0,
}
_FIELDS: Final = tuple(field.name for field in msgspec.structs.fields(TelemetryEvent))
_AT_END: Final = frozenset({
    "status", "error", "outputs", "output_messages", "documents", "duration_ms", "time_to_first_token_ms",
    "response_model", "finish_reasons", "input_tokens", "output_tokens", "total_tokens", "cost_usd", "input_cost_usd",
    "output_cost_usd", "price_source", "rollup",
})  # fmt: skip


def event_of(fields: Mapping[str, Any], path: str = "event") -> tuple[TelemetryEvent | None, list[Problem]]:
    """
    Return an event with *fields*, or `None` and what is wrong with them, each problem with its path below *path*.

    Where no `type` is given it is a root chain's start, or its end if any field is one that only ends have.
    """
    unknown = [_unknown(str(name), path) for name in fields if name not in _FIELDS]
    if unknown:
        return None, unknown
    kind = "chain.error" if "error" in fields else "chain.end" if _AT_END & fields.keys() else "chain.start"
    try:
        return msgspec.convert({**_IDENTITY, "type": kind, **fields}, TelemetryEvent), []
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        return None, [_wrong(fields, path, where.rstrip("`"), message)]


def _wrong(fields: Mapping[str, Any], path: str, where: str, message: str) -> Problem:
    key = KEYS.get(where.removeprefix("."))
    found = fields.get(key.name) if key is not None else None
    if key is not None and key.choices and isinstance(found, str):
        hint = expected_one_of(key.choices, found)
        return Problem(path=f"{path}{where}", message=f"{key.name} is never {found!r:.60}", hint=hint)
    return Problem(path=f"{path}{where}", message=message[:1].lower() + message[1:])


def _unknown(name: str, path: str) -> Problem:
    close = difflib.get_close_matches(name, _FIELDS, n=1)
    hint = f"did you mean {close[0]}?" if close else "fields are those of TelemetryEvent"
    return Problem(path=f"{path}.{name}", message=f"an event has no field {name}", hint=hint)
