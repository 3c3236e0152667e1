"""The fields of an event from the options of a command."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args, get_type_hints

from fanlight.config.yaml import scalar
from fanlight.event import TelemetryEvent

_PLAIN: Final = ("environment", "tenant_id", "user_id", "session_id", "type", "status", "name")


class UsageError(Exception):
    """The options make no sense; the message says why."""


def gather(options: argparse.Namespace) -> dict[str, Any]:
    """
    Return the fields that *options* set.

    Raises:
        UsageError: an entry is no `KEY=VALUE`.
    """
    facts: dict[str, Any] = {name: getattr(options, name) for name in _PLAIN if getattr(options, name) is not None}
    if options.tag:
        facts["tags"] = list(options.tag)
    for key, value in (*((f"metadata.{key}", value) for key, value in _pairs(options.metadata)), *_pairs(options.set)):
        _put(facts, key, value if _is_text(key) else scalar(value))
    return facts


def _pairs(entries: Iterable[str]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not key or not equals:
            raise UsageError(f"expected KEY=VALUE, found {entry!r}")
        yield key, value


def _is_text(field: str) -> bool:
    hint = get_type_hints(TelemetryEvent).get(field)
    return hint is str or str in get_args(hint)


def _put(facts: dict[str, Any], key: str, value: Any) -> None:
    head, dot, rest = key.partition(".")
    if not dot:
        facts[head] = value
    elif head in {"metadata", "attributes"}:
        facts.setdefault(head, {})[rest] = value
    else:
        facts.setdefault(head, {})
        if not isinstance(facts[head], dict):
            raise UsageError(f"{head} is set already")
        _put(facts[head], rest, value)
