"""
What reached W&B, as plain values: one shape for a run on disk and a run on a server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SeenMetric:
    """One metric that the run defined."""

    name: str
    """The name, or the pattern with `*`."""
    step_metric: str | None = None
    summary: tuple[str, ...] = ()
    """What the summary keeps of it: `mean`, `max`, …"""
    hidden: bool = False


@dataclass(frozen=True)
class SeenAlert:
    """One alert that the run raised."""

    title: str
    text: str
    level: str
    """`INFO`, `WARN` or `ERROR`."""
    wait_seconds: float
    """W&B sends no second alert of this title within this time."""


@dataclass
class SeenTable:
    """One table as W&B shows it: the last one logged, or all increments."""

    columns: list[str] = field(default_factory=list)
    data: list[list[Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """The paths of the table files within the run."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.data]


@dataclass
class SeenRun:
    """One run, from all its directories or all its requests."""

    run_id: str
    entity: str = ""
    project: str = ""
    name: str = ""
    group: str = ""
    job_type: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    """Without W&B's own `_wandb`."""
    metrics: dict[str, SeenMetric] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    """The rows in the order of their steps, W&B's own `_step`, `_timestamp` and `_runtime` among their keys."""
    summary: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, SeenTable] = field(default_factory=dict)
    alerts: list[SeenAlert] = field(default_factory=list)
    exit_code: int | None = None
    """None: the run never said that it ended."""

    def values(self, key: str) -> list[Any]:
        """What was logged under *key*, in order; rows without it are passed over."""
        return [row[key] for row in self.history if key in row]
