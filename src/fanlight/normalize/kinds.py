"""
How each kind of Python object becomes a JSON value: a table by type, filled in for subclasses as they are met.
"""

from __future__ import annotations

import re
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address
from math import isfinite
from pathlib import PurePath
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

from langchain_core.messages import BaseMessage
from pydantic import BaseModel, SecretBytes, SecretStr

from fanlight.capture.snapshot import Cut
from fanlight.normalize.message_values import message_value
from fanlight.normalize.text import looks_like_base64

if TYPE_CHECKING:
    from fanlight.normalize.values import Reader

Converter: TypeAlias = "Callable[[Reader, Any], Any]"

MAX_KEY: Final = 256
"""Characters of a key; longer ones are cut."""
PLAIN: Final = 256
"""ASCII text up to this length needs no further look."""
_MAX_KINDS: Final = 4096
_BINARY_KEYS: Final = frozenset({"base64", "b64_json", "data", "file_data", "image_data", "bytes"})
_MASK: Final = "**********"
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
"""What every JSON and MessagePack decoder gives back as the same integer."""


def converter_for(kind: type) -> Converter:
    """Return how to convert instances of *kind*, by the first of its base classes that is known."""
    if len(converters) > _MAX_KINDS:  # an application that makes classes as it goes must not fill the memory
        converters.clear()
        converters.update(_KNOWN)
    converter = converters[kind] = _special(kind) or next(
        (_KNOWN[base] for base in kind.__mro__ if base in _KNOWN), _opaque
    )
    return converter


def _special(kind: type) -> Converter | None:
    """Return the converter for what is known by its shape, not by a base class."""
    if issubclass(kind, tuple) and isinstance(names := getattr(kind, "_fields", None), tuple):
        return lambda reader, value: _pairs(reader, value, zip(names, tuple.__iter__(value), strict=False))
    if issubclass(kind, BaseMessage | str | dict | Enum | BaseException | type):
        return None
    if issubclass(kind, BaseModel):
        return _model(kind)
    for module, name in ((base.__module__.partition(".")[0], base.__name__) for base in kind.__mro__):
        if (module, name) in _FOREIGN:
            return _FOREIGN[module, name]
    if fields := _field_names(kind):
        return lambda reader, value: _pairs(reader, value, _attributes(value, fields))
    return None


def _field_names(kind: type) -> tuple[str, ...]:
    """Return the fields of a dataclass, an attrs class or a msgspec Struct; those hidden from `repr` excepted."""
    dataclass_fields = getattr(kind, "__dataclass_fields__", None)
    if isinstance(dataclass_fields, dict):
        return tuple(name for name, field in dataclass_fields.items() if field.repr)
    attrs_fields = getattr(kind, "__attrs_attrs__", None)
    if isinstance(attrs_fields, tuple):
        return tuple(field.name for field in attrs_fields if field.repr)
    return tuple(getattr(kind, "__struct_fields__", ()))


def _attributes(value: object, names: Iterable[str]) -> list[tuple[str, Any]]:
    """Return what is stored under *names*: in the instance's dict, or in a slot."""
    stored = getattr(value, "__dict__", {})
    pairs = []
    for name in names:
        try:
            pairs.append((name, stored[name] if name in stored else object.__getattribute__(value, name)))
        except AttributeError:  # a slot that was never set
            continue
    return pairs


def _model(kind: type[BaseModel]) -> Converter:
    """Return the converter for a pydantic model: its fields as they are stored, without what it excludes."""
    hidden = frozenset(name for name, field in kind.model_fields.items() if field.exclude or field.repr is False)

    def convert(reader: Reader, value: Any) -> Any:
        stored = value.__dict__
        extra = getattr(value, "__pydantic_extra__", None)
        shown = {name: item for name, item in stored.items() if name not in hidden} if hidden else stored
        return _pairs(reader, value, {**shown, **extra}.items() if extra else shown.items())

    return convert


def _pairs(reader: Reader, value: object, pairs: Iterable[tuple[Any, Any]]) -> Any:
    instead = reader.enter(value)
    if instead is not None:
        return instead
    try:
        stored = list(pairs)
        return _object(reader, stored, len(stored))
    finally:
        reader.leave(value)


def _dict(reader: Reader, value: dict[Any, Any]) -> Any:
    instead = reader.enter(value)
    if instead is not None:
        return instead
    try:
        return _object(reader, dict.items(value), dict.__len__(value))
    finally:
        reader.leave(value)


def _object(reader: Reader, pairs: Iterable[tuple[Any, Any]], count: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    # Taken in one step, which no other thread can interrupt: the application may still change the dict.
    for key, item in list(reader.take(pairs, count)):
        plain = type(key) is str and len(key) <= MAX_KEY and key.isascii() and key not in result
        name = key if plain else reader.key(key, result)
        if name in _BINARY_KEYS and type(item) is str and looks_like_base64(item):
            result[name] = reader.base64(item)
        else:
            result[name] = reader.read(item)
    if missing := reader.left_out(count, len(result)):
        result["…"] = f"{missing} more"
    return result


def _array(reader: Reader, value: Any, items: Iterable[Any], count: int) -> Any:
    instead = reader.enter(value)
    if instead is not None:
        return instead
    try:
        result = [reader.read(item) for item in list(reader.take(items, count))]
        if missing := reader.left_out(count, len(result)):
            result.append(f"… {missing} more")
        return result
    finally:
        reader.leave(value)


def _list(reader: Reader, value: list[Any]) -> Any:
    return _array(reader, value, list.__iter__(value), list.__len__(value))


def _tuple(reader: Reader, value: tuple[Any, ...]) -> Any:
    return _array(reader, value, tuple.__iter__(value), tuple.__len__(value))


def _set(reader: Reader, value: set[Any]) -> Any:
    return _array(reader, value, list(set.__iter__(value)), set.__len__(value))


def _frozenset(reader: Reader, value: frozenset[Any]) -> Any:
    return _array(reader, value, frozenset.__iter__(value), frozenset.__len__(value))


def _deque(reader: Reader, value: deque[Any]) -> Any:
    return _array(reader, value, list(deque.__iter__(value)), deque.__len__(value))


def _mapping(reader: Reader, value: Any) -> Any:
    return _pairs(reader, value, list(value.items()))


def _cut_container(reader: Reader, value: Cut) -> Any:
    if value.kept is None:
        reader.note(0)
        return f"<{value.length} items, too deep>"
    kept = reader.read(value.kept)
    missing = reader.left_out(value.length, len(value.kept))
    if isinstance(kept, dict):
        kept["…"] = f"{missing} more"
    elif isinstance(kept, list):
        kept.append(f"… {missing} more")
    return kept


def _none(_reader: Reader, _value: None) -> None:
    return None


def _bool(_reader: Reader, value: bool) -> bool:
    return value


def _int(_reader: Reader, value: int) -> int | str:
    if _LOWEST <= value <= _HIGHEST:
        return int.__int__(value)
    return int.__repr__(value) if int.bit_length(value) < 4096 else f"<integer of {int.bit_length(value)} bits>"


def _float(_reader: Reader, value: float) -> float | str:
    value = float.__float__(value)
    return value if isfinite(value) else float.__repr__(value)


def _str(reader: Reader, value: str) -> Any:
    size = len(value)
    if size <= PLAIN and size <= reader.bytes_left and value.isascii():  # most values: not worth a call
        reader.bytes_left -= size
        return value
    return reader.text_or_binary(value)


def _str_subclass(reader: Reader, value: str) -> Any:
    return reader.text_or_binary(str.__str__(value))


def _binary(reader: Reader, value: Any) -> Any:
    return reader.binary(value)


def _enum(reader: Reader, value: Any) -> Any:
    return reader.read(value._value_)


def _exception(reader: Reader, value: BaseException) -> Any:
    return reader.text(f"{type(value).__name__}: {value}")


def _message(reader: Reader, value: BaseMessage) -> Any:
    return _pairs(reader, value, message_value(value))


def _namespace(reader: Reader, value: SimpleNamespace) -> Any:
    return _pairs(reader, value, value.__dict__.items())


def _class(_reader: Reader, value: type) -> str:
    return f"<class {type.__getattribute__(value, '__module__')}.{type.__getattribute__(value, '__qualname__')}>"


def _opaque(_reader: Reader, value: Any) -> str:
    kind = type(value)
    return f"<{kind.__module__}.{kind.__qualname__}>"


def _function(_reader: Reader, value: Any) -> str:
    return f"<{value.__module__}.{value.__qualname__}>"


def _ndarray(reader: Reader, value: Any) -> Any:
    if value.size <= 64 and value.dtype.kind in "biuf":
        return reader.read(value.tolist())
    return {"type": "ndarray", "shape": [int(n) for n in value.shape], "dtype": str(value.dtype)}


def _numpy_scalar(reader: Reader, value: Any) -> Any:
    item = value.item()
    return reader.read(item) if type(item) is not type(value) else _opaque(reader, value)


def _send(reader: Reader, value: Any) -> Any:
    return _pairs(reader, value, _attributes(value, ("node", "arg")))


_FOREIGN: Final[dict[tuple[str, str], Converter]] = {
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "generic"): _numpy_scalar,
    ("langgraph", "Send"): _send,
}
"""By top-level package and class name: what must not be imported to be recognised."""

_KNOWN: Final[dict[type, Converter]] = {
    type(None): _none,
    bool: _bool,
    int: _int,
    float: _float,
    str: _str_subclass,
    bytes: _binary,
    bytearray: _binary,
    memoryview: _binary,
    dict: _dict,
    list: _list,
    tuple: _tuple,
    set: _set,
    frozenset: _frozenset,
    deque: _deque,
    MappingProxyType: _mapping,
    ChainMap: _mapping,
    UserDict: lambda reader, value: reader.read(value.data),
    UserList: lambda reader, value: reader.read(value.data),
    Cut: _cut_container,
    SimpleNamespace: _namespace,
    Enum: _enum,
    BaseException: _exception,
    BaseMessage: _message,
    type: _class,
    type(_opaque): _function,
    SecretStr: lambda _reader, _value: _MASK,
    SecretBytes: lambda _reader, _value: _MASK,
    UUID: lambda _reader, value: UUID.__str__(value),
    datetime: lambda _reader, value: datetime.isoformat(value),
    date: lambda _reader, value: date.isoformat(value),
    time: lambda _reader, value: time.isoformat(value),
    timedelta: lambda _reader, value: timedelta.__str__(value),
    tzinfo: _opaque,
    Decimal: lambda _reader, value: Decimal.__str__(value),
    Fraction: lambda _reader, value: Fraction.__str__(value),
    complex: lambda _reader, value: complex.__repr__(value),
    PurePath: lambda reader, value: reader.text(PurePath.__str__(value)),
    IPv4Address: lambda _reader, value: IPv4Address.__str__(value),
    IPv6Address: lambda _reader, value: IPv6Address.__str__(value),
    range: lambda _reader, value: range.__repr__(value),
    re.Pattern: lambda reader, value: reader.read(value.pattern),
}

converters: Final[dict[type, Converter]] = {**_KNOWN, str: _str}
"""What is known by now; `converter_for` adds to it."""
