"""Routes: their matches parsed, and everything they name checked against what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fanlight.config.load import Loaded
from fanlight.config.models import RestrictionAction, RouteConfig
from fanlight.config.paths import follow, join
from fanlight.config.suggest import did_you_mean
from fanlight.plan.environments import named_environments
from fanlight.plan.findings import Findings
from fanlight.plugins import PluginRegistry
from fanlight.routing import (
    EVERYTHING,
    Key,
    Otherwise,
    Predicate,
    Route,
    Selector,
    parse_key,
    parse_match,
    parse_selector,
)  # fmt: skip

_NOTHING: Final = RouteConfig()
_EFFECTS: Final = ("to", "deny", "require", "otherwise")


class ParsedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route with its place, and what it says as far as that is sound."""

    path: str
    written: RouteConfig
    route: Route
    sound: bool
    """Whether its match could be parsed."""


class RouteParser:
    """
    Parses the routes of one configuration.

    Args:
        loaded: What the document says.
        registry: Knows the further keys that plugins bring.
        findings: Takes what is wrong.
    """

    def __init__(self, loaded: Loaded, registry: PluginRegistry, findings: Findings) -> None:
        self._loaded = loaded
        self._findings = findings
        self._extra_keys = {matcher.name: matcher.value for matcher in registry.matchers}

    def parse(self) -> tuple[ParsedRoute, ...]:
        """Return every route, disabled ones included."""
        raw = self._loaded.document.data.get("routes")
        return tuple(
            self._route(f"routes[{index}]", follow(raw, [index]), written or _NOTHING)
            for index, written in enumerate(self._loaded.routes)
        )

    def check_unmatched(self) -> None:
        """Check that `unmatched` names sinks."""
        for index, sink in enumerate(self._loaded.unmatched):
            self._check_sink(f"unmatched[{index}]", sink)

    def _route(self, path: str, raw: Any, written: RouteConfig) -> ParsedRoute:
        match = self._match(join(path, "match"), written.match)
        for index, sink in enumerate(written.to):
            self._check_sink(f"{path}.to[{index}]", sink)
        self._check_effect(path, raw, written)
        self._check_only(path, raw)
        self._check_only(join(path, "otherwise"), follow(raw, ["otherwise"]))
        deny, only = self._restriction(path, written)
        otherwise = None
        if written.otherwise is not None:
            below = join(path, "otherwise")
            self._check_restricts(below, written.otherwise)
            otherwise_deny, otherwise_only = self._restriction(below, written.otherwise)
            otherwise = Otherwise(deny=otherwise_deny, only=otherwise_only)
        route = Route(
            name=written.name or path,
            match=EVERYTHING if match is None else match,
            to=written.to,
            deny=deny,
            only=only,
            require=self._required(join(path, "require"), written.require),
            otherwise=otherwise,
        )
        return ParsedRoute(path=path, written=written, route=route, sound=match is not None)

    def _match(self, path: str, raw: Mapping[str, Any]) -> Predicate | None:
        match, problems = parse_match(raw, path, extra_keys=self._extra_keys)
        self._findings.add(problems)
        for place, name in named_environments(raw, path, self._loaded.environments):
            hint = did_you_mean(name, self._loaded.environments)
            self._findings.error(place, "`environments` does not name this one", hint, found=f'"{name}"')
        return match

    def _required(self, path: str, names: tuple[str, ...]) -> tuple[Key, ...]:
        keys = []
        for index, name in enumerate(names):
            key, problems = parse_key(name, f"{path}[{index}]", extra_keys=self._extra_keys)
            self._findings.add(problems)
            keys += [key] if key is not None else []
        return tuple(keys)

    def _restriction(
        self, path: str, action: RestrictionAction
    ) -> tuple[tuple[Selector, ...], tuple[Selector, ...] | None]:
        deny = self._selectors(join(path, "deny"), action.deny)
        only = None if action.only is None else self._selectors(join(path, "only"), action.only)
        return deny, only

    def _selectors(self, path: str, texts: tuple[str, ...]) -> tuple[Selector, ...]:
        selectors = []
        for index, text in enumerate(texts):
            selector, problems = parse_selector(text, f"{path}[{index}]")
            self._findings.add(problems)
            selectors += [selector] if selector is not None else []
        return tuple(selectors)

    def _check_sink(self, path: str, name: str) -> None:
        if name not in self._loaded.sinks:
            hint = did_you_mean(name, self._loaded.sinks)
            self._findings.error(path, "no sink has this name", hint, found=f'"{name}"')

    def _check_only(self, path: str, raw: Any) -> None:
        # A list whose entries were commented out: as `only: []` it closes everything, as nothing it would open it.
        if isinstance(raw, Mapping) and "only" in raw and raw["only"] is None:
            self._findings.error(join(path, "only"), "nothing stands here", "write `only: []` for nobody, or remove it")

    def _check_effect(self, path: str, raw: Any, written: RouteConfig) -> None:
        if isinstance(raw, Mapping) and raw.get("only") is None and not any(raw.get(key) for key in _EFFECTS):
            self._findings.error(path, "the route does nothing", "add `to`, `deny`, `only` or `require`")
        if written.require and written.otherwise is None:
            hint = "add `otherwise: {only: [...]}` or `otherwise: {deny: [...]}`"
            self._findings.error(join(path, "require"), "nothing says what happens without these keys", hint)
        if written.otherwise is not None and not written.require:
            hint = "add `require: [...]`, or write the restriction without `otherwise`"
            self._findings.error(join(path, "otherwise"), "there is no `require` that it belongs to", hint)

    def _check_restricts(self, path: str, action: RestrictionAction) -> None:
        if not action.deny and action.only is None:
            self._findings.error(path, "this restricts nothing", "add `only` or `deny`")
