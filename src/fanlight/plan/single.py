"""The settings of one sink, for what works on a destination without a router: maintenance, queries, migrations."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TypeVar

import msgspec

from fanlight.config.document import Document, Source, read
from fanlight.config.load import Loaded, load
from fanlight.config.placeholders import Placeholders
from fanlight.config.suggest import did_you_mean, listed
from fanlight.errors import ConfigError, Problem
from fanlight.plan.build import load_registry
from fanlight.plan.findings import Findings
from fanlight.plan.sinks import SinkPlanner
from fanlight.sinks.base import SinkConfig

ConfigT = TypeVar("ConfigT", bound=SinkConfig)


def sink_config(model: type[ConfigT], source: Source | None = None, *, sink: str | None = None) -> ConfigT:
    """
    Return the settings of one sink of a configuration, with its secrets resolved.

    Only this sink's placeholders are resolved, and only its keys are checked: a job that looks after one destination
    needs none of the others' secrets. A sink that is disabled, or that no route reaches, is as good.

    Args:
        model: The settings' class; the sink must be of the type that it belongs to.
        source: A path or a dict; without it the path in `FANLIGHT_CONFIG`.
        sink: The sink's name; may be left out where only one sink is of that type.

    Raises:
        ConfigError: there is no such sink, or its settings are wrong; with every problem there is.
    """
    document = read(source if source is not None else _named_by_the_environment())
    if document.problems:  # a key that stands there twice may be this sink's
        raise ConfigError(document.problems, file=document.file)
    registry = load_registry(document)
    loaded = load(document, Placeholders(document, {}, secrets=False))
    name = _chosen(loaded, {kind.name for kind in registry.sink_types.values() if kind.config_model is model}, sink)
    placeholders = Placeholders(document, {each.scheme: each.resolve for each in registry.secret_resolvers})
    findings = Findings(document, placeholders)
    planner = SinkPlanner(_reduced(loaded, name, placeholders), registry, findings, {name}, secrets=True)
    planner.plan()
    findings.add_placed(placeholders.problems)
    found = next((planned.config for planned in planner.sinks), None)
    if findings.errors or not isinstance(found, model):
        raise ConfigError(findings.errors, file=document.file)
    return found


def _named_by_the_environment() -> str:
    path = os.environ.get("FANLIGHT_CONFIG")
    if not path:
        raise ConfigError.single("no configuration was given", hint="pass a path, or set FANLIGHT_CONFIG")
    return path


def _reduced(loaded: Loaded, name: str, placeholders: Placeholders) -> Loaded:
    only = {name: {**loaded.sinks[name], "enabled": True}}
    return msgspec.structs.replace(loaded, placeholders=placeholders, sinks=only)


def _chosen(loaded: Loaded, kinds: Collection[str], sink: str | None) -> str:
    types = {name: str(written.get("type")) for name, written in loaded.sinks.items()}
    fitting = [name for name, kind in types.items() if kind in kinds]
    if sink in fitting:
        return sink
    if sink is None and len(fitting) == 1:
        return fitting[0]
    raise ConfigError([_no_choice(loaded.document, types, fitting, sink, kinds)], file=loaded.document.file)


def _no_choice(
    document: Document, types: dict[str, str], fitting: list[str], sink: str | None, kinds: Collection[str]
) -> Problem:
    spelled = " or ".join(sorted(kinds)) or "that is not installed"
    if sink in types:
        return document.problem(f"sinks.{sink}.type", f"expected a sink of type {spelled}", found=f'"{types[sink]}"')
    if sink is not None:
        return _about_the_choice(document, f"there is no sink `{sink}`", did_you_mean(sink, fitting))
    if fitting:
        message = f"{len(fitting)} sinks are of type {spelled}"
        return _about_the_choice(document, message, f"name one with --sink (in Python: sink=…); {listed(fitting)}")
    return document.problem("sinks", f"there is no sink of type {spelled}")


def _about_the_choice(document: Document, message: str, hint: str) -> Problem:
    """Return a problem of what was asked for; the file has no place that is wrong."""
    return Problem(message=message, hint=hint, file=document.file)
