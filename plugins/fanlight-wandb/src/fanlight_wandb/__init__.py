"""A destination of fanlight."""

from fanlight import SinkType, hookimpl

__all__ = ["fanlight_register_sinks"]


@hookimpl
def fanlight_register_sinks() -> list[SinkType]:
    """Register nothing yet."""
    return []
