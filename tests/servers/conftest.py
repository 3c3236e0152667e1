"""
Real servers for tests: Phoenix, MLflow and VictoriaMetrics, each started once, on 127.0.0.1, when a test asks for it.

Phoenix and MLflow live in virtual environments of their own, because they pin what fanlight's users do not. They are
installed on the first run (minutes, about 600 MB each) below `$FANLIGHT_TEST_SERVERS`, by default the user's cache.
Where a server cannot be had, its tests are skipped and say why; with `CI` set they fail instead.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

from fanlight import TelemetryEvent, testing
from fanlight_otel import OtelConfig, OtelSink

PHOENIX = "arize-phoenix==20.26.1"
MLFLOW = "mlflow==3.17.0"
VICTORIA_METRICS = "pool/main/v/victoriametrics/victoria-metrics_1.112.0+ds1-2_amd64.deb"
VICTORIA_METRICS_SHA256 = "1d3717f1a8ab5bf690271095dd286730f6fb0761cc8c09c0fc8f529c9838f346"

STARTING_TAKES_AT_MOST = 180.0
SHOWING_TAKES_AT_MOST = 60.0
# Phoenix offers its gRPC port to every network; in a test only this machine may reach it.
PHOENIX_ON_LOOPBACK = """
import sys
from grpc.aio import _server
bind = _server.Server.add_insecure_port
_server.Server.add_insecure_port = lambda self, address: bind(self, address.replace("[::]", "127.0.0.1"))
from phoenix.server.main import main
sys.argv = ["phoenix", "serve"]
main()
"""


class Server(NamedTuple):
    """A running server's addresses."""

    http: str
    grpc: str = ""


class Unavailable(Exception):
    """A server cannot be had here."""


@pytest.fixture(scope="session")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Arize Phoenix: traces over HTTP and gRPC, read back by REST."""
    http, grpc = free_port(), free_port()
    settings = {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(http),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_WORKING_DIR": str(tmp_path_factory.mktemp("phoenix")),
        "PHOENIX_SQL_DATABASE_URL": "sqlite:///:memory:",
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
    }
    with available("Phoenix"):
        command = [environment(PHOENIX) / "python", "-c", PHOENIX_ON_LOOPBACK]
        log = tmp_path_factory.mktemp("log") / "phoenix.log"
        process = start(command, settings, log, f"http://127.0.0.1:{http}/healthz")
    yield Server(f"http://127.0.0.1:{http}", f"http://127.0.0.1:{grpc}")
    stop(process)


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """MLflow: traces over HTTP, read back by REST."""
    port, directory = free_port(), tmp_path_factory.mktemp("mlflow")
    settings = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with available("MLflow"):
        command = [
            environment(MLFLOW) / "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{directory}/mlflow.db",
            "--artifacts-destination", str(directory / "artifacts"),
        ]  # fmt: skip
        log = tmp_path_factory.mktemp("log") / "mlflow.log"
        process = start(command, settings, log, f"http://127.0.0.1:{port}/health")
    yield Server(f"http://127.0.0.1:{port}")
    stop(process)


@pytest.fixture(scope="session")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """VictoriaMetrics: metrics over HTTP below `/opentelemetry`, read back by its Prometheus API."""
    port = free_port()
    with available("VictoriaMetrics"):
        command = [
            victoria_metrics_binary(), f"-httpListenAddr=127.0.0.1:{port}",
            f"-storageDataPath={tmp_path_factory.mktemp('victoria-metrics')}", "-search.latencyOffset=0s",
        ]  # fmt: skip
        log = tmp_path_factory.mktemp("log") / "victoria-metrics.log"
        process = start(command, {}, log, f"http://127.0.0.1:{port}/health")
    yield Server(f"http://127.0.0.1:{port}")
    stop(process)


@pytest.fixture
def agent_run() -> list[TelemetryEvent]:
    """The finished runs of one agent run, under ids of their own and as if it had just happened."""
    recorded = Path(__file__).parents[2] / "plugins/fanlight-otel/tests/data/support_agent.jsonl"
    events = [TelemetryEvent.from_json(line) for line in recorded.read_bytes().splitlines()]
    return just_happened(events)


@pytest.fixture
def deliver() -> Callable[..., None]:
    """Delivers events in one batch to an OTel sink with these settings, and closes it."""

    def deliver_to(events: list[TelemetryEvent], *, instance: str = "5f1d7a90", **settings: Any) -> None:
        sink = OtelSink(OtelConfig(**settings))
        sink.open(testing.make_context("traces", service_name="support-bot", instance_id=instance))
        try:
            sink.deliver(testing.make_batch(events, timeout=30.0))
        finally:
            sink.close()

    return deliver_to


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Asks until the answer is truthy, and returns it: servers show what they took a little later."""

    def ask(question: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + SHOWING_TAKES_AT_MOST
        while not (answer := _asked(question)):
            assert time.monotonic() < deadline, f"the server did not show it within {SHOWING_TAKES_AT_MOST} seconds"
            time.sleep(0.1)
        return answer

    return ask


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except urllib.error.HTTPError as error:  # such as the 404 of a project whose first span is not stored yet
        error.close()
        return None


def just_happened(events: list[TelemetryEvent]) -> list[TelemetryEvent]:
    """Return *events* in a new trace and session, with new span ids, ending now."""
    seed = os.urandom(16).hex()
    shift = time.time_ns() - max(event.time_unix_nano for event in events)
    fresh = {event.span_id: hashlib.sha256((seed + event.span_id).encode()).hexdigest()[:16] for event in events}
    return [
        event.replace(
            event_id=f"{seed}:{event.event_id}",
            trace_id=seed,
            session_id=f"s-{seed}",
            span_id=fresh[event.span_id],
            parent_span_id=fresh.get(event.parent_span_id or ""),
            links=(),
            start_time_unix_nano=(event.start_time_unix_nano or 0) + shift,
            time_unix_nano=event.time_unix_nano + shift,
        )
        for event in events
    ]


@contextmanager
def available(name: str) -> Iterator[None]:
    """Skip where the server cannot be had, and fail on CI, where it has to be had."""
    try:
        yield
    except (Unavailable, OSError, subprocess.SubprocessError) as error:
        give_up(f"{name} cannot be started here: {error}")


def give_up(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def cache() -> Path:
    chosen = os.environ.get("FANLIGHT_TEST_SERVERS")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(chosen) if chosen else Path(base) / "fanlight-tests"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def built_once(directory: Path) -> Iterator[bool]:
    """Yield whether *directory* is yet to be filled, to one process at a time; a half-filled one is thrown away."""
    complete = directory / ".complete"
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            yield False
            return
        shutil.rmtree(directory, ignore_errors=True)
        yield True
        complete.touch()


def environment(requirement: str) -> Path:
    """Return the `bin` of a virtual environment with *requirement*, made by uv on the first run."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise Unavailable("uv is not installed")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    directory = cache() / f"{requirement.replace('==', '-')}-py{version}"
    with built_once(directory) as empty:
        if empty:
            # Without this repository's own pins: they are what the environments are kept apart for.
            run(uv, "venv", "--no-config", "--quiet", "--python", sys.executable, directory)
            run(uv, "pip", "install", "--no-config", "--quiet", "--python", directory / "bin" / "python", requirement)
    return directory / "bin"


def victoria_metrics_binary() -> Path:
    """Return the binary of Debian's package, unpacked and not installed; that of the system where it has one."""
    installed = shutil.which("victoria-metrics")
    if installed:
        return Path(installed)
    directory = cache() / "victoria-metrics-1.112.0"
    with built_once(directory) as empty:
        if empty:
            directory.mkdir()
            package = directory / "package.deb"
            fetch(f"{debian_mirror()}{VICTORIA_METRICS}", package, VICTORIA_METRICS_SHA256)
            run("dpkg-deb", "-x", package, directory)
            package.unlink()
    return directory / "usr/bin/victoria-metrics"


def debian_mirror() -> str:
    """Return the mirror that this machine's apt is set up with."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable("it comes as a Debian package, and this is no Debian")
    mirrors = known_mirrors()
    if not mirrors:
        # A machine whose package lists were never fetched; into a place of our own, so that nothing else changes.
        with tempfile.TemporaryDirectory() as lists:
            place = ("-o", f"Dir::State::Lists={lists}")
            run("apt-get", *place, "update", "-qq")
            mirrors = known_mirrors(*place)
    if not mirrors:
        raise Unavailable("apt knows no Debian mirror")
    return mirrors[0]


def known_mirrors(*options: str) -> list[str]:
    """Return the mirrors of Debian itself that apt has the package lists of."""
    asked = ("--format", "$(REPO_URI)", "Origin: Debian", "Identifier: Packages")
    known = run("apt-get", *options, "indextargets", *asked)
    return [line for line in known.splitlines() if line.startswith("http") and "security" not in line]


def fetch(url: str, target: Path, sha256: str) -> None:
    with urllib.request.urlopen(url, timeout=120) as response:
        content = response.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Unavailable(f"{target.name} is not the file that was pinned")
    target.write_bytes(content)


def run(*command: str | Path) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if finished.returncode:
        raise Unavailable(f"{Path(command[0]).name} {command[1]} failed: {finished.stderr.strip()[-400:]}")
    return finished.stdout


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def start(command: list[str | Path], settings: dict[str, str], log: Path, ready: str) -> subprocess.Popen[bytes]:
    """Start a server and return it once *ready* answers; what it wrote until then is the reason if it never does."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*ended_with_us(), *command],
            env=os.environ | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + STARTING_TAKES_AT_MOST
    while not answers(ready):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            raise Unavailable(f"it did not become ready: …{log.read_text(errors='replace')[-600:]}")
        time.sleep(0.2)
    return process


def ended_with_us() -> list[str]:
    """Return what lets a command be ended with this test run, should that be killed; nothing where there is no such."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and the workers it started: they are a session of their own."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            break
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue
    process.wait(10)
