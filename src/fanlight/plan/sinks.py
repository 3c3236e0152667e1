"""Sinks: their types found, their settings checked, and of those in use the secrets resolved."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from fanlight.config.load import Loaded
from fanlight.config.models import CommonSinkConfig
from fanlight.config.paths import join
from fanlight.config.sentences import Translator
from fanlight.config.suggest import did_you_mean
from fanlight.plan.findings import Findings
from fanlight.plan.isolation import preferred, refusal
from fanlight.plan.model import PlannedSink
from fanlight.plan.settings import contradictions, lane_settings
from fanlight.plugins import KNOWN_PACKAGES, PRESETS, PluginInfo, PluginRegistry
from fanlight.routing import SinkFacts
from fanlight.sinks.base import Isolation, SinkConfig, SinkType

_SWITCH: Final = TypeAdapter(bool)
_COMMON: Final = frozenset(CommonSinkConfig.model_fields)


class SinkPlanner:
    """
    Plans the sinks of one configuration.

    Args:
        loaded: What the document says.
        registry: Knows the sink types.
        findings: Takes what is wrong.
        reached: The sinks that a route reaches in this environment.
        secrets: Whether the placeholders of those are resolved.
    """

    def __init__(
        self, loaded: Loaded, registry: PluginRegistry, findings: Findings, reached: Collection[str], *, secrets: bool
    ) -> None:
        self.facts: dict[str, SinkFacts] = {}
        """Of every sink, disabled ones included: a restriction may name them."""
        self.sinks: list[PlannedSink] = []
        self._loaded = loaded
        self._registry = registry
        self._findings = findings
        self._reached = reached
        self._secrets = secrets
        self._translator = Translator(loaded.document, loaded.placeholders)

    def plan(self) -> None:
        """Fill `sinks` and `facts`."""
        for name, written in self._loaded.sinks.items():
            used = _enabled(written) and (name in self._reached or not self._secrets)
            self._sink(name, written, used=used)

    def _sink(self, name: str, written: dict[str, Any], *, used: bool) -> None:
        path = join("sinks", name)
        placeholders = self._loaded.placeholders
        raw = placeholders.resolve(written, path) if used else placeholders.leave(written, path)
        common = self._validated(CommonSinkConfig, {key: raw[key] for key in raw if key in _COMMON}, path)
        kind = written.get("type")
        self.facts[name] = _facts(name, kind, raw.get("labels"))
        sink_type = self._type(path, kind, used=used) if isinstance(kind, str) else None
        if sink_type is None:
            return
        own = self._own(sink_type, {key: raw[key] for key in raw if key not in _COMMON}, path)
        if common is None:
            return
        settings = lane_settings(common, self._loaded.defaults, sink_type.defaults)
        for key, sentence in contradictions(settings):
            self._findings.error(join(path if key in raw else "defaults", key), sentence, "change one of them")
        isolation = self._isolation(path, sink_type, own, common)
        if used and own is not None:
            self.sinks.append(
                PlannedSink(
                    name=name,
                    sink_type=sink_type,
                    config=own,
                    settings=settings,
                    isolation=isolation,
                    labels=common.labels,
                    content=common.content,
                    collapse=common.collapse,
                )
            )

    def _isolation(self, path: str, sink_type: SinkType, own: SinkConfig | None, common: CommonSinkConfig) -> Isolation:
        known = None if self._loaded.placeholders.is_open(path, within=True) else own
        place = join(path, "isolation")
        try:
            isolation = common.isolation or (preferred(sink_type, known) if known is not None else "thread")
        except ValueError as error:
            self._findings.error(place, str(error), "write `isolation: thread` or `isolation: process`")
            return "thread"
        reason = refusal(sink_type, known) if isolation == "process" else None
        if reason is not None:
            self._findings.error(place, reason, "write `isolation: thread`")
        return isolation

    def _validated(self, model: type[CommonSinkConfig], raw: dict[str, Any], path: str) -> CommonSinkConfig | None:
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self._findings.add_placed(self._translator.problems(error, model, raw, path))
        return self._without_open(model, raw, path)

    def _own(self, sink_type: SinkType, raw: dict[str, Any], path: str) -> SinkConfig | None:
        model = sink_type.config_model
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            found = self._translator.problems(error, model, raw, path, also_known=sorted(_COMMON))
        except Exception as error:  # a validator of somebody's plugin
            message = f"the settings of sink type {sink_type.name} could not be checked: {type(error).__name__}"
            stumbled = self._loaded.placeholders.is_open(path, within=True)
            found = [] if stumbled else [self._loaded.document.problem(path, message)]
        self._findings.add_placed(found)
        # Nothing is wrong but what was not resolved: good enough to look at.
        return None if found else model.model_construct(**raw)

    def _without_open(self, model: type[CommonSinkConfig], raw: dict[str, Any], path: str) -> CommonSinkConfig | None:
        known = {
            key: value
            for key, value in raw.items()
            if not self._loaded.placeholders.is_open(join(path, key), within=True)
        }
        try:
            return model.model_validate(known)
        except ValidationError:  # reported already
            return None

    def _type(self, path: str, kind: str, *, used: bool) -> SinkType | None:
        found = self._registry.sink_types.get(kind)
        place = join(path, "type")
        if found is not None or self._loaded.placeholders.is_open(place):
            return found
        message, hint = self._unknown_type(kind)
        if kind in KNOWN_PACKAGES and not used:
            self._findings.warn(place, f"{message}, so the sink was not checked", hint)
        else:
            self._findings.error(place, message, hint, found=f'"{kind}"')
        return None

    def _unknown_type(self, kind: str) -> tuple[str, str]:
        package = KNOWN_PACKAGES.get(kind)
        broken = next((info for info in self._registry.failed if _meant(info, kind, package)), None)
        if broken is not None:
            return f"this sink type could not be loaded from {broken.origin}", broken.reason
        off = next((info for info in self._registry.plugins if info.status == "disabled" and info.name == kind), None)
        if off is not None:
            return "the plugin that brings this sink type is disabled", "enable it again"
        if package is not None:
            return "this sink type is not installed", f"pip install {package}"
        if kind in PRESETS:
            return "there is no such sink type", f"it is a preset: write `type: otel, preset: {kind}`"
        return "there is no such sink type", did_you_mean(kind, {*self._registry.sink_types, *KNOWN_PACKAGES})


def _facts(name: str, kind: Any, labels: Any) -> SinkFacts:
    return SinkFacts(
        name=name,
        type=kind if isinstance(kind, str) else "",
        labels={key: str(value) for key, value in labels.items()} if isinstance(labels, dict) else {},
    )


def _enabled(written: dict[str, Any]) -> bool:
    try:
        return _SWITCH.validate_python(written.get("enabled", True))
    except ValidationError:  # reported where the sink is validated, or a placeholder that is not resolved
        return True


def _meant(info: PluginInfo, kind: str, package: str | None) -> bool:
    by_name = info.name == kind or info.reason.startswith(f"sink:{kind} ")
    return by_name or (package is not None and info.distribution == package)
