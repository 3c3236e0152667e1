"""Delivery settings: the sink's own over `defaults`, over those of its type, over fanlight's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fanlight.config.models import DeliveryConfig
from fanlight.delivery.settings import LaneSettings
from fanlight.journal.base import Bounds
from fanlight.sinks.base import DeliveryDefaults


def lane_settings(own: DeliveryConfig, shared: DeliveryConfig, preferred: DeliveryDefaults) -> LaneSettings:
    """Return the settings of one lane; of each, the first that says something wins."""
    said = _preferred(preferred) | _said(shared) | _said(own)
    bounds = Bounds(**{key.removeprefix("queue_"): said.pop(key) for key in list(said) if key.startswith("queue_")})
    return LaneSettings(bounds=bounds, **said)


def contradictions(settings: LaneSettings) -> Iterator[tuple[str, str]]:
    """Yield, for each pair of settings that cannot both hold, the key and a sentence."""
    if settings.retry_initial > settings.retry_max:
        yield "retry", f"`initial` ({settings.retry_initial:g}s) is longer than `max` ({settings.retry_max:g}s)"
    if settings.breaker_open > settings.breaker_max_open:
        yield (
            "breaker",
            f"`open` ({settings.breaker_open:g}s) is longer than `max_open` ({settings.breaker_max_open:g}s)",
        )


def _said(config: DeliveryConfig) -> dict[str, Any]:
    values = {
        "queue_max_events": config.queue.max_events,
        "queue_max_bytes": config.queue.max_bytes,
        "queue_when_full": config.queue.when_full,
        "batch_max_events": config.batch.max_events,
        "batch_max_bytes": config.batch.max_bytes,
        "batch_linger": config.batch.linger,
        "timeout": config.timeout,
        "retry_initial": config.retry.initial,
        "retry_max": config.retry.max,
        "give_up_after": config.retry.give_up_after,
        "respect_retry_after": config.retry.respect_retry_after,
        "breaker_failures": config.breaker.failures,
        "breaker_window": config.breaker.window,
        "breaker_open": config.breaker.open,
        "breaker_max_open": config.breaker.max_open,
        "rate_limit": config.rate_limit,
    }
    return {key: value for key, value in values.items() if value is not None}


def _preferred(preferred: DeliveryDefaults) -> dict[str, Any]:
    values = {
        "batch_max_events": preferred.batch_max_events,
        "batch_max_bytes": preferred.batch_max_bytes,
        "batch_linger": preferred.batch_linger,
        "timeout": preferred.timeout,
        "queue_max_events": preferred.queue_max_events,
        "queue_max_bytes": preferred.queue_max_bytes,
    }
    return {key: value for key, value in values.items() if value is not None}
