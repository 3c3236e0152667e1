"""Real runs as events, sinks that are opened and closed, and S3 on 127.0.0.1."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from fanlight import Batch, Delivery, Seal, TelemetryEvent, testing
from fanlight_lake import LakeConfig, LakeSink

DATA = Path(__file__).parent / "data"


@pytest.fixture
def installed() -> Distribution:
    """The installed distribution: without one the router cannot find the plugin."""
    try:
        return distribution("fanlight-lake")
    except PackageNotFoundError:
        pytest.skip("fanlight-lake is on the path, but not installed: it has no entry points")


@pytest.fixture(scope="session")
def tree() -> tuple[TelemetryEvent, ...]:
    """Starts and ends of two runs: an agent with models, a tool, a retriever and an error, and a RAG chain."""
    return tuple(map(TelemetryEvent.from_json, (DATA / "agent.jsonl").read_bytes().splitlines()))


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a lake may be."""
    return str(tmp_path / "lake")


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    """Makes a batch of events that has some seconds left; a number as `seal` is a sequence of one writer."""

    def make(*events: TelemetryEvent, seal: int | None = None, seconds: float = 30.0, **fields: Any) -> Batch:
        sealed = None if seal is None else Seal(writer="bot/1", sequence=seal)
        deliveries = tuple(Delivery(event=event, sink="lake") for event in events)
        known = {"id": "batch-1", "deadline": time.monotonic() + seconds, "seal": sealed}
        return Batch(**{**known, **fields}, sink="lake", deliveries=deliveries)

    return make


@pytest.fixture
def open_sink(path: str) -> Iterator[Callable[..., LakeSink]]:
    """Opens a sink, in the test's directory where nothing else is said; all are closed after the test."""
    opened: list[LakeSink] = []

    def open_one(**settings: Any) -> LakeSink:
        sink = LakeSink(LakeConfig(**{"path": path, **settings}))
        sink.open(testing.make_context("lake"))
        opened.append(sink)
        return sink

    yield open_one
    for sink in opened:
        sink.close()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The URL of a server that speaks S3, conditional put included."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(moto: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of a lake in a bucket of its own."""
    bucket = f"lake-{abs(hash(request.node.name))}"
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=moto, **keys)
    client.create_bucket(Bucket=bucket)
    client.close()
    return s3_settings(moto, bucket)


def s3_settings(url: str, bucket: str) -> dict[str, Any]:
    return {
        "path": f"s3://{bucket}/some/lake",
        "endpoint": url,
        "region": "us-east-1",
        "allow_http": True,
        "access_key_id": "k",
        "secret_access_key": "s",
    }


@pytest.fixture
def commits(path: str) -> Callable[[], list[list[dict[str, Any]]]]:
    """Reads the actions of each commit of the local Delta table."""

    def read() -> list[list[dict[str, Any]]]:
        logs = sorted((Path(path) / "_delta_log").glob("*.json"))
        return [[json.loads(line) for line in log.read_text().splitlines()] for log in logs]

    return read
