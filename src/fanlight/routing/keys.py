"""The keys that a match can name: the event's own field names, when each is known, and how it is read."""

from __future__ import annotations

import difflib
import enum
import math
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from fanlight.errors import Problem
from fanlight.event import EventType, Operation, Status, TelemetryEvent

Read: TypeAlias = Callable[[TelemetryEvent], Any]
Kind: TypeAlias = Literal["text", "texts", "number", "flag", "any"]
When: TypeAlias = Literal["start", "event", "later"]
"""
`start`: known when the run starts, so it can choose the run and all below it. `event`: differs between the events of
one run, or is known only at its end, so it chooses single events. `later`: known from whenever it first has a value.
"""


class Absent(enum.Enum):
    """Why a key has no value."""

    MISSING = "missing"
    UNKNOWN = "not known yet"
    FAILED = "could not be read"


class Key(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One key of a match."""

    name: str
    kind: Kind
    when: When
    read: Read
    """Returns the raw value; `None` or an empty text where there is none."""
    plain: str | None = None
    """The event's field, where the key is nothing but that."""
    choices: tuple[str, ...] = ()
    """All values that the key can have, where they are few."""

    def value(self, event: TelemetryEvent, *, settled: bool) -> Any:
        """Return the key's value, or why it has none; *settled* says that nothing more will become known."""
        try:
            value = self.read(event)
        except Exception:  # a plugin's matcher may raise anything; whoever evaluates decides what that means
            return Absent.FAILED
        if self.kind == "texts":
            return value or ()
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return Absent.MISSING if settled or self.when == "start" else Absent.UNKNOWN
        return value


def _field(name: str, kind: Kind = "text", when: When = "start", choices: tuple[str, ...] = ()) -> Key:
    return Key(name=name, kind=kind, when=when, read=attrgetter(name), plain=name, choices=choices)


def _part(part: str, name: str, kind: Kind = "text", when: When = "start") -> Key:
    def read(event: TelemetryEvent) -> Any:
        return getattr(getattr(event, part), name, None)

    return Key(name=f"{part}.{name}", kind=kind, when=when, read=read)


_NUMBERS: Final = (
    "duration_ms", "time_to_first_token_ms", "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens", "cost_usd", "attempt",
)  # fmt: skip
_TEXTS: Final = (
    "environment", "name", "service_name", "service_version", "provider", "request_model", "tenant_id", "user_id",
    "session_id", "prompt_name", "prompt_version",
)  # fmt: skip

KEYS: Final[Mapping[str, Key]] = {
    key.name: key
    for key in (
        *(_field(name) for name in _TEXTS),
        _field("operation", choices=get_args(Operation)),
        _field("tags", "texts"),
        _part("langgraph", "node"),
        _part("langgraph", "thread_id"),
        _part("langgraph", "graph_id"),
        _part("langgraph", "step", "number"),
        _part("tool", "name"),
        _field("type", when="event", choices=get_args(EventType)),
        _field("status", when="event", choices=get_args(Status)),
        _field("response_model", when="event"),
        _part("error", "type", when="event"),
        *(_field(name, "number", "event") for name in _NUMBERS),
        *(_field(name, "flag", "event") for name in ("streamed", "from_cache", "usage_missing", "partial")),
    )
}
"""Every key that has a fixed name. `metadata.<path>`, `attributes.<key>` and plugins' `x.<name>` come on top."""

_OPEN: Final = ("metadata", "attributes")


def parse_key(
    name: str, path: str, *, extra_keys: Mapping[str, Read] | None = None
) -> tuple[Key | None, list[Problem]]:
    """Return the key that *name* spells, or `None` and what is wrong with it; *extra_keys* are plugins', by name."""
    if name in KEYS:
        return KEYS[name], []
    head, _, rest = name.partition(".")
    if head in _OPEN and rest:
        return Key(name=name, kind="any", when="start", read=_walk(head, rest)), []
    extra = extra_keys or {}
    if head == "x" and rest in extra:
        return Key(name=name, kind="any", when="later", read=extra[rest]), []
    return None, [_unknown(name, path, extra)]


def expected_one_of(allowed: tuple[str, ...], found: str) -> str:
    """Return the words that are *allowed*, the one that *found* may have meant first."""
    close = difflib.get_close_matches(found, allowed, n=1)
    there = f"expected {', '.join(allowed)}"
    return f"did you mean {close[0]}? {there}" if close else there


def _walk(field: str, path: str) -> Read:
    steps = path.split(".")

    def read(event: TelemetryEvent) -> Any:
        value: Any = getattr(event, field)
        if path in value:
            return value[path]
        for step in steps:
            if not isinstance(value, dict):
                return None
            value = value.get(step)
        return value

    return read


def _unknown(name: str, path: str, extra: Mapping[str, Read]) -> Problem:
    if name in _OPEN:
        return Problem(path=path, message=f"{name} needs to say which", hint=f"write {name}.<key>")
    if name.startswith("x."):
        there = ", ".join(f"x.{key}" for key in sorted(extra)) or "none"
        return Problem(path=path, message=f"no plugin brings the key {name}", hint=f"installed plugins bring: {there}")
    close = difflib.get_close_matches(name, (*KEYS, *_OPEN), n=1)
    hint = f"did you mean {close[0]}?" if close else f"keys are {', '.join(KEYS)}, metadata.<path>, attributes.<key>"
    return Problem(path=path, message=f"there is no key {name} to match on", hint=hint)
