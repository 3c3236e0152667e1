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
_LOGS_PATH: Final = "/v1/logs"
_LONGEST_EXCERPT: Final = 200
_SHORTEST_SECRET: Final = 4


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration comes to: where to send what."""

    traces: str
    """The URL for spans; for gRPC the base URL."""
    metrics: str | None
    """The URL for metrics, `None` where none are sent; for gRPC the base URL."""
    logs: str | None
    """The URL for feedback, as log records, `None` where it is not sent; for gRPC the base URL."""
    headers: dict[str, str]
    """By their names in lower case."""
    secrets: tuple[str, ...]
    """The credentials in every spelling that a receiver may quote, the longest first."""
    resource: dict[str, str]
    delta: bool

    def excerpt(self, text: str) -> str:
        """Return at most 200 characters of what a receiver said, on one line, without the credentials."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
        return line if len(line) <= _LONGEST_EXCERPT else line[: _LONGEST_EXCERPT - 1] + "…"

    def __repr__(self) -> str:
        return f"Wire(traces={self.traces!r}, metrics={self.metrics!r})"


def wire_of(config: OtelConfig) -> Wire:
    """Return where *config* sends what."""
    preset = PRESETS[config.preset]
    base = config.endpoint or preset.address(config) or ""
    written = {name: value.get_secret_value() for name, value in config.headers.items()}
    headers = {name.lower(): value for name, value in (preset.headers(config) | written).items()}
    return Wire(
        traces=_signal_url(base, _TRACES_PATH) if config.protocol == "http" else base,
        metrics=_metrics_address(config, preset, base),
        logs=_logs_address(config, preset, base),
        headers=headers,
        secrets=_secrets(config, headers),
        resource=preset.resource(config),
        delta=preset.delta,
    )


def _secrets(config: OtelConfig, headers: dict[str, str]) -> tuple[str, ...]:
    given = (config.api_key, config.public_key, config.secret_key, *config.headers.values())
    texts = [secret.get_secret_value() for secret in given if secret] + [headers.get("authorization", "")]
    # Who is given `Bearer <token>` may quote the token alone.
    spelled = {*texts, *(text.rpartition(" ")[2] for text in texts)}
    return tuple(sorted((text for text in spelled if len(text) >= _SHORTEST_SECRET), key=len, reverse=True))


def _metrics_address(config: OtelConfig, preset: Preset, base: str) -> str | None:
    if config.protocol == "file":
        return None if config.metrics is False else ""
    wanted = config.metrics if config.metrics is not None else preset.metrics or config.metrics_endpoint is not None
    if not wanted:
        return None
    address = config.metrics_endpoint or base.removesuffix(_TRACES_PATH)
    return _signal_url(address, _METRICS_PATH) if config.protocol == "http" else address


def _logs_address(config: OtelConfig, preset: Preset, base: str) -> str | None:
    wanted = config.feedback if config.feedback is not None else preset.logs or config.protocol == "file"
    if not wanted:
        return None
    return _signal_url(base.removesuffix(_TRACES_PATH), _LOGS_PATH) if config.protocol == "http" else base


def _signal_url(base: str, path: str) -> str:
    """Return the URL of a signal; who wrote it out in full meant that."""
    return base if base.endswith(path) else base + path
