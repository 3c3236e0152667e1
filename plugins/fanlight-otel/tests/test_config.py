"""What a configuration of `type: otel` may say, and the sentences for what it may not."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fanlight_otel import OtelConfig


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "endpoint is missing"),
        ({"endpoint": "localhost:4318"}, "needs http:// or https:// in front"),
        ({"endpoint": "ftp://host"}, "expected http://host:port or https://host:port"),
        ({"endpoint": "http://"}, "expected http://host:port"),
        ({"endpoint": "http://host:99999"}, "expected http://host:port"),
        ({"endpoint": "http://host:port"}, "expected http://host:port"),
        ({"endpoint": "http://[::1"}, "expected http://host:port"),
        ({"endpoint": "grpc://host:4317"}, "needs http:// or https:// in front"),
        ({"endpoint": "https://user:pw@host"}, "no user or password"),
        ({"endpoint": "https://host/v1/traces?key=1"}, "no query"),
        ({"endpoint": "http://host", "path": "x.jsonl"}, "path belongs to protocol file"),
        ({"protocol": "file"}, "protocol file needs path"),
        ({"protocol": "file", "path": "x", "endpoint": "http://host"}, "protocol file has no endpoint"),
        ({"protocol": "file", "path": "x", "headers": {"a": "b"}}, "protocol file has no headers"),
        ({"endpoint": "https://host", "insecure": True}, "insecure belongs to protocol grpc"),
        ({"endpoint": "http://h", "metrics": False, "metrics_endpoint": "http://m"}, "contradicts metrics: false"),
        ({"protocol": "udp", "endpoint": "http://host"}, "'http', 'grpc' or 'file'"),
        ({"endpoint": "https://host", "protocol": "grpc", "insecure": True}, "insecure contradicts"),
        ({"endpoint": "http://host", "cert_file": "c.pem"}, "cert_file and key_file belong together"),
        ({"endpoint": "http://host", "semconv": []}, "at least 1 item"),
        ({"endpoint": "http://host", "semconv": ["otel"]}, "'genai' or 'openinference'"),
        ({"endpoint": "http://host", "headers": {"a b": "x"}}, "'a b' is no header name"),
        ({"endpoint": "http://host", "headers": {"x-key": "secret\n"}}, "the value of header x-key holds a line break"),
        ({"endpoint": "http://host", "api_key": "k"}, "preset otlp has no api_key"),
        ({"endpoint": "http://host", "metrics_endpoint": "host:1"}, "needs http:// or https:// in front"),
        ({"endpoint": "http://host", "endpont": "x"}, "Extra inputs are not permitted"),
        ({"preset": "jaeger"}, "'otlp', 'phoenix'"),
        ({"preset": "weave"}, "preset weave needs api_key and entity and project"),
        ({"preset": "weave", "api_key": "k", "project": "p"}, "preset weave needs entity"),
        ({"preset": "mlflow"}, "preset mlflow needs experiment_id"),
        ({"preset": "langsmith"}, "preset langsmith needs api_key"),
        ({"preset": "langfuse", "public_key": "pk"}, "preset langfuse needs secret_key"),
        ({"preset": "honeycomb"}, "preset honeycomb needs api_key"),
        ({"preset": "datadog"}, "endpoint is missing"),
        ({"preset": "mlflow", "experiment_id": "1", "protocol": "grpc"}, "takes OTLP over http, not over grpc"),
        ({"preset": "phoenix", "dataset": "d", "entity": "e"}, "preset phoenix has no entity or dataset"),
        ({"preset": "honeycomb", "api_key": "k\n"}, "the value of header x-honeycomb-team holds a line break"),
    ],
)
def test_each_mistake_has_its_sentence(settings: dict[str, Any], sentence: str) -> None:
    """A configuration that cannot work is refused before anything starts, and says what to change."""
    with pytest.raises(ValidationError) as caught:
        OtelConfig(**settings)
    assert sentence in str(caught.value)


def test_all_mistakes_are_said_at_once() -> None:
    """Nobody corrects one key to learn about the next."""
    with pytest.raises(ValidationError) as caught:
        OtelConfig(preset="weave", protocol="grpc", dataset="d", cert_file=Path("c"))
    message = str(caught.value)
    for sentence in ("needs api_key", "has no dataset", "over http, not over grpc", "belong together"):
        assert sentence in message


def test_no_secret_is_ever_shown() -> None:
    """Neither a configuration's repr nor an error about it shows a key."""
    secrets = {"api_key": "sk-very-secret", "headers": {"x-key": "also-secret"}}
    config = OtelConfig(preset="phoenix", **secrets)  # type: ignore[arg-type]
    assert "secret" not in repr(config).replace("SecretStr", "").replace("secret_key", "")
    with pytest.raises(ValidationError) as caught:
        OtelConfig(preset="mlflow", **secrets)  # type: ignore[arg-type]
    assert "very-secret" not in str(caught.value)
    assert "also-secret" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["host:4317", "https://host:4317", "http://host:4317", "dns.name"])
def test_grpc_takes_addresses_with_and_without_a_scheme(endpoint: str) -> None:
    """`host:4317` is how collectors write their gRPC addresses."""
    assert OtelConfig(endpoint=endpoint, protocol="grpc").endpoint == endpoint


def test_every_key_is_described() -> None:
    """The JSON Schema says what each key means."""
    described = OtelConfig.model_json_schema()["properties"]
    assert not [key for key, schema in described.items() if not schema.get("description")]
