"""
How plugins are found and held: each loaded in its own try, each called in its own try.

A plugin is loaded whole or not at all. One that is broken is a line in `fanlight plugins` with the reason, never a
traceback in somebody's application.
"""

from __future__ import annotations

from typing import Final

from fanlight.plugins.loading import PluginInfo
from fanlight.plugins.registry import PluginRegistry

KNOWN_PACKAGES: Final = {
    "otel": "fanlight-otel",
    "wandb": "fanlight-wandb",
    "arize": "fanlight-arize",
    "lake": "fanlight-lake",
}
"""Which distribution brings a sink type that is not installed."""
PRESETS: Final = frozenset({"phoenix", "weave", "mlflow", "langsmith", "langfuse", "honeycomb", "datadog"})
"""Backends that people look for as a type, and that are a preset of `otel`."""

__all__ = ["KNOWN_PACKAGES", "PRESETS", "PluginInfo", "PluginRegistry"]
