"""
Values of an event as attribute values: JSON where an attribute can only be a string.
"""

from __future__ import annotations

import json
from typing import Any, Final, TypeAlias

import msgspec

Attributes: TypeAlias = dict[str, Any]
"""Attribute values by name; `None` means that the attribute is not set."""

TEXT: Final = "text/plain"
JSON: Final = "application/json"

_encoder: Final = msgspec.json.Encoder()


def json_text(value: Any) -> str:
    """Return *value* as JSON text."""
    try:
        return _encoder.encode(value).decode()
    except (UnicodeError, TypeError, ValueError):
        # Half of a surrogate pair, which UTF-8 has no bytes for: escaped it can be carried.
        return json.dumps(value, default=str)


def text_or_json(value: Any) -> str | None:
    """Return text as it is, anything else as JSON text, and `None` where there is nothing."""
    return value if value is None or isinstance(value, str) else json_text(value)


def mime_type(value: Any) -> str | None:
    """Return the media type of what `text_or_json` makes of *value*."""
    if value is None:
        return None
    return TEXT if isinstance(value, str) else JSON


def scalar_or_json(value: Any) -> Any:
    """Return what an attribute can hold as it is, anything else as JSON text."""
    return value if value is None or isinstance(value, str | bool | int | float) else json_text(value)
