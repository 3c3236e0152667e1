"""The commented reference file: every key with its docstring, an example or its default. Made from the models."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fanlight.config.fields import descriptions
from fanlight.config.models import (
    CommonSinkConfig,
    DeliveryConfig,
    RestrictionAction,
    RouteConfig,
    RouterConfig,
    ServiceConfig,
    TestCase,
)  # fmt: skip
from fanlight.config.schema import spelled
from fanlight.config.yaml import scalar
from fanlight.sinks.base import SinkType

_HEAD: Final = """\
# The configuration of fanlight: every key, what it means, and its default or an example.
# Made from the models by `fanlight schema --write config`; config/README.md explains, config/recipes/ shows uses.
#
# Placeholders stand in quotes: "${env:NAME}", "${file:/run/secrets/name}". Durations and sizes carry their unit.
"""
_PLAIN: Final = re.compile(r"[\w./~][\w ./~-]*")
_REGIONS: Final = {"console": "eu", "jsonl": "eu"}


def reference(sink_types: Iterable[SinkType]) -> str:
    """Return the reference file, with one sink of each of *sink_types*."""
    kinds = sorted(sink_types, key=lambda kind: kind.name)
    special = {
        "service": lambda: _map(ServiceConfig),
        "sinks": lambda: _sinks(kinds),
        "routes": lambda: _item(RouteConfig),
        "tests": lambda: _item(TestCase),
    }
    lines = [_HEAD]
    for name, field in RouterConfig.model_fields.items():
        lines += _comment(descriptions(RouterConfig)[name])
        if name in special:
            lines += [f"{name}:", *_indented(special[name]())]
        else:
            lines += _entry(name, field)
        lines.append("")
    return "\n".join(lines)


def _map(model: type[BaseModel], skip: Iterable[str] = ()) -> Iterator[str]:
    """Yield every field of *model* below its description."""
    texts = descriptions(model)
    for name, field in model.model_fields.items():
        if name not in skip:
            yield from _comment(texts.get(name, ""))
            yield from _entry(name, field)


def _entry(name: str, field: FieldInfo) -> Iterator[str]:
    model = field.annotation
    if isinstance(model, type) and issubclass(model, BaseModel):
        yield f"{name}:"
        yield from _indented(_map(model))
        return
    value = _example(name, field)
    yield f"# {name}:" if value is None else f"{name}: {flow(value)}"


def _example(name: str, field: FieldInfo) -> Any:
    if field.examples:
        return field.examples[0]
    if name == "version":
        return 1
    if name == "unmatched":
        return ["jsonl", "memory"]
    return None if field.default is PydanticUndefined else spelled(field.default)


def _item(model: type[BaseModel]) -> Iterator[str]:
    """Yield *model* as the one entry of a list."""
    started = False
    for line in _item_lines(model):
        if started or line.startswith("#"):
            yield f"  {line}" if started else line
        else:
            yield f"- {line}"
            started = True


def _item_lines(model: type[BaseModel]) -> Iterator[str]:
    texts = descriptions(model)
    names = [name for name in _ORDER if name in model.model_fields]
    for name in names:
        yield from _comment(texts[name])
        field = model.model_fields[name]
        if name == "otherwise":
            yield "otherwise:"
            yield from _indented(_map(RestrictionAction))
        else:
            yield from _entry(name, field)


_ORDER: Final = ("name", "enabled", "match", "to", "deny", "only", "require", "otherwise", "event", "expect")


def _sinks(kinds: Iterable[SinkType]) -> Iterator[str]:
    delivery = set(DeliveryConfig.model_fields)
    for index, kind in enumerate(kinds):
        yield from _comment(kind.delivered_means)
        yield f"{kind.name}:"
        labels = {"region": _REGIONS.get(kind.name, "us")}
        if index:
            yield from _indented([f"type: {kind.name}", f"labels: {flow(labels)}"])
        else:
            yield from _indented(_common(kind, labels, delivery))
        own = list(_map(kind.config_model))
        if own:
            yield from _indented(["# Keys of this type:", *own])


def _common(kind: SinkType, labels: dict[str, str], delivery: set[str]) -> Iterator[str]:
    yield "# Keys that every sink has; queue, batch, retry, breaker, timeout and rate_limit are as under `defaults`."
    for line in _map(CommonSinkConfig, skip=delivery):
        if line.startswith("# type:"):
            yield f"type: {kind.name}"
        elif line.startswith("labels:"):
            yield f"labels: {flow(labels)}"
        else:
            yield line


def flow(value: Any) -> str:
    """Return *value* on one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    text = str(value) if isinstance(value, PurePath) else value
    plain = isinstance(text, str) and _PLAIN.fullmatch(text) and scalar(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> list[str]:
    joined = " ".join(text.split())
    return [f"# {line}" for line in textwrap.wrap(joined, 100, break_long_words=False, break_on_hyphens=False)]


def _indented(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"  {line}" if line else ""
