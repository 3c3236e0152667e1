"""
Which W&B run an event belongs to, and that run's id and name: the same after every restart.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from fanlight import TelemetryEvent
from fanlight_wandb.config import RunBy, WandbConfig

NONE: Final = "none"
"""The value of a key that an event does not have."""
_NANO: Final = 1e9
_LONGEST: Final = 200
_ID_DIGITS: Final = 16


class Identity(msgspec.Struct, frozen=True):
    """What tells one W&B run of a writer from another: a day, or the values of some event fields."""

    day: str | None = None
    values: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """The identity in a few words, for the run's name."""
        shown = [f"{key.rpartition('.')[2]}={value}" for key, value in self.values]
        return " ".join([self.day] if self.day else shown)

    @property
    def config(self) -> dict[str, Any]:
        """The identity as the run's configuration says it: keys nested as in the event, so that W&B can compare."""
        nested: dict[str, Any] = {"day": self.day} if self.day else {}
        for key, value in self.values:
            *outer, last = key.split(".")
            place = nested
            for step in outer:
                place = place.setdefault(step, {})
            place[last] = value
        return nested


class Writer(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes: no two processes are the same writer at the same time."""

    service: str
    environment: str
    host: str
    slot: int = 0
    """The place among this machine's processes; the lowest that was free."""
    instance: str | None = None
    """The process itself, where each has its own run."""

    @property
    def label(self) -> str:
        """The writer in a few words."""
        return f"{self.host}#{self.slot + 1}" if self.slot else self.host


def identity_of(event: TelemetryEvent, config: WandbConfig) -> Identity:
    """Return the identity of the W&B run that *event* belongs to."""
    match config.run:
        case RunBy(by=keys):
            return Identity(values=tuple((key, value_of(event, key)) for key in keys))
        case "day":
            return Identity(day=datetime.fromtimestamp(event.time_unix_nano / _NANO, UTC).date().isoformat())
        case _:
            return Identity()


def value_of(event: TelemetryEvent, key: str) -> str:
    """Return what *event* has under *key* as text; `none` where it has nothing."""
    head, _, rest = key.partition(".")
    value = getattr(event, head)
    if rest:
        value = _within(value, rest) if isinstance(value, dict) else getattr(value, rest, None)
    if value is None or value == "":
        return NONE
    return (value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode())[:_LONGEST]


def _within(value: Any, path: str) -> Any:
    if path in value:
        return value[path]
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def run_id(identity: Identity, writer: Writer, config: WandbConfig) -> str:
    """Return the W&B run's id: whoever has the same identity, writer and project has the same id."""
    parts = (config.project, config.entity, msgspec.structs.astuple(writer), msgspec.structs.astuple(identity))
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:_ID_DIGITS]


def run_name(identity: Identity, writer: Writer) -> str:
    """Return the name that people see."""
    where = f"{writer.label}-{writer.instance}" if writer.instance else writer.label
    return " ".join(filter(None, (writer.service, identity.label, f"({where})")))[:_LONGEST]
