"""Keys whose behaviour is not built yet. They are refused with a sentence: a key is never accepted and ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from fanlight._version import __version__
from fanlight.config.document import Document
from fanlight.config.paths import join
from fanlight.errors import Problem

_Rule: TypeAlias = tuple[tuple[str, ...], Callable[[Any], bool], str, str]


def _any(_value: Any) -> bool:
    return True


def _one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


def _no_inline(value: Any) -> bool:
    return isinstance(value, dict) or value == "worker"


def _no_memory(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in ("disk", "broker")


_SAMPLE: Final = "sampling"
_SAMPLE_HINT: Final = "remove it, every event is sent; or choose fewer with `match`"
_SHADOW: Final = "shadow delivery"
_SPILL: Final = "spilling and blocking when a queue is full"
_SPILL_HINT: Final = "write `drop_oldest` or `drop_newest`; both are counted"
_spills: Final = _one_of("spill", "block", "overflow")

_RULES: Final[tuple[_Rule, ...]] = (
    (("include",), _any, "including another file", "remove it, and write its content here"),
    (("alerts",), _any, "alerting", "remove it"),
    (("metrics",), _any, "sending fanlight's own metrics", "remove it; `router.health()` has the numbers"),
    (("delivery",), _no_inline, "delivery by a worker process", "remove it, or write `delivery: inline`"),
    (("journal",), _no_memory, "a journal that survives the process", "remove it, or write `journal: {type: memory}`"),
    (("privacy", "identifiers"), _any, "hashing identifiers", "remove it; until then send `content: metadata`"),
    (("privacy", "hash_key"), _any, "hashing identifiers", "remove it"),
    (("privacy", "fields"), _any, "redacting single fields", "remove it; until then send `content: metadata`"),
    (("privacy", "pii"), _any, "redacting personal data", "remove it; until then send `content: metadata`"),
    (("sinks", "*", "redact"), _any, "redaction of a single sink", "remove it; until then send `content: metadata`"),
    (("sinks", "*", "queue", "when_full"), _spills, _SPILL, _SPILL_HINT),
    (("defaults", "queue", "when_full"), _spills, _SPILL, _SPILL_HINT),
    (("routes", "*", "sample"), _any, _SAMPLE, _SAMPLE_HINT),
    (("routes", "*", "redact"), _any, "redaction by a route", "remove it; until then send `content: metadata`"),
    (("routes", "*", "mode"), _one_of("shadow"), _SHADOW, "remove it, or `enabled: false` the route"),
    (("routes", "*", "to", "*", "sample"), _any, _SAMPLE, _SAMPLE_HINT),
    (
        ("routes", "*", "to", "*", "redact"),
        _any,
        "redaction by a route",
        "remove it; until then send `content: metadata`",
    ),
    (("routes", "*", "to", "*", "mode"), _one_of("shadow"), _SHADOW, "remove the sink from `to` until then"),
)


def take_out_later(document: Document) -> tuple[dict[str, Any], list[Problem]]:
    """Return the document's data without the keys that are not built yet, and a problem for each of them."""
    problems: list[Problem] = []
    data = _without(document.data, (), "", document, problems)
    return data, problems


def _without(value: Any, steps: tuple[str, ...], path: str, document: Document, problems: list[Problem]) -> Any:
    if isinstance(value, list):
        return [
            _without(item, (*steps, "*"), join(path, index), document, problems) for index, item in enumerate(value)
        ]
    if not isinstance(value, dict) or len(steps) > 4:
        return value
    kept: dict[str, Any] = {}
    for key, item in value.items():
        below, place = (*steps, key), join(path, key)
        rule = next((rule for rule in _RULES if _applies(rule, below, item)), None)
        if rule is None:
            kept[key] = _without(item, below, place, document, problems)
        else:
            message = f"{rule[2]} is not built yet in fanlight {_VERSION}"
            problems.append(document.problem(place, message, rule[3], key=True))
    return kept


def _applies(rule: _Rule, steps: tuple[str, ...], value: Any) -> bool:
    pattern, holds, _, _ = rule
    return (
        len(pattern) == len(steps)
        and all(want in {"*", step} for want, step in zip(pattern, steps, strict=True))
        and holds(value)
    )


_VERSION: Final = ".".join(__version__.split(".")[:2])
