"""
OpenTelemetry as a destination of fanlight: `type: otel`.

`fanlight_otel.encode` is public too: it makes spans of events for whoever speaks OTLP in another way.
"""

from fanlight import DeliveryDefaults, SinkType, hookimpl
from fanlight_otel.config import OtelConfig
from fanlight_otel.sink import OtelSink

__all__ = ["OtelConfig", "OtelSink", "fanlight_register_sinks"]


@hookimpl
def fanlight_register_sinks() -> list[SinkType]:
    """Register `otel`."""
    return [
        SinkType(
            name="otel",
            config_model=OtelConfig,
            factory=OtelSink,
            consumes="runs",
            idempotency="span_id",
            delivered_means="The OTLP receiver has answered yes to the request with the span or log record.",
            defaults=DeliveryDefaults(batch_max_events=512, batch_max_bytes=2 * 1024 * 1024, batch_linger=0.5),
            stability="beta",
        )
    ]
