"""
What can be wrong with a configuration beyond the types of its keys, each in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from fanlight_otel.presets import PRESETS, Preset

if TYPE_CHECKING:
    from fanlight_otel.config import OtelConfig

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_OWN_KEYS: Final = ("api_key", "project", "entity", "experiment_id", "public_key", "secret_key", "dataset", "site")
_NETWORK_KEYS: Final = (
    "endpoint", "metrics_endpoint", "headers", "compression", "insecure", "ca_file", "cert_file", "key_file"
)  # fmt: skip


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
    parts = _split(value)
    if parts is None or parts.scheme not in ("http", "https", "grpc") or not parts.hostname:
        raise ValueError("expected http://host:port or https://host:port, for gRPC also host:port")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an endpoint carries no user or password; put them into headers")
    if parts.query or parts.fragment:
        raise ValueError("an endpoint has no query and no fragment")
    return value.rstrip("/")


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address if "://" in address else f"grpc://{address}")
        return parts if parts.port != 0 else None
    except ValueError:  # brackets that do not close, a port that is no number or too large a one
        return None


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
    if config.protocol == "http" and not address.startswith(("http://", "https://")):
        yield f"endpoint {address} needs http:// or https:// in front"
    if config.insecure and address.startswith("https://"):
        yield "insecure contradicts the https:// of the endpoint"
