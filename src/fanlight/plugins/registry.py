"""The plugins of one router: how they are found, what they contribute, and how their hooks are called."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, TypeVar

import msgspec

from fanlight._version import __version__
from fanlight.hookspecs import (
    ENTRY_POINT_GROUP,
    PROJECT,
    Command,
    DeliveryOutcome,
    Detector,
    Matcher,
    PriceSource,
    Processor,
    SecretResolver,
)  # fmt: skip
from fanlight.plugins.loading import Plugin, PluginInfo, load_entry_point, load_module
from fanlight.sinks.base import SinkType

DISABLED: Final = "FANLIGHT_PLUGINS_DISABLED"
"""The environment variable that names entry points not to load, separated by commas."""
BUILTIN: Final = "fanlight.sinks.builtin"

_EXCLUSIVE: Final = ("sink:", "secrets:", "matcher:", "command:")
_logger: Final = logging.getLogger("fanlight.plugins")

Contribution = TypeVar("Contribution")


class PluginRegistry:
    """
    The plugins of one router, and what they contribute.

    Each plugin has a PluginManager of its own: one that raises cannot silence the rest.
    """

    def __init__(self, plugins: Sequence[Plugin], infos: Sequence[PluginInfo]) -> None:
        self._plugins = tuple(plugins)
        self.plugins: tuple[PluginInfo, ...] = tuple(infos)
        self.sink_types: dict[str, SinkType] = {kind.name: kind for plugin in plugins for kind in plugin.sink_types}
        self.processors: tuple[Processor, ...] = _all(plugin.processors for plugin in plugins)
        self.matchers: tuple[Matcher, ...] = _all(plugin.matchers for plugin in plugins)
        self.detectors: tuple[Detector, ...] = _all(plugin.detectors for plugin in plugins)
        self.secret_resolvers: tuple[SecretResolver, ...] = _all(plugin.secret_resolvers for plugin in plugins)
        self.price_sources: tuple[PriceSource, ...] = _all(plugin.price_sources for plugin in plugins)
        self.commands: tuple[Command, ...] = _all(plugin.commands for plugin in plugins)
        self.wrappers: tuple[object, ...] = tuple(plugin.module for plugin in plugins if plugin.wraps_delivery)

    @classmethod
    def load(cls, modules: Iterable[str] = (), disabled: Iterable[str] = ()) -> PluginRegistry:
        """
        Return a registry of fanlight's own sinks, the installed entry points and *modules*. Never raises.

        Args:
            modules: Importable modules with hooks, from the configuration.
            disabled: Names of entry points or distributions that are not loaded, beside those that
                `FANLIGHT_PLUGINS_DISABLED` names.
        """
        off = {*disabled, *(name.strip() for name in os.environ.get(DISABLED, "").split(","))} - {""}
        found: list[Plugin | PluginInfo] = [load_module(BUILTIN, PROJECT, __version__)]
        found += [load_entry_point(entry, off) for entry in _entry_points()]
        found += [load_module(name) for name in dict.fromkeys(modules)]
        return cls._of(_without_repeats(found))

    @classmethod
    def builtin(cls) -> PluginRegistry:
        """Return a registry of fanlight's own sinks and nothing else."""
        return cls._of([load_module(BUILTIN, PROJECT, __version__)])

    @classmethod
    def _of(cls, found: Sequence[Plugin | PluginInfo]) -> PluginRegistry:
        loaded = [item for item in found if isinstance(item, Plugin)]
        refused = _contested(loaded)
        infos = [refused.get(id(item), item.info) if isinstance(item, Plugin) else item for item in found]
        return cls([plugin for plugin in loaded if id(plugin) not in refused], infos)

    @property
    def failed(self) -> tuple[PluginInfo, ...]:
        """The plugins that could not be loaded."""
        return tuple(info for info in self.plugins if info.status == "failed")

    def call_started(self, sinks: tuple[str, ...]) -> None:
        """Tell every plugin that a router began work in this process."""
        self._call("fanlight_started", sinks=sinks)

    def call_stopped(self) -> None:
        """Tell every plugin that a router closed."""
        self._call("fanlight_stopped")

    def call_delivery_outcome(self, outcome: DeliveryOutcome) -> None:
        """Tell every plugin how an attempt ended."""
        self._call("fanlight_delivery_outcome", outcome=outcome)

    def _call(self, hook: str, **arguments: Any) -> None:
        for plugin in self._plugins:
            try:
                getattr(plugin.manager.hook, hook)(**arguments)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # a hook that raises is its plugin's problem and nobody else's
                _logger.warning("plugin %s: %s raised %s", plugin.info.name, hook, type(error).__name__)


def _entry_points() -> list[EntryPoint]:
    try:
        return sorted(set(entry_points(group=ENTRY_POINT_GROUP)), key=lambda entry: (entry.name, entry.value))
    except Exception as error:  # one distribution with unreadable metadata
        _logger.warning("installed plugins cannot be listed: %s", type(error).__name__)
        return []


def _without_repeats(found: Sequence[Plugin | PluginInfo]) -> list[Plugin | PluginInfo]:
    """Return *found* without the modules of the configuration that an entry point has loaded already."""
    seen: set[int] = set()
    kept: list[Plugin | PluginInfo] = []
    for item in found:
        if isinstance(item, Plugin):
            if id(item.module) in seen:
                continue
            seen.add(id(item.module))
        kept.append(item)
    return kept


def _contested(plugins: Sequence[Plugin]) -> dict[int, PluginInfo]:
    """
    Return those that claim a name another one claims too. Neither is used: the first to be found could be anybody's.

    fanlight's own names are not up for claims.
    """
    claims = Counter(claim for plugin in plugins for claim in _claims(plugin))
    refused: dict[int, PluginInfo] = {}
    for plugin in plugins[1:]:
        claim = next((claim for claim in _claims(plugin) if claims[claim] > 1), None)
        if claim is not None:
            rivals = [other.info.origin for other in plugins if other is not plugin and claim in _claims(other)]
            reason = f"{claim} is also brought by {', '.join(rivals) or plugin.info.origin}; disable one of them"
            refused[id(plugin)] = msgspec.structs.replace(plugin.info, status="failed", reason=reason, provides=())
    return refused


def _claims(plugin: Plugin) -> list[str]:
    return [item for item in plugin.info.provides if item.startswith(_EXCLUSIVE)]


def _all(groups: Iterable[tuple[Contribution, ...]]) -> tuple[Contribution, ...]:
    return tuple(item for group in groups for item in group)
