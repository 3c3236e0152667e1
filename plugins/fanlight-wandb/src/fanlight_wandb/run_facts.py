"""
What a W&B run's configuration says of its events: the model, its parameters, the prompt, the code.

W&B compares runs by their configuration. A value that is the same throughout the run stands there as it is; one that
varies becomes the sorted list of its values, and where there are too many, one word says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from fanlight import TelemetryEvent

Scalar: TypeAlias = str | int | float | bool
Facts: TypeAlias = dict[str, list[Scalar]]
"""The values that each key has had, without repetition."""

VARIOUS: Final = "various"
"""Stands for more values than a comparison has room for."""
_MOST: Final = 16
_LONGEST: Final = 200
_FIELDS: Final = ("service_version", "vcs_revision", "prompt_name", "prompt_version", "provider")


def learn(facts: Facts, events: Iterable[TelemetryEvent]) -> bool:
    """Add what *events* tell to *facts*, and return whether there was anything new."""
    new = False
    for event in events:
        for key, value in _told_by(event):
            values = facts.setdefault(key, [])
            if len(values) <= _MOST and value not in values:
                values.append(value)
                new = True
    return new


def config_of(facts: Facts) -> dict[str, Any]:
    """Return *facts* as a W&B run's configuration."""
    config: dict[str, Any] = {}
    for key, values in sorted(facts.items()):
        head, _, rest = key.partition(".")
        if rest:
            config.setdefault(head, {})[rest] = _said(values)
        else:
            config[key] = _said(values)
    return config


def _told_by(event: TelemetryEvent) -> Iterator[tuple[str, Scalar]]:
    for field in _FIELDS:
        if value := getattr(event, field):
            yield field, value[:_LONGEST]
    if model := event.response_model or event.request_model:
        yield "model", model[:_LONGEST]
    for name, value in event.invocation_params.items():
        if isinstance(value, str | int | float) and len(str(value)) <= _LONGEST:
            yield f"invocation_params.{name}", value
    for name, value in event.attributes.items():
        if isinstance(value, str | int | float) and len(str(value)) <= _LONGEST:
            yield f"attributes.{name}", value


def _said(values: list[Scalar]) -> Any:
    if len(values) == 1:
        return values[0]
    return VARIOUS if len(values) > _MOST else sorted(values, key=lambda value: (str(type(value)), value))
