"""
The settings of a sink of `type: otel`.
"""

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from fanlight import SinkConfig
from fanlight_otel.checks import check_header, checked_address, problems
from fanlight_otel.presets import PresetName

Convention: TypeAlias = Literal["genai", "openinference"]
Protocol: TypeAlias = Literal["http", "grpc", "file"]


class OtelConfig(SinkConfig):
    """Where spans and metrics go, how, and in whose words."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    preset: PresetName = "otlp"
    """The backend: what it needs in address, headers and resource attributes."""
    endpoint: str | None = None
    """The base URL, such as `http://localhost:4318`; `/v1/traces` is added over HTTP. Presets know their own."""
    protocol: Protocol = "http"
    """`http` (protobuf), `grpc`, or `file`: OTLP/JSON, one export request a line."""
    path: Path | None = None
    """The file for `protocol: file`."""
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    """Further headers, or gRPC metadata."""
    semconv: tuple[Convention, ...] = Field(default=("genai", "openinference"), min_length=1)
    """Attribute names: OpenTelemetry's `genai`, Arize's `openinference`, or both."""
    metrics: bool | None = None
    """Whether to send the GenAI client metrics. Where nothing is said: if the preset's backend takes them."""
    metrics_endpoint: str | None = None
    """The base URL for metrics, where it is another than that of the spans."""
    feedback: bool | None = None
    """Whether to send feedback, as log records beside the spans. Where nothing is said: if the preset's backend takes
    logs, or into the file."""
    compression: Literal["gzip", "none"] = "gzip"
    """How requests are compressed."""
    insecure: bool = False
    """Speak gRPC without TLS to an endpoint that is written without a scheme, `host:4317`."""
    ca_file: Path | None = None
    """PEM file of the certificate authorities to trust instead of the system's."""
    cert_file: Path | None = None
    """PEM file of the client certificate."""
    key_file: Path | None = None
    """PEM file of the client certificate's key."""

    api_key: SecretStr | None = None
    """The API key (presets phoenix, weave, mlflow, langsmith, honeycomb, datadog)."""
    project: str | None = None
    """The project (presets phoenix, weave, langsmith)."""
    entity: str | None = None
    """The W&B team or user (preset weave)."""
    experiment_id: str | None = None
    """The experiment's id (preset mlflow)."""
    public_key: SecretStr | None = None
    """The public key, `pk-lf-…` (preset langfuse)."""
    secret_key: SecretStr | None = None
    """The secret key, `sk-lf-…` (preset langfuse)."""
    dataset: str | None = None
    """The dataset for metrics, and for traces in Honeycomb Classic (preset honeycomb)."""
    site: str | None = None
    """The site, such as `datadoghq.eu` (preset datadog)."""

    @field_validator("endpoint", "metrics_endpoint")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        return value if value is None else checked_address(value)

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in value.items():
            check_header(name, secret.get_secret_value())
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "OtelConfig":
        found = list(problems(self))
        if found:
            raise ValueError("; ".join(found))
        return self
