"""
Weights & Biases as a destination of fanlight: `type: wandb`.
"""

from fanlight import DeliveryDefaults, SinkType, hookimpl
from fanlight_wandb.config import WandbConfig, isolation_of
from fanlight_wandb.sink import WandbSink

__all__ = ["WandbConfig", "WandbSink", "fanlight_register_sinks"]


@hookimpl
def fanlight_register_sinks() -> list[SinkType]:
    """Register `wandb`."""
    return [
        SinkType(
            name="wandb",
            config_model=WandbConfig,
            factory=WandbSink,
            consumes="runs",
            isolation=isolation_of,
            delivered_means=(
                "The rows stand in the W&B run's transaction log on disk, from where they are uploaded; "
                "with `run: current`, the application's own W&B run has taken them."
            ),
            # An increment of a table costs five requests and a line with the paths of those before: fewer is better.
            defaults=DeliveryDefaults(
                batch_max_events=1000,
                batch_max_bytes=8 * 1024 * 1024,
                batch_linger=10.0,
                timeout=30.0,
                queue_max_bytes=64 * 1024 * 1024,
            ),
            stability="beta",
        )
    ]
