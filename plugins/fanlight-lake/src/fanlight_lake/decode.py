"""
Rows as events again: equal to what was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa

from fanlight import TelemetryEvent
from fanlight_lake.encode import DECODERS
from fanlight_lake.schema import FIELDS, Column


def decode(table: pa.Table | pa.RecordBatch) -> Iterator[TelemetryEvent]:
    """
    Return the events of *table*'s rows.

    A field whose column is missing, because the table is older, has its default; columns that are no field, because
    the table is newer, are passed over.

    Raises:
        ValueError: a row holds something that is no event's.
    """
    known = [column for name, column in FIELDS.items() if name in table.schema.names]
    values = [_values(column, table.column(column.name).to_pylist()) for column in known]
    names = [column.name for column in known]
    for row in zip(*values, strict=True):
        yield TelemetryEvent(**dict(zip(names, row, strict=True)))


def _values(column: Column, found: list[Any]) -> list[Any]:
    if column.kind == "texts":
        return [column.make_default() if value is None else tuple(value) for value in found]
    if column.kind == "json":
        return [column.make_default() if value is None else _decoded(column, value) for value in found]
    return [column.make_default() if value is None else value for value in found]


def _decoded(column: Column, text: str) -> Any:
    try:
        return DECODERS[column.name].decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(f"column {column.name} holds a value that is no event's: {type(error).__name__}") from error
