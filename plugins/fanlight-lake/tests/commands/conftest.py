"""Lakes of both formats, on a disk and in a bucket, with rows of several users and days; and the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import yaml

from fanlight import PartialFailure, TelemetryEvent
from fanlight.cli import main
from fanlight.event import Feedback
from fanlight.testing import make_context, make_event, make_trace
from fanlight_lake import LakeConfig, LakeSink
from fanlight_lake.commands.lake import Lake
from fanlight_lake.storage import storage_of
from fanlight_lake.testing import read_events

DAY_NS = 86_400_000_000_000
USER = "user-4711-alice"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Place:
    """A lake of a test: what writes to it, what reads it back, and what names it on the command line."""

    def __init__(self, settings: dict[str, Any], directory: Path, make_batch: Callable[..., Any]) -> None:
        self.settings = settings
        self.config = LakeConfig(**settings)
        self.storage = storage_of(self.config)
        self._directory = directory
        self._make_batch = make_batch
        self._batches = 0

    @property
    def is_delta(self) -> bool:
        return self.config.format == "delta"

    @property
    def lake(self) -> Lake:
        return Lake(self.storage, is_delta=self.is_delta)

    def deliver(self, *batches: tuple[TelemetryEvent, ...]) -> None:
        """Write each batch as the sink does; what does not fit is quarantined."""
        sink = LakeSink(self.config)
        sink.open(make_context("lake"))
        for events in batches:
            self._batches += 1
            with suppress(PartialFailure):
                sink.deliver(self._make_batch(*events, id=f"batch-{self._batches:04}"))
        sink.close()

    def events(self) -> list[TelemetryEvent]:
        return read_events(**self.settings)

    def arguments(self) -> list[str]:
        """Local lakes are named by their path, those in buckets by a configuration with the keys in it."""
        if self.config.bucket is None:
            return ["--path", self.config.path]
        return ["--config", self.yaml()]

    def yaml(self) -> str:
        file = self._directory / "fanlight.yaml"
        document = {
            "version": 1,
            "service": "support-bot",
            "environments": ["prod"],
            "environment": "prod",
            "sinks": {"archive": {"type": "lake", **self.settings}},
            "routes": [{"match": {}, "to": ["archive"]}],
        }
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        return str(file)

    def contents(self) -> dict[str, bytes]:
        """Every file there is, hidden ones too."""
        return {file.name: self.storage.get(file.name) for file in self.lake.stored()}


@pytest.fixture(params=["delta-local", "parquet-local", "delta-s3", "parquet-s3"])
def place(request, tmp_path, make_batch) -> Place:
    """A place for a lake: either format, on a disk and in a bucket."""
    form, where = request.param.split("-")
    settings = request.getfixturevalue("s3") if where == "s3" else {"path": str(tmp_path)}
    path = f"{settings['path']}/{uuid4().hex}"
    return Place({**settings, "path": path, "format": form}, tmp_path, make_batch)


@pytest.fixture
def local(request, tmp_path, make_batch) -> Place:
    """A place on the disk; the format is the parameter."""
    return Place({"path": str(tmp_path / "lake"), "format": request.param}, tmp_path, make_batch)


@pytest.fixture
def run(capsys) -> Callable[..., Ran]:
    """Run `fanlight lake <arguments>`."""

    def ran(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            code = main(["lake", *arguments])
        except SystemExit as leaving:  # argparse
            code = int(leaving.code or 0)
        return Ran(code, *capsys.readouterr())

    return ran


@pytest.fixture
def ask(run) -> Callable[..., list[dict[str, Any]]]:
    """Run a query and return its rows; it must succeed."""

    def asked(place: Place, sql: str, *options: str) -> list[dict[str, Any]]:
        ran = run("query", sql, *place.arguments(), "--format", "json", *options)
        assert (ran.code, ran.err) == (0, "")
        return json.loads(ran.out)

    return asked


def trace(kind: str = "agent", *, seed: int, day: int = 0, **fields: Any) -> tuple[TelemetryEvent, ...]:
    """A trace of an agent or RAG chain, so many days after 2026-01-05; equal seeds give equal ids."""
    fields = {"environment": "prod", **fields}
    return tuple(_later(event, day * DAY_NS) for event in make_trace(kind, seed=seed, **fields))


def today(events: tuple[TelemetryEvent, ...], *, days_ago: int = 0) -> tuple[TelemetryEvent, ...]:
    """The same events, so many days ago."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
    shift = int(noon.timestamp()) * 10**9 - min(event.time_unix_nano for event in events)
    return tuple(_later(event, shift) for event in events)


def feedback(on: TelemetryEvent, **fields: Any) -> TelemetryEvent:
    """What somebody said about the trace of *on*."""
    given = {"trace_id": on.trace_id, "environment": "prod", "feedback": Feedback(name="helpful", target="trace")}
    return make_event("feedback", **{**given, **fields})


def misfit(**fields: Any) -> TelemetryEvent:
    """An event that no row can hold."""
    return make_event("llm.end", environment="prod", input_tokens=2**70, **fields)


def _later(event: TelemetryEvent, nanoseconds: int) -> TelemetryEvent:
    start = event.start_time_unix_nano
    return event.replace(
        time_unix_nano=event.time_unix_nano + nanoseconds,
        start_time_unix_nano=None if start is None else start + nanoseconds,
    )


@pytest.fixture
def make() -> Any:
    """The makers of events above, for test modules."""
    return SimpleNamespace(trace=trace, today=today, feedback=feedback, misfit=misfit, user=USER)
