"""
One LangChain callback handler, many telemetry destinations.

Names are imported when they are first used: `import fanlight` costs little, and no SDK is loaded by it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fanlight._version import __version__

# Eager, so that the name means the class: importing the module of that name later does not bind it again.
from fanlight.carrier import extract, inject
from fanlight.context import context, suppress

if TYPE_CHECKING:
    from fanlight import testing
    from fanlight.capture.embeddings import embeddings
    from fanlight.errors import (
        ConfigError,
        DeliveryError,
        FanlightError,
        PartialFailure,
        PermanentError,
        Problem,
        RetryableError,
    )
    from fanlight.event import TelemetryEvent
    from fanlight.health import FlushReport, RouterHealth
    from fanlight.hookspecs import (
        Command,
        DeliveryOutcome,
        Detector,
        Matcher,
        Price,
        PriceSource,
        Processor,
        SecretResolver,
        hookimpl,
    )
    from fanlight.installation import feedback, install, installed, uninstall
    from fanlight.plan.single import sink_config
    from fanlight.router import Router
    from fanlight.sinks.base import Batch, Delivery, DeliveryDefaults, Seal, Sink, SinkConfig, SinkContext, SinkType

__all__ = [
    "Batch",
    "Command",
    "ConfigError",
    "Delivery",
    "DeliveryDefaults",
    "DeliveryError",
    "DeliveryOutcome",
    "Detector",
    "FanlightError",
    "FlushReport",
    "Matcher",
    "PartialFailure",
    "PermanentError",
    "Price",
    "PriceSource",
    "Problem",
    "Processor",
    "RetryableError",
    "Router",
    "RouterHealth",
    "Seal",
    "SecretResolver",
    "Sink",
    "SinkConfig",
    "SinkContext",
    "SinkType",
    "TelemetryEvent",
    "__version__",
    "context",
    "embeddings",
    "extract",
    "feedback",
    "hookimpl",
    "inject",
    "install",
    "installed",
    "sink_config",
    "suppress",
    "testing",
    "uninstall",
]

_HOME = {
    "Batch": "sinks.base",
    "Command": "hookspecs",
    "ConfigError": "errors",
    "Delivery": "sinks.base",
    "DeliveryDefaults": "sinks.base",
    "DeliveryError": "errors",
    "DeliveryOutcome": "hookspecs",
    "Detector": "hookspecs",
    "FanlightError": "errors",
    "FlushReport": "health",
    "Matcher": "hookspecs",
    "PartialFailure": "errors",
    "PermanentError": "errors",
    "Price": "hookspecs",
    "PriceSource": "hookspecs",
    "Problem": "errors",
    "Processor": "hookspecs",
    "RetryableError": "errors",
    "Router": "router",
    "RouterHealth": "health",
    "Seal": "sinks.base",
    "SecretResolver": "hookspecs",
    "Sink": "sinks.base",
    "SinkConfig": "sinks.base",
    "SinkContext": "sinks.base",
    "SinkType": "sinks.base",
    "TelemetryEvent": "event",
    "embeddings": "capture.embeddings",
    "feedback": "installation",
    "hookimpl": "hookspecs",
    "install": "installation",
    "installed": "installation",
    "sink_config": "plan.single",
    "uninstall": "installation",
}


def __getattr__(name: str) -> Any:
    if name == "testing":
        return import_module("fanlight.testing")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'fanlight' has no attribute {name!r}")
    value = getattr(import_module(f"fanlight.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
