"""Arize on 127.0.0.1, a recorded run of an agent, what somebody said about it, and sinks that are opened and closed."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import trustme

from fanlight import Batch, DeliveryError, PartialFailure, SinkContext, TelemetryEvent, testing
from fanlight.event import Feedback
from fanlight_arize import ArizeConfig, ArizeSink
from fanlight_arize.testing import ArizeReceiver

SPACE, KEY, PROJECT = "U3BhY2U6MTpzZWNy", "ak-0123456789abcdef", "support-bot"
REPOSITORY = Path(__file__).parents[3]
RECORDED = REPOSITORY / "plugins/fanlight-otel/tests/data/support_agent.jsonl"


def of_the_server_tests() -> Any:
    """Return the module that starts real servers: their environments are installed once for the whole repository."""
    spec = importlib.util.spec_from_file_location("fanlight_test_servers", REPOSITORY / "tests/servers/conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


servers = of_the_server_tests()
phoenix, eventually = servers.phoenix, servers.eventually
SDK = ("arize==8.61.0", "arize-otel==0.14.1")


@pytest.fixture
def ax() -> dict[str, Any]:
    """The settings that every sink for Arize AX has."""
    return {"space_id": SPACE, "api_key": KEY, "project": PROJECT}


@pytest.fixture
def receiver() -> Iterator[ArizeReceiver]:
    with ArizeReceiver(space_id=SPACE, api_key=KEY) as running:
        yield running


@pytest.fixture
def agent_run() -> list[TelemetryEvent]:
    """The finished runs of one agent run: models, tools, a retriever, an interrupted node, the root."""
    return [TelemetryEvent.from_json(line) for line in RECORDED.read_bytes().splitlines()]


@pytest.fixture
def fresh_run(agent_run: list[TelemetryEvent]) -> list[TelemetryEvent]:
    """The same runs, under ids of their own and as if they had just happened: real servers keep what they took."""
    fresh: list[TelemetryEvent] = servers.just_happened(agent_run)
    return fresh


@pytest.fixture
def say() -> Callable[..., TelemetryEvent]:
    """Makes the event by which somebody says something about a run or its trace."""

    def say_about(run: TelemetryEvent, name: str = "helpful", *, by: str | None = "u-7", **said: Any) -> TelemetryEvent:
        return testing.make_event(
            "feedback",
            run_id=run.run_id,
            event_id=said.pop("event_id", f"{run.run_id}:feedback:{name}:{by}"),
            root_run_id=run.root_run_id,
            trace_id=run.trace_id,
            span_id=run.span_id,
            user_id=by,
            feedback=Feedback(name=name, **said),
        )

    return say_about


@pytest.fixture
def context() -> SinkContext:
    return testing.make_context(
        "arize", service_name="support-bot", service_version="1.4.2", environment="prod", instance_id="5f1d7a90"
    )


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    """Makes a batch of events that has some seconds left."""

    def make(*events: TelemetryEvent, seconds: float = 10.0) -> Batch:
        return testing.make_batch(events, sink="arize", timeout=seconds)

    return make


@pytest.fixture
def open_sink(context: SinkContext) -> Iterator[Callable[..., ArizeSink]]:
    """Opens a sink with these settings; all are closed after the test."""
    opened: list[ArizeSink] = []

    def open_one(**settings: Any) -> ArizeSink:
        sink = ArizeSink(ArizeConfig(**settings))
        sink.open(context)
        opened.append(sink)
        return sink

    yield open_one
    for sink in opened:
        sink.close()


@pytest.fixture
def fates(make_batch: Callable[..., Batch]) -> Callable[..., dict[str, DeliveryError]]:
    """Delivers events in one batch, and returns by event id why some were not taken."""

    def deliver(sink: ArizeSink, *events: TelemetryEvent, **batch: Any) -> dict[str, DeliveryError]:
        try:
            sink.deliver(make_batch(*events, **batch))
        except PartialFailure as failure:
            return failure.errors
        return {}

    return deliver


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """PEM files of an authority, and of a certificate for 127.0.0.1 with its key."""
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(directory / "chain.pem")
    issued.private_key_pem.write_to_path(directory / "key.pem")
    return directory / "ca.pem", directory / "chain.pem", directory / "key.pem"


@pytest.fixture
def installed() -> Distribution:
    """The installed distribution: without one the router cannot find the plugin."""
    try:
        return distribution("fanlight-arize")
    except PackageNotFoundError:
        pytest.skip("fanlight-arize is on the path, but not installed: it has no entry points")


class AxHost:
    """A sink with the arize SDK, and Arize's endpoints, in an environment of their own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def deliver(self, *events: TelemetryEvent, **order: Any) -> dict[str, Any]:
        """Return what became of *events*; *order* says which spans Arize knows, and how it answers."""
        order = {"space_id": SPACE, "api_key": KEY, "events": [event.to_json().decode() for event in events], **order}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process with the SDK is gone; what it wrote is above"
        answer: dict[str, Any] = json.loads(line)
        return answer


@pytest.fixture(scope="session")
def sdk_python() -> Path:
    """The Python of an environment with the arize SDK and all that fanlight itself needs, resolved together."""
    with servers.available("the arize SDK"):
        return Path(sdk_environment()) / "python"


def sdk_environment() -> Path:
    """Return the environment's `bin`, made by uv on the first run; another set of requirements is another one."""
    wanted = [*SDK, *requirements("."), *requirements("plugins/fanlight-otel"), *requirements("plugins/fanlight-arize")]
    marker = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:8]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    directory: Path = servers.cache() / f"arize-8.61.0-{marker}-py{version}"
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise servers.Unavailable("uv is not installed")
    with servers.built_once(directory) as empty:
        if empty:
            python = directory / "bin" / "python"
            servers.run(uv, "venv", "--no-config", "--quiet", "--python", sys.executable, directory)
            servers.run(uv, "pip", "install", "--no-config", "--quiet", "--python", python, *wanted)
    return directory / "bin"


def requirements(project: str) -> list[str]:
    """Return what a project of the repository needs from elsewhere."""
    described = tomllib.loads((REPOSITORY / project / "pyproject.toml").read_text())["project"]
    return [each for each in described["dependencies"] if not each.startswith("fanlight")]


@pytest.fixture(scope="session")
def ax_host(sdk_python: Path) -> Iterator[AxHost]:
    sources = ["src", "plugins/fanlight-otel/src", "plugins/fanlight-arize/src"]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(REPOSITORY / source) for source in sources),
        "HOME": os.environ.get("HOME", "/"),
        # What a shell may have set for other programs must not move a sink to another Arize.
        "ARIZE_REGION": "eu-west-1a",
        "ARIZE_FLIGHT_HOST": "flight.invalid",
        "ARIZE_REQUEST_VERIFY": "false",
        "ARIZE_PROXY_URL": "http://127.0.0.1:9",
    }
    command = [*servers.ended_with_us(), sdk_python, Path(__file__).with_name("ax_host.py")]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield AxHost(process)
        process.kill()
