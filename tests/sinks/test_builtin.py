"""The sinks of the core register as any plugin does."""

from __future__ import annotations

import pluggy

from fanlight.hookspecs import PROJECT, FanlightSpecs
from fanlight.sinks import builtin


def test_the_core_brings_three_types() -> None:
    """console, jsonl and memory are found through the public hook, say what delivery means, and stay on the machine."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(FanlightSpecs)
    manager.register(builtin)
    types = [sink_type for brought in manager.hook.fanlight_register_sinks() for sink_type in brought]
    assert [sink_type.name for sink_type in types] == ["console", "jsonl", "memory"]
    assert all(sink_type.delivered_means for sink_type in types)
    assert not any(sink_type.network for sink_type in types)
