"""
Runs as they stand in their directories: transaction logs and table files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from fanlight_wandb.seen import SeenAlert, SeenMetric, SeenRun, SeenTable
from fanlight_wandb.transaction_log import TransactionLog

_TABLE_TYPES: Final = {"table-file", "incremental-table-file"}

ReadFile: TypeAlias = Callable[[Mapping[str, Any]], bytes | None]
"""Returns the file of a table that a history row names, if it is there."""


def read_runs(directory: Path) -> list[SeenRun]:
    """
    Return what all runs below *directory* have on disk, offline and online, in the order of their first start.

    Directories of the same run (it was resumed) are one. Runs may be alive: what is complete on disk is read.

    Raises:
        CorruptLogError: a transaction log is damaged from its beginning on.
    """
    runs: dict[str, SeenRun] = {}
    for path in sorted(directory.rglob("*run-*/run-*.wandb"), key=lambda path: path.parent.name.partition("run-")[2]):
        run_id = path.stem.removeprefix("run-")
        run = runs.setdefault(run_id, SeenRun(run_id))
        for record in TransactionLog(path).read_new():
            take_record(run, record)
        read_tables(run, _files_of(path.parent))
    return list(runs.values())


def _files_of(run_directory: Path) -> ReadFile:
    def read(value: Mapping[str, Any]) -> bytes | None:
        file = run_directory / "files" / value["path"]
        return file.read_bytes() if file.exists() else None

    return read


def take_record(run: SeenRun, record: Any) -> None:
    """Add what one record of a transaction log says to *run*."""
    if take := _TAKES.get(record.WhichOneof("record_type")):
        take(run, getattr(record, record.WhichOneof("record_type")))


def _take_run(run: SeenRun, record: Any) -> None:
    run.entity = record.entity or run.entity
    run.project = record.project or run.project
    run.name = record.display_name or run.name
    run.group = record.run_group or run.group
    run.job_type = record.job_type or run.job_type
    run.notes = record.notes or run.notes
    run.tags = tuple(record.tags) or run.tags
    _take_config(run, record.config)


def _take_config(run: SeenRun, record: Any) -> None:
    _merge(run.config, record.update)
    run.config.pop("_wandb", None)


def _take_metric(run: SeenRun, record: Any) -> None:
    name = record.name or record.glob_name
    summary = tuple(field.name for field, value in record.summary.ListFields() if value is True)
    run.metrics[name] = SeenMetric(name, record.step_metric or None, summary, record.options.hidden)


def _take_history(run: SeenRun, record: Any) -> None:
    row: dict[str, Any] = {}
    _merge(row, record.item)
    run.history.append(row)


def _take_summary(run: SeenRun, record: Any) -> None:
    _merge(run.summary, record.update)
    run.summary.pop("_wandb", None)


def _take_alert(run: SeenRun, record: Any) -> None:
    run.alerts.append(SeenAlert(record.title, record.text, record.level, record.wait_duration / 1000))


def _take_exit(run: SeenRun, record: Any) -> None:
    run.exit_code = record.exit_code


_TAKES: Final[dict[str, Callable[[SeenRun, Any], None]]] = {
    "run": _take_run,
    "config": _take_config,
    "metric": _take_metric,
    "history": _take_history,
    "summary": _take_summary,
    "alert": _take_alert,
    "exit": _take_exit,
}


def _merge(into: dict[str, Any], items: Iterable[Any]) -> None:
    for item in items:
        *outer, last = item.nested_key or [item.key]
        place = into
        for key in outer:
            if not isinstance(place.get(key), dict):
                place[key] = {}
            place = place[key]
        place[last] = json.loads(item.value_json)


def read_tables(run: SeenRun, read_file: ReadFile) -> None:
    """Add the tables that the history of *run* names, as far as *read_file* has their files."""
    for row in run.history:
        for key, value in row.items():
            if isinstance(value, dict) and value.get("_type") in _TABLE_TYPES:
                _take_table(run.tables.setdefault(key, SeenTable()), value, read_file)


def _take_table(table: SeenTable, value: dict[str, Any], read_file: ReadFile) -> None:
    body = None if value["path"] in table.files else read_file(value)
    if body is None:
        return
    content = json.loads(body)
    if value["_type"] == "table-file":
        table.data.clear()
    table.files.append(value["path"])
    table.columns = content["columns"]
    table.data.extend(content["data"])
