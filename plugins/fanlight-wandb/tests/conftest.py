"""A stand-in of the W&B server, and programs that use the real SDK in processes of their own."""

import contextlib
import gc
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from wandb.sdk.artifacts.artifact_instance_cache import artifact_instance_cache, artifact_instance_cache_by_client_id

from fanlight import Sink, SinkContext, TelemetryEvent, testing
from fanlight.delivery.process import RemoteSink
from fanlight_wandb import WandbConfig, WandbSink, fanlight_register_sinks
from fanlight_wandb.testing import SeenRun, WandbServer, read_runs

PRELUDE = """
import json, os, signal, sys, threading, time
from pathlib import Path

HERE = Path(sys.argv[1])

def start(mode="offline", **arguments):
    import wandb
    quiet = dict(silent=True, console="off", x_disable_stats=True, x_disable_meta=True, x_disable_machine_info=True,
                 disable_git=True, disable_code=True, x_save_requirements=False, root_dir=str(HERE))
    settings = wandb.Settings(mode=mode, **quiet, **arguments.pop("settings", {}))
    return wandb.init(settings=settings, **arguments)
"""


class Programs:
    """
    Starts Python programs, each after `PRELUDE`, in which nothing of the developer's own W&B is found.

    Args:
        directory: `HERE` for the programs.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
        self.environment |= {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false", "HOME": str(directory)}
        self.environment |= {f"WANDB_{kind}_DIR": str(directory / kind.lower()) for kind in ("DATA", "CACHE", "CONFIG")}
        self._started: list[subprocess.Popen[str]] = []

    def start(self, program: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start *program*, with *more* in its environment."""
        path = self.directory / f"program{len(self._started)}.py"
        path.write_text(PRELUDE + textwrap.dedent(program))
        process = subprocess.Popen(
            [sys.executable, str(path), str(self.directory)],
            env=self.environment | dict(more or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, program: str, more: Mapping[str, str] | None = None, *, timeout: float = 120) -> str:
        """Run *program* to its end, which must be a good one, and return what it printed."""
        process = self.start(program, more)
        out, err = process.communicate(timeout=timeout)
        assert process.returncode == 0, err
        return out

    def sync(self, account: Mapping[str, str]) -> None:
        """Upload every run directory, as an operator does."""
        runs = [str(path.parent) for path in sorted(self.directory.rglob("run-*.wandb"))]
        assert runs
        command = [sys.executable, "-m", "wandb", "sync", "--include-online", *runs]
        environment = self.environment | dict(account)
        # It writes its own log below the directory that it is started in.
        subprocess.run(command, env=environment, cwd=self.directory, check=True, capture_output=True, timeout=120)

    def end(self) -> None:
        """End those that still run."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def _wandb_cores_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            state, parent, *_ = rest.split()
            if name.startswith("wandb-core") and state != "Z" and int(parent) == pid:
                found.append(int(stat.parent.name))
    return found


@pytest.fixture(scope="session")
def cores_of() -> Callable[[int], list[int]]:
    """Finds the wandb-core processes that a process has started."""
    return _wandb_cores_of


@pytest.fixture(scope="session")
def make_programs() -> Callable[[Path], Programs]:
    return Programs


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    started = Programs(tmp_path)
    yield started
    started.end()


@pytest.fixture
def server() -> Iterator[WandbServer]:
    with WandbServer() as running:
        yield running
        assert running.unknown == []


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Makes a configuration with one sink `runs` of type wandb, quick to send and to try again."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def make(**sink: Any) -> dict[str, Any]:
        quick = {"batch": {"linger": "50ms"}, "retry": {"initial": "50ms", "max": "500ms"}}
        runs = {"type": "wandb", "project": "p", "directory": str(tmp_path / "wandb"), **quick, **sink}
        return {
            "version": 1,
            "service": "bot",
            "environments": ["test"],
            "environment": "test",
            "shutdown_timeout": "5s",
            "sinks": {"runs": runs},
            "routes": [{"match": {}, "to": ["runs"]}],
        }

    return make


@pytest.fixture
def online(settings: Callable[..., dict[str, Any]], server: WandbServer) -> Callable[..., dict[str, Any]]:
    """The same, to the stand-in."""
    return partial(settings, base_url=server.url, api_key=server.api_key)


@pytest.fixture
def account(server: WandbServer) -> dict[str, str]:
    """The environment of somebody who is logged in to the stand-in."""
    return {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": server.api_key}


class Bench:
    """
    Opens sinks, offline unless a test says otherwise, and reads back what they left on disk.

    Args:
        directory: Where W&B keeps its files.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.apart = False
        """Whether sinks run in processes of their own, as they do behind a router."""
        self._opened: list[Sink[Any]] = []

    def open(self, context: SinkContext | None = None, **settings: Any) -> Sink[Any]:
        """Open a sink with these settings."""
        config = WandbConfig(**{"project": "shop", "mode": "offline", "directory": self.directory, **settings})
        sink = RemoteSink(fanlight_register_sinks()[0], config) if self.apart else WandbSink(config)
        sink.open(
            context or testing.make_context("runs", service_name="bot", environment="prod", instance_id="5f1d7a90")
        )
        self._opened.append(sink)
        return sink

    def deliver(self, *events: TelemetryEvent, batch: dict[str, Any] | None = None, **settings: Any) -> None:
        """Deliver *events* with a sink of its own, which is closed then: one life of a process."""
        sink = self.open(**settings)
        sink.deliver(testing.make_batch(events, sink="runs", timeout=20, **(batch or {})))
        self.close(sink)

    def close(self, sink: Sink[Any]) -> None:
        """Close *sink*."""
        self._opened.remove(sink)
        sink.close()

    @property
    def runs(self) -> list[SeenRun]:
        """All runs on disk."""
        return read_runs(self.directory)

    @property
    def only_run(self) -> SeenRun:
        """The one run on disk."""
        (run,) = self.runs
        return run

    def end(self) -> None:
        """Close what is open."""
        for sink in list(self._opened):
            self.close(sink)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name, value in {"SILENT": "true", "ERROR_REPORTING": "false", "DATA_DIR": str(tmp_path / "staged")}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    # The SDK writes into it, and would leave it to the next test.
    monkeypatch.setenv("WANDB_SERVICE", "")
    running = Bench(tmp_path / "files")
    yield running
    running.end()
    _let_go_of_artifacts()


def _let_go_of_artifacts() -> None:
    """Have the SDK drop the artifacts it keeps: their directories are left to the garbage collector, which warns."""
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        artifact_instance_cache.clear()
        artifact_instance_cache_by_client_id.clear()
        gc.collect()


@pytest.fixture
def bench_apart(bench: Bench) -> Bench:
    """The same, each sink in a process of its own: for tests in which the SDK's state must not be the next test's."""
    bench.apart = True
    return bench
