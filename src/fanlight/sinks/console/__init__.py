"""`type: console`: each trace as one readable tree, printed when it is complete."""

from fanlight.sinks.console.sink import SINK_TYPE, ConsoleConfig, ConsoleSink

__all__ = ["SINK_TYPE", "ConsoleConfig", "ConsoleSink"]
