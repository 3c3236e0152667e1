"""
Tables that grow by increments, and are begun anew before they grow too large.

W&B's incremental table keeps all its rows in memory, and each increment names all those before it. So a table is
replaced by a new one of the same name: W&B shows the newest, and keeps the increments of all.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from fanlight import TelemetryEvent
from fanlight_wandb.config import TableConfig
from fanlight_wandb.encode import COLUMNS, row_of, table_of

_INCREMENTAL: Final = "incremental-table-file"
_MOST_TEXT: Final = 32 * 1024 * 1024
"""Characters that one table may hold in memory, whatever its rows."""


class Tables:
    """
    The tables of one W&B run, from its opening to its end.

    Args:
        run: The W&B run.
        wandb: The SDK.
        config: When a table is begun anew.
    """

    def __init__(self, run: Any, wandb: ModuleType, config: TableConfig) -> None:
        self._tables: Final = {name: _Table(name, run, wandb, config) for name in COLUMNS}

    def grow(self, events: list[TelemetryEvent]) -> dict[str, Any]:
        """Add a row for each of *events*, and return the tables that grew, as the run is to log them."""
        grown = {}
        for name, table in self._tables.items():
            rows = [row_of(event) for event in events if table_of(event) == name]
            if rows:
                grown[name] = table.grow(rows)
        return grown


class _Table:
    def __init__(self, name: str, run: Any, wandb: ModuleType, config: TableConfig) -> None:
        self._name: Final = name
        self._run: Final = run
        self._wandb: Final = wandb
        self._config: Final = config
        self._table: Any = None
        self._increments = 0
        self._text = 0

    def grow(self, rows: list[list[Any]]) -> Any:
        if self._table is None:
            self._begin(self._increments_so_far())
        elif self._is_full(len(rows)):
            self._begin(0)
        for row in rows:
            self._table.add_data(*row)
            self._text += sum(len(cell) for cell in row if isinstance(cell, str))
        self._increments += 1
        return self._table

    def _is_full(self, more: int) -> bool:
        return (
            len(self._table.data) + more > self._config.max_rows
            or self._increments >= self._config.max_increments
            or self._text > _MOST_TEXT
        )

    def _begin(self, increments: int) -> None:
        if self._run.resumed and increments == 0:
            # A new table of a resumed run goes on where the summary's last one ended: here that has no end.
            self._run.summary.update({self._name: None})
        if self._table is not None:
            # The SDK keeps the last hundred increments that it staged, and with them the tables that they are of.
            self._table.data.clear()
        columns = COLUMNS[self._name]
        self._table = self._wandb.Table(
            columns=list(columns), dtype=[kind for kind, _ in columns.values()], log_mode="INCREMENTAL"
        )
        self._increments, self._text = increments, 0

    def _increments_so_far(self) -> int:
        """Return how many increments the table has that W&B goes on with; 0 where a new one is begun."""
        known = self._run.summary.get(self._name) if self._run.resumed else None
        if known is None or known.get("_type") != _INCREMENTAL:
            return 0
        increments = int(known.get("increment_num") or 0) + 1
        return increments if increments < self._config.max_increments else 0
