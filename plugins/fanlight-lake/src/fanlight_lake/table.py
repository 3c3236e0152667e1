"""
A Delta table of events: made, opened, checked and appended to.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Schema,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import ArrayType, DataType

from fanlight import Seal
from fanlight_lake.schema import PARTITIONS, SCHEMA
from fanlight_lake.storage import Storage

_CONFIGURATION: Final = {
    "delta.checkpointInterval": "20",
    # Minima and maxima of these stand in the log, which outlives deleted rows: nothing of a person, no content.
    "delta.dataSkippingStatsColumns": "time,type,run_type,status,request_model,duration_ms,total_tokens,cost_usd",
}
_WRITER: Final = WriterProperties(compression="ZSTD")
_COMMIT_RETRIES: Final = 50
"""Each costs a few milliseconds locally; eight writers that begin at once need about as many as they are."""


class SchemaConflict(Exception):
    """The table at this place cannot take events; says why."""


def open_table(storage: Storage) -> DeltaTable | None:
    """Return the table at *storage*, or `None` where there is none yet."""
    try:
        return DeltaTable(storage.uri, storage_options=storage.options)
    except TableNotFoundError:
        return None


def open_or_create_table(storage: Storage) -> DeltaTable:
    """
    Return the table at *storage*, making it where there is none. Several processes may do so at once.

    Raises:
        SchemaConflict: there is a table, and it is not one for events.
    """
    table = open_table(storage) or _create(storage)
    check_schema(table)
    return table


def check_schema(table: DeltaTable) -> None:
    """
    Return where *table* can take events: it may lack columns, and may have more.

    Raises:
        SchemaConflict: a column has another type, or the table is none of events.
    """
    found = {field.name: field.type for field in table.schema().fields}
    if "event_id" not in found:
        raise SchemaConflict(f"the table at {table.table_uri} has no column event_id: it holds something else")
    for field in Schema.from_arrow(SCHEMA).fields:
        if field.name in found and _name(found[field.name]) != _name(field.type):
            raise SchemaConflict(
                f"column {field.name} of the table at {table.table_uri} is {_name(found[field.name])}, "
                f"expected {_name(field.type)}: rename it, or use another path"
            )


def append(table: DeltaTable, rows: pa.Table, seal: Seal | None) -> bool:
    """
    Append *rows* in one commit; `False` where the table has this *seal* already, and nothing was written.

    Columns that the table lacks are added to it. With a seal the rows are written once, however often and by however
    many handles at a time this is called; without one, each call writes them.

    Raises:
        CommitFailedError: other writers kept being faster.
    """
    if seal is not None and _has(table, seal):
        return False
    try:
        write_deltalake(
            table,
            rows,
            mode="append",
            schema_mode="merge",
            writer_properties=_WRITER,
            commit_properties=_commit(seal),
        )
    except CommitFailedError:
        if seal is not None and _has(table, seal):
            return False
        raise
    return True


def _create(storage: Storage) -> DeltaTable:
    try:
        return DeltaTable.create(
            storage.uri,
            Schema.from_arrow(SCHEMA),
            partition_by=list(PARTITIONS),
            configuration=_CONFIGURATION,
            storage_options=storage.options,
        )
    except (DeltaError, OSError):
        table = open_table(storage)  # another process may have made it meanwhile
        if table is None:
            raise
        return table


def _has(table: DeltaTable, seal: Seal) -> bool:
    table.update_incremental()
    sequence = table.transaction_version(seal.writer)
    return sequence is not None and sequence >= seal.sequence


def _commit(seal: Seal | None) -> CommitProperties:
    transactions = [Transaction(seal.writer, seal.sequence)] if seal is not None else None
    return CommitProperties(max_commit_retries=_COMMIT_RETRIES, app_transactions=transactions)


def _name(kind: DataType) -> str:
    if isinstance(kind, ArrayType):
        return f"array of {_name(kind.element_type)}"
    return str(getattr(kind, "type", kind))
