"""
What a configuration comes to on the wire: which URLs, with which headers and resource attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fanlight_otel.presets import PRESETS, Preset

if TYPE_CHECKING:
    from fanlight_otel.config import OtelConfig

_TRACES_PATH: Final = "/v1/traces"
_METRICS_PATH: Final = "/v1/metrics"


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
