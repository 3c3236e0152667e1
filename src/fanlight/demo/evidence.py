"""Reading every destination back, once the router is closed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import msgspec

from fanlight.demo.phoenix import PROJECT, Phoenix
from fanlight.demo.play import Played
from fanlight.demo.readers import rows_of_tables, runs_of_events, runs_of_rows, runs_of_spans
from fanlight.demo.received import Received


class Receiver(Protocol):
    """What keeps the spans that it was sent."""

    @property
    def spans(self) -> list[Any]:
        """The spans, decoded from the wire."""
        ...


class Far(msgspec.Struct, frozen=True, kw_only=True):
    """The far ends that the demo itself runs, and the Phoenix that somebody else does."""

    tracing: Receiver
    arize: Receiver
    phoenix: Phoenix | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was read back."""

    played: Played
    archive: Received
    """The data lake in this region: all events of everybody."""
    tracing: Received
    arize: Received
    experiments: Received
    raw: dict[str, bytes]
    """What each destination holds, undecoded, to search it for what must not be there."""

    @property
    def all(self) -> tuple[Received, ...]:
        """All destinations."""
        return (self.archive, self.tracing, self.arize, self.experiments)

    @property
    def abroad(self) -> tuple[Received, ...]:
        """Those that EU tenants must not reach."""
        return (self.arize, self.experiments)


def read_back(played: Played, directory: Path, far: Far, since: datetime) -> Evidence:
    """
    Return what all destinations hold.

    Args:
        played: What was played.
        directory: Where the lake and the W&B files are.
        far: Where the spans went.
        since: When the play began.
    """
    archive, lines = _lake(directory / "lake")
    experiments, table = _experiments(directory / "wandb")
    tracing = Received(
        name="tracing", look="an OTLP receiver inside the demo", runs=tuple(runs_of_spans(far.tracing.spans))
    )
    arize, spans = _arize(far, archive, since)
    return Evidence(
        played=played,
        archive=archive,
        tracing=tracing,
        arize=arize,
        experiments=experiments,
        raw={
            "screen": played.printed.encode(),
            "archive": lines,
            "tracing": _searchable(far.tracing.spans),
            "arize": spans,
            "experiments": table,
        },
    )


def _lake(directory: Path) -> tuple[Received, bytes]:
    events = import_module("fanlight_lake.testing").read_events(directory) if directory.exists() else []
    query = "select name, status, cost_usd from traces"
    look = f'{command("fanlight")} lake query "{query}" --path {directory}'
    received = Received(name="archive", look=look, runs=tuple(runs_of_events(events)))
    return received, b"\n".join(event.to_json() for event in events)


def _experiments(directory: Path) -> tuple[Received, bytes]:
    found = import_module("fanlight_wandb.testing").read_runs(directory)
    rows = list(rows_of_tables(found))
    look = f"{command('wandb')} sync {directory}/wandb/offline-run-*  (needs a W&B account)"
    files = (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    raw = b"\n".join([_searchable(rows), *(path.read_bytes() for path in files)])
    return Received(name="experiments", look=look, runs=tuple(runs_of_rows(rows))), raw


def _arize(far: Far, archive: Received, since: datetime) -> tuple[Received, bytes]:
    if far.phoenix is None:
        runs = tuple(runs_of_spans(far.arize.spans))
        look = "Arize's endpoint, played by the demo; --phoenix shows it in a real Phoenix"
        return Received(name="arize", look=look, runs=runs), _searchable(far.arize.spans)
    allowed = [run for run in archive.runs if not run.tenant_id.startswith("eu-")]
    found = far.phoenix.read({run.trace_id for run in allowed}, len(allowed), since)
    look = f"{far.phoenix.url}/projects, project {PROJECT}"
    return Received(name="phoenix", look=look, runs=found), far.phoenix.raw


def command(name: str) -> str:
    """Return how the installed program *name* is called from the shell that the demo was started from."""
    if "UV_RUN_RECURSION_DEPTH" in os.environ:  # `uv run` puts its own environment on the PATH, for its child only
        return f"uv run {name}"
    return name if shutil.which(name) else str(Path(sys.executable).with_name(name))


def _searchable(values: Iterable[Any]) -> bytes:
    return "\n".join(repr(value) for value in values).encode()
