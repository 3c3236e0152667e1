"""
What each backend needs on the wire: addresses, headers, resource attributes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from pydantic import SecretStr

from fanlight.semconv import OpenInference

if TYPE_CHECKING:
    from fanlight_otel.config import OtelConfig

PresetName: TypeAlias = Literal["otlp", "phoenix", "weave", "mlflow", "langsmith", "langfuse", "honeycomb", "datadog"]

_TRACES_PATH: Final = "/v1/traces"
_METRICS_PATH: Final = "/v1/metrics"
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_OWN_KEYS: Final = ("api_key", "project", "entity", "experiment_id", "public_key", "secret_key", "dataset", "site")

_NETWORK_KEYS: Final = (
    "endpoint", "metrics_endpoint", "headers", "compression", "insecure", "ca_file", "cert_file", "key_file"
)  # fmt: skip


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
    delta: bool = False
    """Whether it wants histograms since the last export instead of since the start."""


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration comes to: where to send what."""

    traces: str
    """The URL for spans; for gRPC the base URL."""
    metrics: str | None
    """The URL for metrics, `None` where none are sent; for gRPC the base URL."""
    headers: dict[str, str]
    resource: dict[str, str]
    delta: bool

    @property
    def secrets(self) -> tuple[str, ...]:
        """The header values: none of them may appear in a message."""
        return tuple(value for value in self.headers.values() if value)


def wire_of(config: OtelConfig) -> Wire:
    """Return where *config* sends what."""
    preset = PRESETS[config.preset]
    base = config.endpoint or preset.address(config) or ""
    written = {name: value.get_secret_value() for name, value in config.headers.items()}
    return Wire(
        traces=_signal_url(base, _TRACES_PATH) if config.protocol == "http" else base,
        metrics=_metrics_address(config, preset, base),
        headers=preset.headers(config) | written,
        resource=preset.resource(config),
        delta=preset.delta,
    )


def problems(config: OtelConfig) -> Iterator[str]:
    """Yield what is missing in *config* or does not belong there, each in a sentence."""
    preset = PRESETS[config.preset]
    missing = [key for key in preset.required if getattr(config, key) is None]
    if missing and config.protocol != "file":
        yield f"preset {config.preset} needs {' and '.join(missing)}"
    foreign = [key for key in _OWN_KEYS if getattr(config, key) is not None and key not in _keys(preset)]
    if foreign:
        yield f"preset {config.preset} has no {' or '.join(foreign)}"
    yield from _address_problems(config, preset)
    if (config.cert_file is None) != (config.key_file is None):
        yield "cert_file and key_file belong together"
    for name, value in preset.headers(config).items() if not missing else ():
        yield from header_problems(name, value)


def checked_address(value: str) -> str:
    """
    Return *value* without a trailing slash.

    Raises:
        ValueError: it is no address that OTLP can be sent to; says what is wrong with it.
    """
    parts = urlsplit(value if "://" in value else f"grpc://{value}")
    if parts.scheme not in ("http", "https", "grpc") or not parts.hostname:
        raise ValueError("expected http://host:port or https://host:port, for gRPC also host:port")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an endpoint carries no user or password; put them into headers")
    if parts.query or parts.fragment:
        raise ValueError("an endpoint has no query and no fragment")
    return value.rstrip("/")


def check_header(name: str, value: str) -> None:
    """
    Check that HTTP can carry the header.

    Raises:
        ValueError: it cannot; names the header, never its value.
    """
    found = next(header_problems(name, value), None)
    if found:
        raise ValueError(found)


def header_problems(name: str, value: str) -> Iterator[str]:
    """Yield why HTTP cannot carry the header."""
    if not _HEADER_NAME.fullmatch(name):
        yield f"{name!r} is no header name"
    if not _HEADER_VALUE.fullmatch(value):
        yield f"the value of header {name} holds a line break or a character beyond ASCII"


def _keys(preset: Preset) -> tuple[str, ...]:
    return preset.required + preset.optional


def _address_problems(config: OtelConfig, preset: Preset) -> Iterator[str]:
    if config.protocol == "file":
        yield from _file_problems(config)
        return
    if config.path is not None:
        yield f"path belongs to protocol file, not to {config.protocol}"
    if config.insecure and config.protocol != "grpc":
        yield "insecure belongs to protocol grpc; over HTTP the endpoint says http:// or https://"
    if config.metrics is False and config.metrics_endpoint is not None:
        yield "metrics_endpoint contradicts metrics: false"
    if config.protocol not in preset.protocols:
        yield f"preset {config.preset} takes OTLP over {' and '.join(preset.protocols)}, not over {config.protocol}"
    base = config.endpoint or preset.address(config)
    if base is None:
        yield "endpoint is missing: where is the OTLP receiver?"
    for address in filter(None, (base, config.metrics_endpoint)):
        yield from _scheme_problems(config, address)


def _file_problems(config: OtelConfig) -> Iterator[str]:
    if config.path is None:
        yield "protocol file needs path"
    for key in _NETWORK_KEYS:
        if key in config.model_fields_set:
            yield f"protocol file has no {key}"


def _scheme_problems(config: OtelConfig, address: str) -> Iterator[str]:
    if config.protocol == "http" and "://" not in address:
        yield f"endpoint {address} needs http:// or https:// in front"
    if config.insecure and address.startswith("https://"):
        yield "insecure contradicts the https:// of the endpoint"


def _metrics_address(config: OtelConfig, preset: Preset, base: str) -> str | None:
    if config.protocol == "file":
        return None if config.metrics is False else ""
    wanted = config.metrics if config.metrics is not None else preset.metrics or config.metrics_endpoint is not None
    if not wanted:
        return None
    address = config.metrics_endpoint or base.removesuffix(_TRACES_PATH)
    return _signal_url(address, _METRICS_PATH) if config.protocol == "http" else address


def _signal_url(base: str, path: str) -> str:
    """Return the URL of a signal; who wrote it out in full meant that."""
    return base if base.endswith(path) else base + path


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
    "otlp": Preset(metrics=True),
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
    ),
    "datadog": Preset(
        address=lambda config: _datadog_address(config) if config.api_key else None,
        headers=_datadog_headers,
        optional=("api_key", "site"),
        metrics=True,
        delta=True,
    ),
}
