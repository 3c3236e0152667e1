"""The tables of config/README.md, made from the models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fanlight.config import models
from fanlight.config.fields import descriptions
from fanlight.config.reference import flow
from fanlight.config.schema import spelled
from fanlight.sinks.base import SinkType
from fanlight.units import ByteSize, Duration

_MARKED: Final = re.compile(r"(<!-- table: ([\w:]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WORDS: Final[Mapping[Any, str]] = {
    str: "text", int: "whole number", float: "number", bool: "true or false", Duration: "duration", ByteSize: "size",
    SecretStr: "secret", Any: "any value", dict: "map",
}  # fmt: skip


def with_tables(text: str, sink_types: Iterable[SinkType]) -> str:
    """
    Return *text* with a fresh table between each `<!-- table: Model -->` and `<!-- end -->`.

    The name is a model's of `fanlight.config.models`, or `sink:<type>`.

    Raises:
        KeyError: there is no such model or sink type.
    """
    kinds = {f"sink:{kind.name}": kind.config_model for kind in sink_types}
    found: Callable[[str], type[BaseModel]] = lambda name: kinds.get(name) or vars(models)[name]  # noqa: E731
    return _MARKED.sub(lambda match: f"{match[1]}{table(found(match[2]))}{match[3]}", text)


def table(model: type[BaseModel]) -> str:
    """Return the fields of *model* as a table of Markdown."""
    texts = descriptions(model)
    rows = [
        f"| `{name}` | {kind(field.annotation, field.metadata)} | {_default(field)} | {_cell(texts.get(name, ''))} |\n"
        for name, field in model.model_fields.items()
    ]
    if not rows:
        return "This type has no keys of its own.\n"
    return "| key | value | default | meaning |\n|---|---|---|---|\n" + "".join(rows)


def kind(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Return what an annotation asks for, in words; a validator in *metadata* may say what it takes instead."""
    for item in metadata:
        if getattr(item, "json_schema_input_type", PydanticUndefined) is not PydanticUndefined:
            return kind(item.json_schema_input_type)
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind(parts[0], parts[1:])
    if origin in {Union, UnionType}:
        return " or ".join(kind(part) for part in parts if part is not NoneType)
    return _compound(origin, parts) if origin is not None else _simple(annotation)


def _compound(origin: Any, parts: tuple[Any, ...]) -> str:
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    return f"map of {kind(parts[1])}" if origin is dict else f"list of {kind(parts[0])}"


def _simple(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "map"
    return _WORDS.get(annotation, getattr(annotation, "__name__", "value").lower())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None or field.default is PydanticUndefined or isinstance(field.default, BaseModel):
        return ""
    return f"`{flow(spelled(field.default))}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
