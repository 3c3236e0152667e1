"""
The backends: where each listens, and what it needs in headers and resource attributes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec
from pydantic import SecretStr

from fanlight.semconv import OpenInference

if TYPE_CHECKING:
    from fanlight_otel.config import OtelConfig

PresetName: TypeAlias = Literal["otlp", "phoenix", "weave", "mlflow", "langsmith", "langfuse", "honeycomb", "datadog"]


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """One backend."""

    address: Callable[[OtelConfig], str | None] = lambda _: None
    """Where it listens when the configuration names no endpoint."""
    headers: Callable[[OtelConfig], dict[str, str]] = lambda _: {}
    resource: Callable[[OtelConfig], dict[str, str]] = lambda _: {}
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ("http", "grpc")
    metrics: bool = False
    """Whether the backend takes metrics at the address that takes spans."""
    logs: bool = False
    """Whether the backend takes log records at the address that takes spans."""
    delta: bool = False
    """Whether it wants histograms since the last export instead of since the start."""


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _present(**values: str | None) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in values.items() if value}


def _bearer(config: OtelConfig) -> dict[str, str]:
    return {"authorization": f"Bearer {_text(config.api_key)}"} if config.api_key else {}


def _local(http: str, grpc: str | None = None) -> Callable[[OtelConfig], str | None]:
    return lambda config: grpc if config.protocol == "grpc" else http


def _langfuse_headers(config: OtelConfig) -> dict[str, str]:
    pair = f"{_text(config.public_key)}:{_text(config.secret_key)}"
    basic = base64.b64encode(pair.encode()).decode()
    # Without a version the server takes its slow path: data appears minutes later.
    return {"authorization": f"Basic {basic}", "x-langfuse-ingestion-version": "4"}


def _datadog_address(config: OtelConfig) -> str:
    return f"https://otlp.{config.site or 'datadoghq.com'}"


def _datadog_headers(config: OtelConfig) -> dict[str, str]:
    # An agent (`endpoint:` without `api_key:`) has a key of its own.
    return {"dd-api-key": _text(config.api_key), "dd-otlp-source": "llmobs"} if config.api_key else {}


PRESETS: Final[dict[str, Preset]] = {
    "otlp": Preset(metrics=True, logs=True),
    "phoenix": Preset(
        address=_local("http://localhost:6006", "http://localhost:4317"),
        headers=_bearer,
        resource=lambda config: {OpenInference.PROJECT_NAME: config.project or "default"},
        optional=("api_key", "project"),
    ),
    "weave": Preset(
        address=lambda _: "https://trace.wandb.ai/otel",
        headers=lambda config: {"wandb-api-key": _text(config.api_key)},
        resource=lambda config: {"wandb.entity": config.entity or "", "wandb.project": config.project or ""},
        required=("api_key", "entity", "project"),
        protocols=("http",),
    ),
    "mlflow": Preset(
        address=_local("http://localhost:5000"),
        headers=lambda config: {"x-mlflow-experiment-id": config.experiment_id or ""} | _bearer(config),
        required=("experiment_id",),
        optional=("api_key",),
        protocols=("http",),
    ),
    "langsmith": Preset(
        address=lambda _: "https://api.smith.langchain.com/otel",
        headers=lambda config: _present(x_api_key=_text(config.api_key), Langsmith_Project=config.project),
        required=("api_key",),
        optional=("project",),
        protocols=("http",),
    ),
    "langfuse": Preset(
        address=lambda _: "https://cloud.langfuse.com/api/public/otel",
        headers=_langfuse_headers,
        required=("public_key", "secret_key"),
        protocols=("http",),
    ),
    "honeycomb": Preset(
        address=lambda _: "https://api.honeycomb.io",
        headers=lambda config: _present(x_honeycomb_team=_text(config.api_key), x_honeycomb_dataset=config.dataset),
        required=("api_key",),
        optional=("dataset",),
        metrics=True,
        logs=True,
    ),
    "datadog": Preset(
        address=lambda config: _datadog_address(config) if config.api_key else None,
        headers=_datadog_headers,
        optional=("api_key", "site"),
        metrics=True,
        delta=True,
    ),
}
