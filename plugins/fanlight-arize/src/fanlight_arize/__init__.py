"""
Arize as a destination of fanlight: `type: arize`, for Arize AX and for Phoenix.

Runs become OpenInference spans over OTLP, feedback becomes annotations and evaluations of them.
"""

from fanlight import DeliveryDefaults, SinkType, hookimpl
from fanlight_arize.config import ArizeConfig
from fanlight_arize.sink import ArizeSink

__all__ = ["ArizeConfig", "ArizeSink", "fanlight_register_sinks"]


@hookimpl
def fanlight_register_sinks() -> list[SinkType]:
    """Register `arize`."""
    return [
        SinkType(
            name="arize",
            config_model=ArizeConfig,
            factory=ArizeSink,
            consumes="runs",
            idempotency="span_id",
            delivered_means="Arize has answered yes to the span; to feedback, that it knows the span and has it now.",
            defaults=DeliveryDefaults(
                batch_max_events=512,
                batch_max_bytes=2 * 1024 * 1024,
                batch_linger=0.5,
                timeout=30.0,  # the first feedback to Arize AX imports the arize SDK, which takes seconds
            ),
            stability="beta",
        )
    ]
