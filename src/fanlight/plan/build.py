"""The one way from a source to a plan: read, resolve, check everything against everything, then say yes or no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fanlight.config.document import Document, Source, read
from fanlight.config.load import Loaded, load
from fanlight.config.paths import follow
from fanlight.config.placeholders import Placeholders
from fanlight.config.suggest import did_you_mean
from fanlight.errors import ConfigError, Problem
from fanlight.plan.findings import Findings
from fanlight.plan.model import Plan
from fanlight.plan.oddities import warn_of_oddities
from fanlight.plan.prices import warn_of_prices
from fanlight.plan.reach import reached_sinks
from fanlight.plan.restrictions import check_restrictions
from fanlight.plan.routes import ParsedRoute, RouteParser
from fanlight.plan.scenarios import check_tests
from fanlight.plan.sinks import SinkPlanner
from fanlight.plugins import PluginRegistry
from fanlight.routing import RoutingTable


def load_plan(source: Source, *, environment: str | None = None, secrets: bool = True) -> Plan:
    """
    Return the plan for *source*, with the installed plugins.

    Args:
        source: The path of a YAML file, or its content as a dict.
        environment: Used in place of the source's own.
        secrets: Whether placeholders are resolved. Without, the plan is good for looking at, not for delivery.

    Raises:
        ConfigError: with every problem there is; nothing was started.
    """
    document = read(source)
    return build_plan(document, load_registry(document), environment=environment, secrets=secrets)


def load_registry(document: Document | None = None) -> PluginRegistry:
    """Return the installed plugins, and those that *document* names or disables."""
    plugins = document.data.get("plugins") if document else None
    return PluginRegistry.load(_names(plugins, "modules"), _names(plugins, "disabled"))


def build_plan(
    document: Document, registry: PluginRegistry, *, environment: str | None = None, secrets: bool = True
) -> Plan:
    """
    Return the plan for *document*.

    Args:
        document: What was written.
        registry: The plugins to use.
        environment: Used in place of the document's own.
        secrets: Whether placeholders are resolved. Without, the plan is good for looking at, not for delivery.

    Raises:
        ConfigError: with every problem there is; nothing was started.
    """
    resolvers = {resolver.scheme: resolver.resolve for resolver in registry.secret_resolvers}
    placeholders = Placeholders(document, resolvers, secrets=secrets)
    loaded = load(document, placeholders, environment=environment)
    findings = Findings(document, placeholders)
    findings.add_placed(loaded.problems)

    parser = RouteParser(loaded, registry, findings)
    routes = parser.parse()
    parser.check_unmatched()
    planner = SinkPlanner(loaded, registry, findings, reached_sinks(loaded, routes), secrets=secrets)
    planner.plan()
    _check_environment(loaded, findings)
    _check_plugins(loaded, registry, findings)
    check_restrictions(findings, routes, planner.facts, registry.sink_types)
    check_tests(loaded, findings)
    warn_of_oddities(findings, loaded, routes, planner.facts)
    warn_of_prices(findings, loaded, registry)

    findings.add_placed(placeholders.problems)
    if findings.errors or loaded.config is None:
        raise ConfigError(_in_order(findings.errors), file=document.file)
    return Plan(
        config=loaded.config,
        file=document.file,
        environment=loaded.environment or "",
        sinks=tuple(planner.sinks),
        table=_table(routes, planner, loaded),
        registry=registry,
        secrets=secrets,
        warnings=_in_order(findings.warnings),
    )


def _table(routes: Iterable[ParsedRoute], planner: SinkPlanner, loaded: Loaded) -> RoutingTable:
    used = [planner.facts[sink.name] for sink in planner.sinks]
    return RoutingTable([parsed.route for parsed in routes if parsed.written.enabled], used, loaded.unmatched)


def _check_environment(loaded: Loaded, findings: Findings) -> None:
    if loaded.environment is None or loaded.environment in loaded.environments or not loaded.environments:
        return
    filled = loaded.placeholders.is_filled("environment")
    hint = did_you_mean(loaded.environment, loaded.environments)
    findings.add_placed(
        [
            loaded.document.problem(
                "environment",
                "`environments` does not name this one",
                hint if not filled else f"declared: {', '.join(loaded.environments)}",
                found="" if filled else f'"{loaded.environment}"',
            )
        ]
    )


def _check_plugins(loaded: Loaded, registry: PluginRegistry, findings: Findings) -> None:
    modules = _names(loaded.document.data.get("plugins"), "modules")
    for info in registry.failed:
        if info.name in modules:
            findings.error(f"plugins.modules[{modules.index(info.name)}]", "the module cannot be used", info.reason)
        else:
            findings.warn(
                "", f"the plugin {info.origin} cannot be used: {info.reason}", "`fanlight plugins` lists them"
            )


def _names(plugins: Any, key: str) -> list[str]:
    names = follow(plugins, [key])
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    unique = {(problem.path, problem.message): problem for problem in reversed(list(problems))}
    return tuple(sorted(unique.values(), key=lambda problem: (problem.line or 0, problem.column or 0, problem.path)))
