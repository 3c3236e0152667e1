"""
The settings of a sink of `type: arize`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, SecretStr, field_validator, model_validator

from fanlight import SinkConfig
from fanlight.units import Duration
from fanlight_arize.addresses import checked_flight_address
from fanlight_arize.checks import problems
from fanlight_otel.checks import check_header, checked_address

Platform: TypeAlias = Literal["ax", "phoenix"]
Region: TypeAlias = Literal["us", "ca-central-1a", "eu-west-1a", "us-central-1a", "us-east-1b"]


class ArizeConfig(SinkConfig):
    """Which Arize, whose space and project, and how to get there."""

    project: str = Field(min_length=1)
    """The project that spans and feedback belong to; Arize AX once called it the model id."""
    platform: Platform = "ax"
    """`ax`, Arize's cloud, or `phoenix`, its open-source server."""
    space_id: str | None = Field(default=None, min_length=1)
    """The space's id, from Arize AX's space settings."""
    api_key: SecretStr | None = None
    """The API key; Phoenix asks for one only where authentication is turned on."""
    region: Region = "us"
    """Where the space is hosted (Arize AX)."""
    protocol: Literal["http", "grpc"] = "http"
    """How spans are sent: `http` (protobuf) or `grpc`."""
    endpoint: str | None = None
    """Where spans are sent, if it is neither a region of Arize AX nor a Phoenix on this machine."""
    api_endpoint: str | None = None
    """Where the REST API is, if it does not follow from `region` or `endpoint`."""
    flight_endpoint: str | None = None
    """Where Arize AX takes feedback, `host:port`, if it does not follow from `region`."""
    wait_for_span: Duration = Duration(3.0)
    """How long feedback waits for a span that Arize does not know yet. What comes after it in this sink waits too."""
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    """Further headers, or gRPC metadata, of requests with spans, and of Phoenix's API."""
    compression: Literal["gzip", "none"] = "gzip"
    """How requests with spans are compressed."""
    ca_file: Path | None = None
    """PEM file of the certificate authorities to trust instead of the system's."""
    cert_file: Path | None = None
    """PEM file of the client certificate, for requests with spans and for Phoenix's API."""
    key_file: Path | None = None
    """PEM file of the client certificate's key."""

    @field_validator("endpoint", "api_endpoint")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        return value if value is None else checked_address(value)

    @field_validator("flight_endpoint")
    @classmethod
    def _is_flight_address(cls, value: str | None) -> str | None:
        return value if value is None else checked_flight_address(value)

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in value.items():
            check_header(name, secret.get_secret_value())
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> ArizeConfig:
        found = list(problems(self))
        if found:
            raise ValueError("; ".join(found))
        return self
