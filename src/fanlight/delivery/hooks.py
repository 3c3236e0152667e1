"""
The pluggy side of one sink: its `deliver` as the one implementation of `fanlight_deliver`, inside all wrappers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import pluggy

from fanlight.hookspecs import PROJECT, FanlightSpecs, hookimpl
from fanlight.sinks.base import Batch, Sink

_log: Final = logging.getLogger("fanlight.lane")


class _SinkPlugin:
    """A sink as a plugin."""

    def __init__(self, sink: Sink[Any]) -> None:
        self._sink: Final = sink

    @hookimpl
    def fanlight_deliver(self, batch: Batch) -> None:
        self._sink.deliver(batch)


def deliver_hook(name: str, sink: Sink[Any], wrappers: Sequence[object]) -> pluggy.HookCaller:
    """
    Return the `fanlight_deliver` that delivers to *sink* alone, as plugin `sink:<name>`, inside the *wrappers*.

    A wrapper that cannot be registered, or that implements the hook as anything but a wrapper, is left out with a
    log line: it must not cost the sink its events.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(FanlightSpecs)
    for wrapper in wrappers:
        _register(manager, wrapper, name)
    manager.register(_SinkPlugin(sink), name=f"sink:{name}")
    caller: pluggy.HookCaller = manager.hook.fanlight_deliver
    return caller


def _register(manager: pluggy.PluginManager, wrapper: object, name: str) -> None:
    try:
        manager.register(wrapper)
    except Exception as error:
        _log.warning("sink %s: a plugin is left out, its hooks are not valid: %s", name, type(error).__name__)
        return
    for implementation in manager.hook.fanlight_deliver.get_hookimpls():
        if not (implementation.wrapper or implementation.hookwrapper):
            _log.warning("sink %s: plugin %s is left out, it is no wrapper", name, implementation.plugin_name)
            manager.unregister(wrapper)
