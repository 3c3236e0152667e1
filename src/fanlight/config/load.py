"""
From a document to its models, with every problem of shape at once; what is sound of a broken file is still there to
be checked against the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from pydantic import ValidationError

from fanlight.config.document import Document
from fanlight.config.later import take_out_later
from fanlight.config.models import DeliveryConfig, Model, RouteConfig, RouterConfig, TestCase
from fanlight.config.paths import join
from fanlight.config.placeholders import Placeholders
from fanlight.config.sentences import Translator
from fanlight.errors import Problem

AModel = TypeVar("AModel", bound=Model)


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A document, read as far as it can be read without knowing the plugins."""

    document: Document
    placeholders: Placeholders
    config: RouterConfig | None
    """The whole; `None` where its shape is wrong."""
    problems: tuple[Problem, ...]
    """What is wrong with its writing and its shape."""
    environments: tuple[str, ...]
    environment: str | None
    """`None` where it is not known."""
    sinks: dict[str, dict[str, Any]]
    """As written, `enabled` excepted: whose placeholders are resolved is decided later."""
    routes: tuple[RouteConfig | None, ...]
    """As far as they are sound, at their own index."""
    unmatched: tuple[str, ...]
    tests: tuple[TestCase | None, ...]
    defaults: DeliveryConfig


def load(document: Document, placeholders: Placeholders, *, environment: str | None = None) -> Loaded:
    """
    Return what *document* says.

    Args:
        document: What was written.
        placeholders: Resolves those outside of the sinks, and the sinks' `enabled`.
        environment: Used in place of the document's own.
    """
    written, problems = take_out_later(document)
    if environment is not None:
        written["environment"] = environment
    data = {
        key: _sinks(value, placeholders) if key == "sinks" else placeholders.resolve(value, key)
        for key, value in written.items()
    }
    translator = Translator(document, placeholders)
    config, shape = _validated(data, translator, placeholders)
    unreadable = {problem.path for problem in document.problems}
    return Loaded(
        document=document,
        placeholders=placeholders,
        config=config,
        problems=(*document.problems, *problems, *(found for found in shape if found.path not in unreadable)),
        environments=_texts(data.get("environments")),
        environment=None if placeholders.is_open("environment") else _text(data.get("environment")),
        sinks={name: raw for name, raw in _entries(data.get("sinks")) if isinstance(raw, dict)},
        routes=tuple(_sound(RouteConfig, raw) for raw in _items(data.get("routes"))),
        unmatched=_texts(data.get("unmatched")),
        tests=tuple(_sound(TestCase, raw) for raw in _items(data.get("tests"))),
        defaults=_sound(DeliveryConfig, data.get("defaults")) or DeliveryConfig(),
    )


def _validated(
    data: dict[str, Any], translator: Translator, placeholders: Placeholders
) -> tuple[RouterConfig | None, list[Problem]]:
    try:
        return RouterConfig.model_validate(data), []
    except ValidationError as error:
        problems = translator.problems(error, RouterConfig, data)
    if problems:
        return None, problems
    known = _known(data, "", placeholders)  # nothing is wrong but what was not resolved
    try:
        return RouterConfig.model_validate(known), []
    except ValidationError as error:
        return None, translator.required_in_full(error, known)


def _known(value: Any, path: str, placeholders: Placeholders) -> Any:
    """Return *value* without the entries whose placeholders were not resolved."""
    if isinstance(value, dict):
        below = {key: (join(path, key), item) for key, item in value.items()}
        return {
            key: _known(item, place, placeholders)
            for key, (place, item) in below.items()
            if not placeholders.is_open(place)
        }
    if isinstance(value, list):
        below_list = [(join(path, index), item) for index, item in enumerate(value)]
        return [_known(item, place, placeholders) for place, item in below_list if not placeholders.is_open(place)]
    return value


def _sinks(written: Any, placeholders: Placeholders) -> Any:
    if not isinstance(written, dict):
        return written
    return {name: _switched(raw, join("sinks", name), placeholders) for name, raw in written.items()}


def _switched(raw: Any, path: str, placeholders: Placeholders) -> Any:
    if not isinstance(raw, dict) or "enabled" not in raw:
        return raw
    return raw | {"enabled": placeholders.resolve(raw["enabled"], join(path, "enabled"))}


def _sound(model: type[AModel], raw: Any) -> AModel | None:
    """Return *raw* without those of its keys that are wrong, which is reported elsewhere."""
    if not isinstance(raw, dict):
        return None
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        wrong = {details["loc"][0] for details in error.errors(include_url=False) if details["loc"]}
    try:
        return model.model_validate({key: value for key, value in raw.items() if key not in wrong})
    except ValidationError:  # what is wrong is required
        return None


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    yield from value.items() if isinstance(value, Mapping) else ()


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in _items(value) if isinstance(item, str))
