"""
How each kind of Python object becomes a JSON value: a table by type, filled in for subclasses as they are met.
"""

from __future__ import annotations

import re
from collections import ChainMap, UserDict, UserList, deque
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from types import FunctionType, MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from langchain_core.messages import BaseMessage
from pydantic import BaseModel, SecretBytes, SecretStr

from fanlight.capture.snapshot import Cut
from fanlight.normalize.containers import (
    pairs,
    read_cut,
    read_deque,
    read_dict,
    read_frozenset,
    read_list,
    read_mapping,
    read_set,
    read_tuple,
)
from fanlight.normalize.fields import Converter, attributes, field_names, model_reader
from fanlight.normalize.message_values import message_value
from fanlight.normalize.scalars import (
    read_binary,
    read_bool,
    read_class,
    read_enum,
    read_exception,
    read_float,
    read_function,
    read_int,
    read_ndarray,
    read_none,
    read_numpy_scalar,
    read_opaque,
    read_str,
)

if TYPE_CHECKING:
    from fanlight.normalize.values import Reader

_MAX_KINDS: Final = 4096
_MASK: Final = "**********"


def converter_for(kind: type) -> Converter:
    """Return how to convert instances of *kind*, by the first of its base classes that is known."""
    if len(converters) > _MAX_KINDS:  # an application that makes classes as it goes must not fill the memory
        converters.clear()
        converters.update(_KNOWN)
    converter = converters[kind] = _special(kind) or next(
        (_KNOWN[base] for base in kind.__mro__ if base in _KNOWN), read_opaque
    )
    return converter


def _special(kind: type) -> Converter | None:
    """Return the converter for what is known by its shape, not by a base class."""
    if issubclass(kind, tuple) and isinstance(names := getattr(kind, "_fields", None), tuple):
        return lambda reader, value: pairs(reader, value, zip(names, tuple.__iter__(value), strict=False))
    if issubclass(kind, BaseMessage | str | dict | Enum | BaseException | type):
        return None
    if issubclass(kind, BaseModel):
        return model_reader(kind)
    for module, name in ((base.__module__.partition(".")[0], base.__name__) for base in kind.__mro__):
        if (module, name) in _FOREIGN:
            return _FOREIGN[module, name]
    if fields := field_names(kind):
        return lambda reader, value: pairs(reader, value, attributes(value, fields))
    return None


def _message(reader: Reader, value: BaseMessage) -> Any:
    return pairs(reader, value, message_value(value))


def _namespace(reader: Reader, value: SimpleNamespace) -> Any:
    return pairs(reader, value, value.__dict__.items())


def _send(reader: Reader, value: Any) -> Any:
    return pairs(reader, value, attributes(value, ("node", "arg")))


_FOREIGN: Final[dict[tuple[str, str], Converter]] = {
    ("numpy", "ndarray"): read_ndarray,
    ("numpy", "generic"): read_numpy_scalar,
    ("langgraph", "Send"): _send,
}
"""By top-level package and class name: what must not be imported to be recognised."""

_KNOWN: Final[dict[type, Converter]] = {
    type(None): read_none,
    bool: read_bool,
    int: read_int,
    float: read_float,
    str: read_str,
    bytes: read_binary,
    bytearray: read_binary,
    memoryview: read_binary,
    dict: read_dict,
    list: read_list,
    tuple: read_tuple,
    set: read_set,
    frozenset: read_frozenset,
    deque: read_deque,
    MappingProxyType: read_mapping,
    ChainMap: read_mapping,
    UserDict: lambda reader, value: reader.read(value.data),
    UserList: lambda reader, value: reader.read(value.data),
    Cut: read_cut,
    SimpleNamespace: _namespace,
    Enum: read_enum,
    BaseException: read_exception,
    BaseMessage: _message,
    type: read_class,
    FunctionType: read_function,
    SecretStr: lambda _reader, _value: _MASK,
    SecretBytes: lambda _reader, _value: _MASK,
    UUID: lambda _reader, value: UUID.__str__(value),
    datetime: lambda _reader, value: datetime.isoformat(value),
    date: lambda _reader, value: date.isoformat(value),
    time: lambda _reader, value: time.isoformat(value),
    timedelta: lambda _reader, value: timedelta.__str__(value),
    tzinfo: read_opaque,
    Decimal: lambda reader, value: reader.text(Decimal.__str__(value)),
    Fraction: lambda reader, value: reader.text(Fraction.__str__(value)),
    complex: lambda _reader, value: complex.__repr__(value),
    PurePath: lambda reader, value: reader.text(PurePath.__str__(value)),
    IPv4Address: lambda _reader, value: IPv4Address.__str__(value),
    IPv6Address: lambda _reader, value: IPv6Address.__str__(value),
    range: lambda _reader, value: range.__repr__(value),
    re.Pattern: lambda reader, value: reader.read(value.pattern),
}

converters: Final[dict[type, Converter]] = dict(_KNOWN)
"""What is known by now; `converter_for` adds to it."""
