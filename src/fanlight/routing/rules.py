"""Routes and what they name: sinks to send to, sinks to keep away from, keys that must be known."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec

from fanlight.errors import Problem
from fanlight.routing.keys import Key
from fanlight.routing.predicates import Predicate


class SinkFacts(msgspec.Struct, frozen=True):
    """What routing needs to know of a sink."""

    name: str
    type: str
    labels: dict[str, str] = {}


class Selector(msgspec.Struct, frozen=True):
    """Names sinks in a restriction: by name, `type:<type>` or `label:<key>=<value>`."""

    by: Literal["name", "type", "label"]
    value: str
    label: str = ""

    def selects(self, sink: SinkFacts) -> bool:
        """Whether *sink* is meant."""
        if self.by == "label":
            return sink.labels.get(self.label) == self.value
        return (sink.name if self.by == "name" else sink.type) == self.value

    def __str__(self) -> str:
        return {"name": self.value, "type": f"type:{self.value}", "label": f"label:{self.label}={self.value}"}[self.by]


class Otherwise(msgspec.Struct, frozen=True, kw_only=True):
    """The restriction where a required key is missing."""

    deny: tuple[Selector, ...] = ()
    only: tuple[Selector, ...] | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One rule of the configuration, parsed."""

    name: str
    match: Predicate
    to: tuple[str, ...] = ()
    deny: tuple[Selector, ...] = ()
    only: tuple[Selector, ...] | None = None
    require: tuple[Key, ...] = ()
    otherwise: Otherwise | None = None


class Restriction(msgspec.Struct, frozen=True, kw_only=True):
    """What a route forbids once it is in force; compared by value, so that it survives a reload."""

    route: str
    deny: tuple[Selector, ...] = ()
    only: tuple[Selector, ...] | None = None

    def closes(self, sink: SinkFacts) -> bool:
        """Whether *sink* may not get what this restriction is about."""
        if any(selector.selects(sink) for selector in self.deny):
            return True
        return self.only is not None and not any(selector.selects(sink) for selector in self.only)


def parse_selector(text: str, path: str) -> tuple[Selector | None, list[Problem]]:
    """Return the selector that *text* spells, or `None` and what is wrong; whether any sink fits is not asked here."""
    kind, colon, rest = text.partition(":")
    label, equals, value = rest.partition("=")
    if not colon and text:
        return Selector("name", text), []
    if kind == "type" and rest:
        return Selector("type", rest), []
    if kind == "label" and label and equals and value:
        return Selector("label", value, label), []
    message = f"{text!r:.80} names no sinks"
    return None, [Problem(path=path, message=message, hint="write a sink's name, type:<type> or label:<key>=<value>")]


def selected(selectors: Collection[Selector], sinks: Collection[SinkFacts]) -> tuple[str, ...]:
    """Return the names of the *sinks* that any of the *selectors* means."""
    return tuple(sink.name for sink in sinks if any(selector.selects(sink) for selector in selectors))
