"""
The columns of the lake: one for each field of an event, under the same name, and a few more that save analysts a join.

A text, a number, a flag and a list of texts have a column of that type; everything with a structure is JSON text. So a
field that a later fanlight adds becomes a column by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import msgspec
import pyarrow as pa

from fanlight import TelemetryEvent

Kind: TypeAlias = Literal["text", "integer", "number", "flag", "texts", "json", "time", "date"]

ARROW_TYPES: Final[dict[Kind, pa.DataType]] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "texts": pa.list_(pa.string()),
    "json": pa.string(),
    "time": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}

PARTITIONS: Final = ("date", "environment")
"""The columns that the directories are named for, outermost first."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column: where its values come from, and what they must be."""

    name: str
    kind: Kind
    read: Callable[[TelemetryEvent], Any]
    is_field: bool = False
    """Whether it is a field of the event; the others are made from fields, and not read back."""
    optional: bool = True
    declared: Any = None
    """The field's declared type."""
    make_default: Callable[[], Any] = NoneType
    """Returns what the field is where the column holds nothing."""


def _micros(field: str) -> Callable[[TelemetryEvent], Any]:
    return lambda event: _floor(getattr(event, field), 1000)


def _days(event: TelemetryEvent) -> Any:
    return _floor(event.time_unix_nano, 86_400_000_000_000)


def _floor(value: Any, divisor: int) -> int | None:
    # What is no integer is reported for the field itself.
    return value // divisor if type(value) is int and -(2**63) <= value < 2**63 else None


def _part(field: str, name: str) -> Callable[[TelemetryEvent], Any]:
    return lambda event: getattr(getattr(event, field), name, None)


def _made(name: str, kind: Kind, read: Callable[[TelemetryEvent], Any]) -> Column:
    return Column(name=name, kind=kind, read=read)


_LEADING: Final = (
    _made("date", "date", _days),
    _made("time", "time", _micros("time_unix_nano")),
    _made("start_time", "time", _micros("start_time_unix_nano")),
    _made("run_type", "text", attrgetter("run_type")),
)
_PARTS: Final = (
    _made("host", "text", _part("process", "host")),
    _made("pid", "integer", _part("process", "pid")),
    _made("instance_id", "text", _part("process", "instance_id")),
    _made("error_type", "text", _part("error", "type")),
    _made("error_message", "text", _part("error", "message")),
    _made("feedback_name", "text", _part("feedback", "name")),
    _made("feedback_score", "number", _part("feedback", "score")),
    _made("feedback_label", "text", _part("feedback", "label")),
)


def _kind_of(declared: Any) -> Kind:
    kinds: dict[Any, Kind] = {str: "text", int: "integer", float: "number", bool: "flag", tuple[str, ...]: "texts"}
    alternatives = [each for each in _alternatives(declared) if each is not NoneType]
    if len(alternatives) != 1:
        return "json"
    return "text" if get_origin(alternatives[0]) is Literal else kinds.get(alternatives[0], "json")


def _alternatives(declared: Any) -> tuple[Any, ...]:
    return get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)


def _field(field: msgspec.structs.FieldInfo) -> Column:
    return Column(
        name=field.name,
        kind=_kind_of(field.type),
        read=attrgetter(field.name),
        is_field=True,
        optional=NoneType in _alternatives(field.type),
        declared=field.type,
        make_default=_default_of(field),
    )


def _default_of(field: msgspec.structs.FieldInfo) -> Callable[[], Any]:
    make: Any = field.default_factory
    default = None if field.default is msgspec.NODEFAULT else field.default
    return lambda: default if make is msgspec.NODEFAULT else make()


def _columns() -> tuple[Column, ...]:
    fields = [_field(field) for field in msgspec.structs.fields(TelemetryEvent)]
    plain = [column for column in fields if column.kind != "json"]
    structured = [column for column in fields if column.kind == "json"]
    return (*_LEADING, *plain, *_PARTS, *structured)


COLUMNS: Final = _columns()
"""All columns, in their order: what is filtered by first, the payloads last."""

FIELDS: Final = {column.name: column for column in COLUMNS if column.is_field}
"""The columns that an event is made of again."""

SCHEMA: Final = pa.schema([pa.field(column.name, ARROW_TYPES[column.kind]) for column in COLUMNS])
"""The lake's schema. A table may have more columns, and an older one may have fewer."""

IDENTIFYING: Final = ("event_id", "schema_version")
"""Columns that every lake has had from the first version on."""


def holds_events(names: Collection[str]) -> bool:
    """Whether a table or a file with columns of these *names* is of a lake, and not somebody else's."""
    return all(name in names for name in IDENTIFYING)
