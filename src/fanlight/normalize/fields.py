"""
Objects with fields: dataclasses, attrs classes, msgspec Structs, pydantic models. Read as they are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel

from fanlight.normalize.containers import pairs

if TYPE_CHECKING:
    from fanlight.normalize.values import Reader

Converter: TypeAlias = "Callable[[Reader, Any], Any]"
"""Returns a value of one kind as JSON."""


def field_names(kind: type) -> tuple[str, ...]:
    """Return the fields of a dataclass, an attrs class or a msgspec Struct; those hidden from `repr` excepted."""
    dataclass_fields = getattr(kind, "__dataclass_fields__", None)
    if isinstance(dataclass_fields, dict):
        return tuple(name for name, field in dataclass_fields.items() if field.repr)
    attrs_fields = getattr(kind, "__attrs_attrs__", None)
    if isinstance(attrs_fields, tuple):
        return tuple(field.name for field in attrs_fields if field.repr)
    return tuple(getattr(kind, "__struct_fields__", ()))


def attributes(value: object, names: Iterable[str]) -> list[tuple[str, Any]]:
    """Return what is stored under *names*: in the instance's dict, or in a slot."""
    stored = getattr(value, "__dict__", {})
    pairs = []
    for name in names:
        try:
            pairs.append((name, stored[name] if name in stored else object.__getattribute__(value, name)))
        except AttributeError:  # a slot that was never set
            continue
    return pairs


def model_reader(kind: type[BaseModel]) -> Converter:
    """Return the converter for a pydantic model: its fields as they are stored, without what it excludes."""
    hidden = frozenset(name for name, field in kind.model_fields.items() if field.exclude or field.repr is False)

    def convert(reader: Reader, value: Any) -> Any:
        stored = value.__dict__
        extra = getattr(value, "__pydantic_extra__", None)
        shown = {name: item for name, item in stored.items() if name not in hidden} if hidden else stored
        return pairs(reader, value, {**shown, **extra}.items() if extra else shown.items())

    return convert
