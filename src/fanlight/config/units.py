"""
Durations and sizes as people write them: `500ms`, `10s`, `64MiB`. A bare number has no unit and is refused.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)")
_BYTES: Final = {
    "B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3
}  # fmt: skip


class Duration(float):
    """Seconds; written `500ms`, `10s`, `5m`, `24h` or `7d`."""

    @classmethod
    def parse(cls, value: Any) -> Duration:
        """Return the duration that *value* spells; ValueError with a sentence where it spells none."""
        if isinstance(value, Duration):
            return value
        match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValueError("expected a duration with a unit, such as 500ms, 10s, 5m, 24h or 7d")
        return cls(float(match[1]) * _SECONDS[match[2]])

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["500ms", "10s", "5m"]}


class ByteSize(int):
    """Bytes; written `64KiB`, `2MiB`, `1GB` or `512B`."""

    @classmethod
    def parse(cls, value: Any) -> ByteSize:
        """Return the size that *value* spells; ValueError with a sentence where it spells none."""
        if isinstance(value, ByteSize):
            return value
        match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValueError("expected a size with a unit, such as 512B, 64KiB, 2MiB or 1GB")
        return cls(int(float(match[1]) * _BYTES[match[2]]))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["64KiB", "2MiB"]}
