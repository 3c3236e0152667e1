"""
Events as rows: a whole batch becomes one Arrow table, column by column.

What does not fit its column is found event by event; the others are not held up by it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from types import NoneType
from typing import Any, Final, NamedTuple

import msgspec
import pyarrow as pa

from fanlight import TelemetryEvent
from fanlight_lake.schema import ARROW_TYPES, COLUMNS, SCHEMA, Column, Kind

_TYPES: Final[dict[Kind, tuple[type, ...]]] = {
    "text": (str,),
    "integer": (int,),
    "number": (float, int),
    "flag": (bool,),
    "texts": (tuple,),
    "time": (int,),
    "date": (int,),
}
_WANTED: Final[dict[Kind, str]] = {
    "text": "a text",
    "integer": "a 64-bit integer",
    "number": "a number",
    "flag": "true or false",
    "texts": "a list of texts",
    "json": "a JSON value",
    "time": "a time",
    "date": "a date",
}

_ROWS: Final = 1000
"""Converted at once: Arrow keeps the interpreter lock for a whole column, and the application wants it back soon."""


class Misfit(ValueError):
    """A value that its column cannot hold; says which column and what was found, never the value."""


class Encoded(NamedTuple):
    """What became of a batch."""

    table: pa.Table
    """A row for each event that fits, in the batch's order."""
    misfits: dict[int, Misfit]
    """The events that do not, by their place in the batch."""


def encode(events: Sequence[TelemetryEvent]) -> Encoded:
    """Return *events* as one table; an event with a value that does not fit its column is left out and named."""
    misfits: dict[int, Misfit] = {}
    parts = [SCHEMA.empty_table()]
    for start in range(0, len(events), _ROWS):
        rows, left_out = _encode(events[start : start + _ROWS])
        parts.append(rows)
        misfits.update((start + index, misfit) for index, misfit in left_out.items())
    return Encoded(pa.concat_tables(parts), misfits)


def _encode(events: Sequence[TelemetryEvent]) -> Encoded:
    misfits: dict[int, Misfit] = {}
    arrays = [_array(column, events, misfits) for column in COLUMNS]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    if misfits:
        table = table.filter(pa.array(index not in misfits for index in range(len(events))))
    return Encoded(table, misfits)


def _array(column: Column, events: Sequence[TelemetryEvent], misfits: dict[int, Misfit]) -> pa.Array:
    values = [column.read(event) for event in events]
    if column.kind == "json":
        return _json_array(column, values, misfits)
    if _are_exact(column, values):
        try:
            return _converted(column, values)
        except (OverflowError, pa.ArrowException, UnicodeEncodeError):
            pass  # one of them is too large, or no Unicode: which one is asked below
    return _converted(column, [_fitting(column, value, index, misfits) for index, value in enumerate(values)])


def _are_exact(column: Column, values: list[Any]) -> bool:
    # Arrow itself would make 3 of 3.5, 1.0 of True and two texts of the text "ab".
    allowed = {*_TYPES[column.kind], *((NoneType,) if column.optional else ())}
    if not set(map(type, values)) <= allowed:
        return False
    return column.kind != "texts" or set(map(type, chain.from_iterable(values))) <= {str}


def _converted(column: Column, values: list[Any]) -> pa.Array:
    if column.kind == "date":
        return pa.array(values, pa.int32()).cast(pa.date32())
    return pa.array(values, ARROW_TYPES[column.kind])


def _fitting(column: Column, value: Any, index: int, misfits: dict[int, Misfit]) -> Any:
    if value is None and column.optional:
        return None
    if _are_exact(column, [value]):
        try:
            _converted(column, [value])
        except (OverflowError, pa.ArrowException):
            misfits.setdefault(index, _misfit(column, "a larger one"))
        except UnicodeEncodeError:
            misfits.setdefault(index, _misfit(column, "half a surrogate pair"))
        else:
            return value
    else:
        misfits.setdefault(index, _misfit(column, type(value).__name__))
    return None


def _misfit(column: Column, found: str) -> Misfit:
    return Misfit(f"{column.name}: expected {_WANTED[column.kind]}, found {found}")


def _json_array(column: Column, values: list[Any], misfits: dict[int, Misfit]) -> pa.Array:
    texts: list[bytes | None] = []
    for index, value in enumerate(values):
        try:
            texts.append(_json(column, value))
        except Misfit as misfit:
            misfits.setdefault(index, misfit)
            texts.append(None)
    return pa.array(texts, pa.string())


def _json(column: Column, value: Any) -> bytes | None:
    """Return *value* as JSON that reads back as what it is; nothing for the default."""
    try:
        if value == column.make_default():
            return None
        text = _encoder.encode(value)
        if b"null" in text:  # that is how JSON writes NaN and infinities
            json.dumps(msgspec.to_builtins(value), allow_nan=False)
        DECODERS[column.name].decode(text)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise _misfit(column, _found(value, error)) from error
    return text


def _found(value: Any, error: Exception) -> str:
    match error:
        case UnicodeEncodeError():
            return "half a surrogate pair"
        case RecursionError():
            return "one that is nested too deeply"
        case msgspec.ValidationError() | TypeError():
            return f"{type(value).__name__} with a value of a wrong type"
        case _:
            return "NaN or an infinity"


_encoder = msgspec.json.Encoder()
DECODERS: Final = {column.name: msgspec.json.Decoder(column.declared) for column in COLUMNS if column.kind == "json"}
"""Read a column's JSON back, by the column's name."""
