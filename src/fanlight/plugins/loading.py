"""Loading one plugin: import it, check its hooks, and take what it contributes. Whole or not at all."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec
import pluggy
import re2

from fanlight.config.models import CommonSinkConfig
from fanlight.hookspecs import (
    PROJECT,
    Command,
    Detector,
    FanlightSpecs,
    Matcher,
    PriceSource,
    Processor,
    SecretResolver,
)
from fanlight.sinks.base import SinkConfig, SinkType
from fanlight.sinks.names import names_of

RESERVED_SCHEMES: Final = ("env", "file")
RESERVED_COMMANDS: Final = (
    "audit", "check", "cost", "demo", "dlq", "doctor", "explain", "init", "journal", "new-sink", "plugins", "replay",
    "schema", "status", "test", "trace", "worker",
)  # fmt: skip
"""Commands of fanlight's own, also those that it is to have."""

Status: TypeAlias = Literal["loaded", "failed", "disabled"]
Contribution = TypeVar("Contribution")


class PluginInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin as `fanlight plugins` lists it."""

    name: str
    """Of its entry point, or its module."""
    distribution: str | None = None
    version: str | None = None
    status: Status
    reason: str = ""
    """Why it is not loaded, in one line."""
    provides: tuple[str, ...] = ()
    """What it brings: `sink:otel`, `secrets:vault`, `matcher:x.vip`, `processor:…`, `detector:…`, `hook:…`."""

    @property
    def origin(self) -> str:
        """The distribution and its version, or the module."""
        return f"{self.distribution} {self.version}" if self.distribution else self.name


class Plugin(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A plugin that could be loaded, with all that it contributes."""

    info: PluginInfo
    manager: pluggy.PluginManager
    module: object
    sink_types: tuple[SinkType, ...] = ()
    processors: tuple[Processor, ...] = ()
    matchers: tuple[Matcher, ...] = ()
    detectors: tuple[Detector, ...] = ()
    secret_resolvers: tuple[SecretResolver, ...] = ()
    price_sources: tuple[PriceSource, ...] = ()
    commands: tuple[Command, ...] = ()
    wraps_delivery: bool = False


def load_entry_point(entry: EntryPoint, disabled: set[str]) -> Plugin | PluginInfo:
    """Return the plugin behind an installed entry point, or why it is not loaded."""
    name, version = (entry.dist.name, entry.dist.version) if entry.dist else (None, None)
    if entry.name in disabled or name in disabled:
        return PluginInfo(name=entry.name, distribution=name, version=version, status="disabled")
    return _load(entry.name, entry.load, name, version)


def load_module(name: str, distribution: str | None = None, version: str | None = None) -> Plugin | PluginInfo:
    """Return the plugin that an importable module is, or why it is not loaded."""
    return _load(name, lambda: importlib.import_module(name), distribution, version)


def _load(name: str, find: Callable[[], Any], distribution: str | None, version: str | None) -> Plugin | PluginInfo:
    info = PluginInfo(name=name, distribution=distribution, version=version, status="loaded")
    try:
        return _registered(info, find())
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # whatever a plugin does on import is a line in a report
        return msgspec.structs.replace(info, status="failed", reason=_reason(error))


def _registered(info: PluginInfo, module: object) -> Plugin:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(FanlightSpecs)
    manager.register(module, info.name)
    manager.check_pending()  # a hook that is spelt wrong would never be called
    callers = manager.get_hookcallers(module) or []
    if not callers:
        raise TypeError("it implements no hook: is @hookimpl missing?")
    for caller in callers:
        if caller.name == "fanlight_deliver" and not all(impl.wrapper for impl in caller.get_hookimpls()):
            raise TypeError("fanlight_deliver must be @hookimpl(wrapper=True): a sink is a SinkType")
    plugin = Plugin(
        info=info,
        manager=manager,
        module=module,
        sink_types=_given(manager, "fanlight_register_sinks", SinkType, _check_sink_type),
        processors=_given(manager, "fanlight_processors", Processor),
        matchers=_given(manager, "fanlight_matchers", Matcher),
        detectors=_given(manager, "fanlight_detectors", Detector, _check_detector),
        secret_resolvers=_given(manager, "fanlight_secret_resolvers", SecretResolver, _check_resolver),
        price_sources=_given(manager, "fanlight_price_sources", PriceSource),
        commands=_given(manager, "fanlight_commands", Command, _check_command),
        wraps_delivery=any(caller.name == "fanlight_deliver" for caller in callers),
    )
    return msgspec.structs.replace(plugin, info=msgspec.structs.replace(info, provides=_provided(plugin, callers)))


def _given(
    manager: pluggy.PluginManager,
    hook: str,
    expected: type[Contribution],
    check: Callable[[Contribution], None] = lambda _: None,
) -> tuple[Contribution, ...]:
    given = tuple(item for result in getattr(manager.hook, hook)() for item in result)
    for item in given:
        if not isinstance(item, expected):
            raise TypeError(f"{hook} returned a {type(item).__name__}, not a {expected.__name__}")
        check(item)
    return given


def _check_sink_type(sink_type: SinkType) -> None:
    model: object = sink_type.config_model  # whatever a plugin wrote there
    if not isinstance(model, type) or not issubclass(model, SinkConfig):
        raise TypeError(f"the config_model of sink type {sink_type.name} is no SinkConfig")
    _check_isolation(sink_type)
    taken = sorted(set(model.model_fields) & set(CommonSinkConfig.model_fields))
    if taken:
        raise TypeError(
            f"{model.__name__}.{taken[0]} can never be set: every sink has a key `{taken[0]}` of fanlight's"
        )


def _check_isolation(sink_type: SinkType) -> None:
    wanted: object = sink_type.isolation  # whatever a plugin wrote there
    if wanted == "thread":
        return
    if wanted != "process" and not callable(wanted):
        raise TypeError(f"sink type {sink_type.name} wants isolation {wanted!r}, neither `thread` nor `process`")
    try:
        names_of(sink_type)
    except TypeError as error:
        raise TypeError(f"sink type {sink_type.name} cannot run in its own process: {error}") from None


def _check_detector(detector: Detector) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(detector.pattern, options)
    except re2.error:
        raise ValueError(f"the pattern of detector {detector.kind} is not valid RE2") from None


def _check_resolver(resolver: SecretResolver) -> None:
    if resolver.scheme in RESERVED_SCHEMES:
        raise ValueError(f"the placeholder `{resolver.scheme}:` is fanlight's own")


def _check_command(command: Command) -> None:
    if command.name in RESERVED_COMMANDS:
        raise ValueError(f"the command `{command.name}` is fanlight's own")


def _provided(plugin: Plugin, callers: Iterable[pluggy.HookCaller]) -> tuple[str, ...]:
    return (
        *(f"sink:{item.name}" for item in plugin.sink_types),
        *(f"secrets:{item.scheme}" for item in plugin.secret_resolvers),
        *(f"matcher:x.{item.name}" for item in plugin.matchers),
        *(f"processor:{item.name}" for item in plugin.processors),
        *(f"detector:{item.kind}" for item in plugin.detectors),
        *(f"prices:{item.name}" for item in plugin.price_sources),
        *(f"command:{item.name}" for item in plugin.commands),
        *(f"hook:{caller.name.removeprefix('fanlight_')}" for caller in callers if caller.name in _LISTENERS),
    )


_LISTENERS: Final = ("fanlight_deliver", "fanlight_delivery_outcome", "fanlight_started", "fanlight_stopped")


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
