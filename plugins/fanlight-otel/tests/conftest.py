"""A recorded run of an agent, a receiver, and sinks that are opened and closed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import trustme

from fanlight import Batch, SinkContext, TelemetryEvent, testing
from fanlight_otel import OtelConfig, OtelSink
from fanlight_otel.testing import OtlpReceiver

DATA = Path(__file__).parent / "data"


@pytest.fixture
def tree() -> dict[str, TelemetryEvent]:
    """The finished runs of one agent run, by name: models, tools, a retriever, an interrupted node, the root."""
    lines = (DATA / "support_agent.jsonl").read_bytes().splitlines()
    return {event.name: event for event in map(TelemetryEvent.from_json, lines)}


@pytest.fixture
def chat(tree: dict[str, TelemetryEvent]) -> TelemetryEvent:
    return tree["ChatOpenAI"]


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def installed() -> Distribution:
    """The installed distribution: without one the router cannot find the plugin."""
    try:
        return distribution("fanlight-otel")
    except PackageNotFoundError:
        pytest.skip("fanlight-otel is on the path, but not installed: it has no entry points")


@pytest.fixture
def context() -> SinkContext:
    return testing.make_context("traces", service_name="support-bot", environment="prod", instance_id="5f1d7a90")


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    """Makes a batch of events that has some seconds left."""

    def make(*events: TelemetryEvent, seconds: float = 10.0, **fields: Any) -> Batch:
        return testing.make_batch(events, sink="traces", timeout=seconds, **fields)

    return make


@pytest.fixture
def open_sink(context: SinkContext) -> Iterator[Callable[..., OtelSink]]:
    """Opens a sink with these settings; all are closed after the test."""
    opened: list[OtelSink] = []

    def open_one(**settings: Any) -> OtelSink:
        sink = OtelSink(OtelConfig(**settings))
        sink.open(context)
        opened.append(sink)
        return sink

    yield open_one
    for sink in opened:
        sink.close()


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
def error_within() -> Iterator[Callable[..., BaseException | None]]:
    """Calls something on a thread of its own and returns what it raised; fails if it takes longer than 10 seconds."""
    with ThreadPoolExecutor(1) as thread:

        def call(function: Callable[..., object], *arguments: object) -> BaseException | None:
            return thread.submit(function, *arguments).exception(timeout=10)

        yield call


@pytest.fixture
def sink(open_sink: Callable[..., OtelSink], receiver: OtlpReceiver) -> OtelSink:
    """A sink that speaks OTLP over HTTP to the receiver."""
    return open_sink(endpoint=receiver.http_endpoint, metrics=False, headers={"x-team": "s3cr3t-value"})
