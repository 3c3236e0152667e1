"""
Single values: numbers, text, binary content, and what can only be named.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanlight.normalize.values import Reader

_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
"""What every JSON and MessagePack decoder gives back as the same integer."""


def read_none(_reader: Reader, _value: None) -> None:
    """Return null."""
    return


def read_bool(_reader: Reader, value: bool) -> bool:
    """Return a boolean."""
    return value


def read_int(_reader: Reader, value: int) -> int | str:
    """Return an integer; one of more than 64 bits as text."""
    if _LOWEST <= value <= _HIGHEST:
        return int.__int__(value)
    return int.__repr__(value) if int.bit_length(value) < 4096 else f"<integer of {int.bit_length(value)} bits>"


def read_float(_reader: Reader, value: float) -> float | str:
    """Return a number; what JSON has no number for as text."""
    value = float.__float__(value)
    return value if isfinite(value) else float.__repr__(value)


def read_str(reader: Reader, value: str) -> Any:
    """Return text; that of a class of its own without asking it."""
    return reader.text_or_binary(str.__str__(value))


def read_binary(reader: Reader, value: Any) -> Any:
    """Return what stands in for binary content."""
    return reader.binary(value)


def read_enum(reader: Reader, value: Any) -> Any:
    """Return an enum member's value."""
    return reader.read(value._value_)


def read_exception(reader: Reader, value: BaseException) -> Any:
    """Return class and message of an exception."""
    return reader.text(f"{type(value).__name__}: {value}")


def read_class(_reader: Reader, value: type) -> str:
    """Return the name of a class."""
    return f"<class {type.__getattribute__(value, '__module__')}.{type.__getattribute__(value, '__qualname__')}>"


def read_opaque(_reader: Reader, value: Any) -> str:
    """Return the name of the class of what is not looked into."""
    kind = type(value)
    return f"<{kind.__module__}.{kind.__qualname__}>"


def read_function(_reader: Reader, value: Any) -> str:
    """Return the name of a function."""
    return f"<{value.__module__}.{value.__qualname__}>"


def read_ndarray(reader: Reader, value: Any) -> Any:
    """Return the numbers of a small numpy array, the shape of a large one."""
    if value.size <= 64 and value.dtype.kind in "biuf":
        return reader.read(value.tolist())
    return {"type": "ndarray", "shape": [int(n) for n in value.shape], "dtype": str(value.dtype)}


def read_numpy_scalar(reader: Reader, value: Any) -> Any:
    """Return a numpy scalar as Python's own."""
    item = value.item()
    return reader.read(item) if type(item) is not type(value) else read_opaque(reader, value)
