"""What each backend needs on the wire, as its own documentation has it."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from fanlight import Batch, TelemetryEvent
from fanlight_otel import OtelConfig, OtelSink
from fanlight_otel.testing import OtlpReceiver
from fanlight_otel.wire import wire_of

OpenSink = Callable[..., OtelSink]
MakeBatch = Callable[..., Batch]

LANGFUSE_AUTH = "Basic " + base64.b64encode(b"pk-lf-1:sk-lf-2").decode()


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"endpoint": "http://localhost:4318"}, "http://localhost:4318/v1/traces"),
        ({"endpoint": "http://localhost:4318/"}, "http://localhost:4318/v1/traces"),
        ({"endpoint": "https://collector/otlp"}, "https://collector/otlp/v1/traces"),
        ({"endpoint": "https://collector/custom/v1/traces"}, "https://collector/custom/v1/traces"),
        ({"preset": "phoenix"}, "http://localhost:6006/v1/traces"),
        ({"preset": "phoenix", "protocol": "grpc"}, "http://localhost:4317"),
        (
            {"preset": "weave", "api_key": "k", "entity": "e", "project": "p"},
            "https://trace.wandb.ai/otel/v1/traces",
        ),
        ({"preset": "mlflow", "experiment_id": "1"}, "http://localhost:5000/v1/traces"),
        ({"preset": "langsmith", "api_key": "k"}, "https://api.smith.langchain.com/otel/v1/traces"),
        (
            {"preset": "langfuse", "public_key": "p", "secret_key": "s"},
            "https://cloud.langfuse.com/api/public/otel/v1/traces",
        ),
        ({"preset": "honeycomb", "api_key": "k"}, "https://api.honeycomb.io/v1/traces"),
        ({"preset": "datadog", "api_key": "k"}, "https://otlp.datadoghq.com/v1/traces"),
        ({"preset": "datadog", "api_key": "k", "site": "datadoghq.eu"}, "https://otlp.datadoghq.eu/v1/traces"),
        ({"preset": "datadog", "endpoint": "http://localhost:4318"}, "http://localhost:4318/v1/traces"),
    ],
)
def test_addresses(settings: dict[str, Any], url: str) -> None:
    """Spans go to the backend's own address where none is given."""
    assert wire_of(OtelConfig(**settings)).traces == url


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"endpoint": "http://c:4318"}, "http://c:4318/v1/metrics"),
        ({"endpoint": "http://c:4318/v1/traces"}, "http://c:4318/v1/metrics"),
        ({"endpoint": "http://c:4317", "protocol": "grpc"}, "http://c:4317"),
        ({"endpoint": "http://c:4318", "metrics": False}, None),
        ({"endpoint": "http://c", "metrics_endpoint": "http://vm/opentelemetry"}, "http://vm/opentelemetry/v1/metrics"),
        ({"preset": "phoenix"}, None),
        ({"preset": "phoenix", "metrics_endpoint": "http://c:4318"}, "http://c:4318/v1/metrics"),
        ({"preset": "mlflow", "experiment_id": "1"}, None),
        ({"preset": "honeycomb", "api_key": "k"}, "https://api.honeycomb.io/v1/metrics"),
        ({"preset": "datadog", "api_key": "k"}, "https://otlp.datadoghq.com/v1/metrics"),
    ],
)
def test_metrics_addresses(settings: dict[str, Any], url: str | None) -> None:
    """Metrics follow the spans where the backend takes them, or go where they are told to."""
    assert wire_of(OtelConfig(**settings)).metrics == url


def test_datadog_wants_deltas() -> None:
    """Datadog's intake refuses histograms since the start of the process; the others take them."""
    assert wire_of(OtelConfig(preset="datadog", api_key="k")).delta  # type: ignore[arg-type]
    assert not wire_of(OtelConfig(endpoint="http://c")).delta


@pytest.mark.parametrize(
    ("settings", "path", "headers", "resource"),
    [
        ({"preset": "otlp", "headers": {"authorization": "Bearer t"}}, "/v1/traces", {"authorization": "Bearer t"}, {}),
        (
            {"preset": "phoenix", "api_key": "k", "project": "support"},
            "/v1/traces",
            {"authorization": "Bearer k"},
            {"openinference.project.name": "support"},
        ),
        (
            {"preset": "weave", "api_key": "k", "entity": "acme", "project": "bot"},
            "/v1/traces",
            {"wandb-api-key": "k"},
            {"wandb.entity": "acme", "wandb.project": "bot"},
        ),
        ({"preset": "mlflow", "experiment_id": "7"}, "/v1/traces", {"x-mlflow-experiment-id": "7"}, {}),
        (
            {"preset": "langsmith", "api_key": "k", "project": "bot"},
            "/v1/traces",
            {"x-api-key": "k", "langsmith-project": "bot"},
            {},
        ),
        (
            {"preset": "langfuse", "public_key": "pk-lf-1", "secret_key": "sk-lf-2"},
            "/v1/traces",
            {"authorization": LANGFUSE_AUTH, "x-langfuse-ingestion-version": "4"},
            {},
        ),
        (
            {"preset": "honeycomb", "api_key": "k", "dataset": "bot"},
            "/v1/traces",
            {"x-honeycomb-team": "k", "x-honeycomb-dataset": "bot"},
            {},
        ),
        (
            {"preset": "datadog", "api_key": "k"},
            "/v1/traces",
            {"dd-api-key": "k", "dd-otlp-source": "llmobs"},
            {},
        ),
    ],
    ids=lambda value: value.get("preset") if isinstance(value, dict) and "preset" in value else "",
)
def test_what_arrives(
    open_sink: OpenSink,
    receiver: OtlpReceiver,
    chat: TelemetryEvent,
    make_batch: MakeBatch,
    settings: dict[str, Any],
    path: str,
    headers: dict[str, str],
    resource: dict[str, str],
) -> None:
    """Path, headers and resource attributes are on the request as the backend reads them."""
    open_sink(**settings, endpoint=receiver.http_endpoint + "/base", metrics=False).deliver(make_batch(chat))
    (request,), (span,) = receiver.requests, receiver.spans
    assert request.path == "/base" + path
    assert {name: request.headers.get(name) for name in headers} == headers
    assert {name: span.resource.get(name) for name in resource} == resource


def test_an_agent_of_datadog_needs_no_key(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """An agent has its own key: none is sent."""
    open_sink(preset="datadog", endpoint=receiver.http_endpoint, metrics=False).deliver(make_batch(chat))
    assert not [name for name in receiver.requests[0].headers if name.startswith("dd-")]


def test_written_headers_win(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """What the configuration writes itself replaces what the preset would send."""
    sink = open_sink(
        preset="phoenix", api_key="k", endpoint=receiver.http_endpoint, headers={"authorization": "Basic abc"}
    )
    sink.deliver(make_batch(chat))
    assert receiver.requests[0].headers["authorization"] == "Basic abc"


@pytest.mark.parametrize("preset", ["phoenix", "honeycomb"])
def test_presets_over_grpc(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, preset: str
) -> None:
    """The backends that speak gRPC get the same headers as metadata."""
    sink = open_sink(preset=preset, api_key="k", protocol="grpc", endpoint=receiver.grpc_endpoint, metrics=False)
    sink.deliver(make_batch(chat))
    expected = {"phoenix": ("authorization", "Bearer k"), "honeycomb": ("x-honeycomb-team", "k")}[preset]
    assert receiver.requests[0].headers[expected[0]] == expected[1]
