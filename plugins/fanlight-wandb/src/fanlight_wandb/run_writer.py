"""
Events into one W&B run: metrics row by row, then the tables, then the certainty that all of it is on disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from fanlight import TelemetryEvent
from fanlight_wandb.alerts import alert_of
from fanlight_wandb.config import WandbConfig
from fanlight_wandb.encode import timestamp_of
from fanlight_wandb.metrics import FEEDBACK, METRICS, STEP, Sessions, metrics_of
from fanlight_wandb.pending import Pending, Row
from fanlight_wandb.progress import Progress
from fanlight_wandb.run_facts import config_of, learn
from fanlight_wandb.run_state import RunState
from fanlight_wandb.tables import Tables

_ODD: Final = re.compile(r"[^A-Za-z0-9_./ -]")
_MOST_SCORES: Final = 200
"""Names of feedback that become metrics; the rest is in the table only."""


class RunWriter:
    """
    Writes to one open W&B run.

    Args:
        run: The W&B run.
        wandb: The SDK.
        config: The sink's settings.
        state: What is remembered of the run.
        sessions: The steps that sessions took.
        pending: What the run was given before and is not known to be safe.
        progress: Follows the run's transaction log; `None` leaves that to the run.
        state_path: Where the state is kept; `None` for the application's own run.
        namespace: The key of the run's configuration under which everything goes; `None` is its top.
    """

    def __init__(
        self,
        run: Any,
        wandb: ModuleType,
        config: WandbConfig,
        *,
        state: RunState,
        sessions: Sessions,
        pending: Pending,
        progress: Progress | None = None,
        state_path: Path | None = None,
        namespace: str | None = None,
    ) -> None:
        self.run: Final = run
        self._config: Final = config
        self._state: Final = state
        self._sessions: Final = sessions
        self._pending: Final = pending
        self._progress: Final = progress
        self._state_path: Final = state_path
        self._namespace: Final = namespace
        self._tables: Final = Tables(run, wandb, config.table) if config.table.enabled else None
        self._scores: Final[set[str]] = set()
        self._marker = 0
        self._define_metrics()

    def write(self, events: Iterable[TelemetryEvent], *, replay: bool) -> None:
        """Log *events*, but for what is logged of them already; metrics and alerts are not for a *replay*."""
        rows = self._pending.rows_of(events, replay=replay)
        self._log_facts(rows)
        for row in rows:
            if row.metered_at is None and not row.replay:
                self._meter(row)
        self._log_totals()
        self._log_tables([row for row in rows if row.tabled_at is None])

    def confirm(self, deadline: float) -> None:
        """
        Return when everything that was written is safe.

        Raises:
            RetryableError: it was not by *deadline*, in monotonic seconds.
            OSError: the state could not be kept.
            Exception: the SDK's, once wandb-core is gone.
        """
        if self._progress is not None:
            self._progress.wait_for(self._marker, deadline, self._define_step)
        self._state.totals = self._state.totals.plus(self._pending.counted())
        if self._state_path is not None:
            self._state.save(self._state_path)
        self._pending.clear()

    def give_up(self) -> None:
        """Note that nobody writes to this run any more, and which rows did not get there."""
        if self._progress is not None:
            self._pending.lose_after(self._progress.step())

    def _define_step(self) -> None:
        # As often as one likes: it changes nothing, and raises where wandb-core has died.
        self.run.define_metric(STEP, hidden=True)

    def _define_metrics(self) -> None:
        self._define_step()
        for name in METRICS:
            self.run.define_metric(name, step_metric=STEP, summary="mean")

    def _log_facts(self, rows: list[Row]) -> None:
        if learn(self._state.facts, (row.event for row in rows)):
            facts = config_of(self._state.facts)
            config = {self._namespace: facts} if self._namespace else facts
            self.run.config.update(config, allow_val_change=True)

    def _meter(self, row: Row) -> None:
        if row.values is None:
            row.values = metrics_of(row.event, self._sessions)
        values = {self._metric(name): value for name, value in row.values.items()}
        alert = alert_of(row.event, self._config)
        if alert is not None:
            alert.raise_on(self.run, self._config.alert_interval)
        row.metered_at = self._log(values, timestamp_of(row.event)) if values else self._state.step

    def _log_totals(self) -> None:
        self.run.summary.update(self._state.totals.plus(self._pending.counted()).summary())

    def _log_tables(self, rows: list[Row]) -> None:
        if self._tables is None or not rows:
            return
        step = self._log(self._tables.grow([row.event for row in rows]), max(timestamp_of(row.event) for row in rows))
        self._tables.forget_rows()
        for row in rows:
            row.tabled_at = step

    def _log(self, values: dict[str, Any], timestamp: float) -> int:
        self._state.step = self._marker = step = self._state.step + 1
        # Never `step=`: W&B drops what comes out of order, and only warns.
        self.run.log({STEP: step, "_timestamp": timestamp, **values})
        return step

    def _metric(self, name: str) -> str:
        if not name.startswith(FEEDBACK):
            return name
        plain = _ODD.sub("_", name)
        if plain not in self._scores and len(self._scores) < _MOST_SCORES:
            self.run.define_metric(plain, step_metric=STEP, summary="mean")
            self._scores.add(plain)
        return plain
