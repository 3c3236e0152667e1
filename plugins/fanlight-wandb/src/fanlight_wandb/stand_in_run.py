"""
What the stand-in of the W&B server keeps of one run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fanlight_wandb.read_back import read_tables
from fanlight_wandb.seen import SeenAlert, SeenMetric, SeenRun

HISTORY: Final = "wandb-history.jsonl"
SUMMARY: Final = "wandb-summary.json"

_SUMMARIES: Final = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 7: "copy", 8: "first"}
_HIDDEN: Final = 2


@dataclass
class StoredRun:
    """One run on the server: the values of its bucket, the lines of its files, its uploads."""

    run_id: str
    bucket: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, dict[int, str]] = field(default_factory=dict)
    """The lines of each streamed file, by offset: one that is sent twice is there once."""
    uploads: dict[str, bytes] = field(default_factory=dict)
    alerts: list[SeenAlert] = field(default_factory=list)
    exit_code: int | None = None

    @property
    def key(self) -> str:
        """The id that the server gave to the run."""
        return f"bucket-{self.run_id}"

    def take_stream(self, body: Mapping[str, Any]) -> None:
        """Add what one `file_stream` request holds."""
        for name, chunk in (body.get("files") or {}).items():
            lines = self.lines.setdefault(name, {})
            lines.update(enumerate(chunk["content"], start=chunk["offset"]))
        if body.get("complete"):
            self.exit_code = body.get("exitcode")

    def lines_of(self, name: str) -> list[str]:
        """The lines of one streamed file."""
        lines = self.lines.get(name, {})
        return [lines[offset] for offset in sorted(lines)]

    def seen(self, artifacts: Mapping[str, bytes]) -> SeenRun:
        """Return the run as a reader of it sees it; *artifacts* are the files of artifacts by their reference."""
        bucket = self.bucket
        config = {key: entry["value"] for key, entry in json.loads(bucket.get("config") or "{}").items()}
        own = config.pop("_wandb", {})
        run = SeenRun(
            self.run_id,
            entity=bucket.get("entity", ""),
            project=bucket.get("project", ""),
            name=bucket.get("displayName", ""),
            group=bucket.get("groupName", ""),
            job_type=bucket.get("jobType", ""),
            notes=bucket.get("notes", ""),
            tags=tuple(bucket.get("tags", ())),
            config=config,
            metrics=_metrics(own.get("m", [])),
            history=[json.loads(line) for line in self.lines_of(HISTORY)],
            summary=self._summary(),
            alerts=list(self.alerts),
            exit_code=self.exit_code,
        )
        read_tables(run, lambda value: self.uploads.get(value["path"], artifacts.get(value["artifact_path"])))
        return run

    def _summary(self) -> dict[str, Any]:
        lines = self.lines_of(SUMMARY)
        summary: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        summary.pop("_wandb", None)
        return summary


def _metrics(encoded: list[dict[str, Any]]) -> dict[str, SeenMetric]:
    """Decode W&B's short form of `MetricRecord`: its keys are the numbers of the fields."""
    names = [metric.get("1") or metric["2"] for metric in encoded]
    return {
        name: SeenMetric(
            name,
            names[metric["5"] - 1] if metric.get("5") else None,
            tuple(_SUMMARIES[number] for number in metric.get("7", ())),
            _HIDDEN in metric.get("6", ()),
        )
        for name, metric in zip(names, encoded, strict=True)
    }
