"""
Conditions for Delta, which keeps the text of each in the table's log: they name days, environments and random ids, and
nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from fanlight_lake.commands.stored import Partition


def in_partition(partition: Partition) -> str:
    """Return the condition for all rows of *partition*."""
    environment = f"environment = {_literal(partition.environment)}" if partition.environment else "environment IS NULL"
    return f"date = {_literal(partition.date)} AND {environment}"


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition for the rows whose *column* holds one of *values*."""
    return f"{column} IN ({', '.join(map(_literal, sorted(values)))})"


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
