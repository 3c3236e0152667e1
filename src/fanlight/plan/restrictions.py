"""Whether restrictions name what there is. A restriction that is misspelt would let everything through in silence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from fanlight.config.paths import join
from fanlight.config.placeholders import has_placeholder
from fanlight.config.suggest import did_you_mean
from fanlight.errors import Problem
from fanlight.plan.findings import Findings
from fanlight.plan.routes import ParsedRoute
from fanlight.plugins import KNOWN_PACKAGES
from fanlight.routing import Selector, SinkFacts, parse_selector


def check_restrictions(
    findings: Findings, routes: Sequence[ParsedRoute], sinks: Mapping[str, SinkFacts], types: Collection[str]
) -> None:
    """
    Find every selector that can name nothing, and warn of those that name no sink yet.

    Args:
        findings: Takes what is found.
        routes: All of them.
        sinks: Every sink of the configuration, disabled ones included.
        types: The installed sink types.
    """
    for path, texts, is_only in _selections(routes):
        parsed = {place: selector for place, selector in _selectors(path, texts) if selector is not None}
        unknown = [problem for place in parsed if (problem := _unknown(place, parsed[place], sinks, types))]
        findings.add(unknown)
        if unknown or len(parsed) < len(texts):
            continue
        named = {place for place, selector in parsed.items() if _selects(selector, sinks.values())}
        if is_only and not named:
            hint = "name a sink, a type or a label that some sink has"
            findings.error(path, "no sink is named here, so nothing could be sent anywhere", hint)
            continue
        for place, selector in parsed.items():
            if place not in named:
                findings.warn(place, f"no sink is `{selector}`", "it takes effect once there is one")


def _selections(routes: Sequence[ParsedRoute]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    for parsed in routes:
        for path, action in (
            (parsed.path, parsed.written),
            (join(parsed.path, "otherwise"), parsed.written.otherwise),
        ):
            if action is not None:
                yield join(path, "deny"), action.deny, False
            if action is not None and action.only:  # an empty one says on purpose that nobody gets it
                yield join(path, "only"), action.only, True


def _selectors(path: str, texts: tuple[str, ...]) -> Iterator[tuple[str, Selector | None]]:
    for index, text in enumerate(texts):
        place = join(path, index)
        yield place, parse_selector(text, place)[0]  # what is wrong with it is the parser's to say


def _selects(selector: Selector, sinks: Iterable[SinkFacts]) -> bool:
    """Whether some sink is named, or may be: a label whose placeholder is not resolved here can be anything."""
    return any(selector.selects(sink) or has_placeholder(sink.labels.get(selector.label)) for sink in sinks)


def _unknown(path: str, selector: Selector, sinks: Mapping[str, SinkFacts], types: Collection[str]) -> Problem | None:
    if selector.by == "name" and selector.value not in sinks:
        return _problem(path, selector, "no sink has this name", did_you_mean(selector.value, sinks))
    known_types = {*types, *KNOWN_PACKAGES, *(sink.type for sink in sinks.values())}
    if selector.by == "type" and selector.value not in known_types:
        return _problem(path, selector, "no sink has this type", did_you_mean(selector.value, known_types))
    labels = {label for sink in sinks.values() for label in sink.labels}
    if selector.by == "label" and selector.label not in labels:
        return _problem(path, selector, f"no sink has a label `{selector.label}`", did_you_mean(selector.label, labels))
    return None


def _problem(path: str, selector: Selector, message: str, hint: str) -> Problem:
    return Problem(path=path, message=message, hint=hint, found=f'"{selector}"')
