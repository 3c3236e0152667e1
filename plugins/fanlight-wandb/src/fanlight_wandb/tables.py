"""
Tables that grow by increments, and are begun anew before they grow too large.

Each increment names all those before it, and a browser shows a table whole. So a table is replaced by a new one of the
same name: W&B shows the newest, and keeps the increments of all.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from fanlight import TelemetryEvent
from fanlight_wandb.config import TableConfig
from fanlight_wandb.encode import COLUMNS, row_of, table_of

_INCREMENTAL: Final = "incremental-table-file"
_LOGGED: Final[list[Any]] = []
"""Stands for a row that was logged: the SDK counts those, and does not read them again."""


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

    def forget_rows(self) -> None:
        """Let go of all rows, once the run has logged them."""
        for table in self._tables.values():
            table.forget_rows()


class _Table:
    def __init__(self, name: str, run: Any, wandb: ModuleType, config: TableConfig) -> None:
        self._name: Final = name
        self._run: Final = run
        self._wandb: Final = wandb
        self._config: Final = config
        self._table: Any = None
        self._increments = 0

    def grow(self, rows: list[list[Any]]) -> Any:
        if self._table is None:
            self._begin(self._increments_so_far())
        elif self._is_full(len(rows)):
            self._begin(0)
        for row in rows:
            self._table.add_data(*row)
        self._increments += 1
        return self._table

    def forget_rows(self) -> None:
        if self._table is not None:
            self._table.data[:] = [_LOGGED] * len(self._table.data)

    def _is_full(self, more: int) -> bool:
        rows = len(self._table.data) + more
        return rows > self._config.max_rows or self._increments >= self._config.max_increments

    def _begin(self, increments: int) -> None:
        if self._run.resumed and increments == 0:
            # A new table of a resumed run goes on where the summary's last one ended: here that has no end.
            self._run.summary.update({self._name: None})
        columns = COLUMNS[self._name]
        self._table = self._wandb.Table(
            columns=list(columns), dtype=[kind for kind, _ in columns.values()], log_mode="INCREMENTAL"
        )
        self._increments = increments

    def _increments_so_far(self) -> int:
        """Return how many increments the table has that W&B goes on with; 0 where a new one is begun."""
        known = self._run.summary.get(self._name) if self._run.resumed else None
        if known is None or known.get("_type") != _INCREMENTAL:
            return 0
        increments = int(known.get("increment_num") or 0) + 1
        return increments if increments < self._config.max_increments else 0
