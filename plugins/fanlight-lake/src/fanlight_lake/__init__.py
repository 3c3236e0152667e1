"""
A data lake as a destination of fanlight: `type: lake`.
"""

from collections.abc import Sequence

from fanlight import Command, DeliveryDefaults, SinkType, hookimpl
from fanlight_lake.config import LakeConfig, isolation_of
from fanlight_lake.sink import LakeSink

__all__ = ["LakeConfig", "LakeSink", "fanlight_commands", "fanlight_register_sinks"]

_MIB = 1024 * 1024


@hookimpl
def fanlight_register_sinks() -> list[SinkType]:
    """Register `lake`."""
    return [
        SinkType(
            name="lake",
            config_model=LakeConfig,
            factory=LakeSink,
            consumes="events",
            isolation=isolation_of,
            delivered_means="The row is in a committed version of the Delta table, or in a complete Parquet file.",
            # Few large files: a lake of small ones is slow to read, and each commit costs a round trip.
            defaults=DeliveryDefaults(
                batch_max_events=100_000,
                batch_max_bytes=64 * _MIB,
                batch_linger=60.0,
                timeout=60.0,
                queue_max_events=300_000,
                queue_max_bytes=192 * _MIB,
            ),
            stability="beta",
        )
    ]


@hookimpl
def fanlight_commands() -> list[Command]:
    """Register `fanlight lake …`."""
    return [Command(name="lake", summary="query a lake, compact it, and delete from it", main=_lake)]


def _lake(arguments: Sequence[str]) -> int:
    from fanlight_lake.commands.main import main  # noqa: PLC0415 - listing commands must not pay for Arrow

    return main(arguments)
