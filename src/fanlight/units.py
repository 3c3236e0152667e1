"""Durations and sizes as people write them: `500ms`, `10s`, `64MiB`. A bare number has no unit and is refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST: Final = 365 * 86400.0
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)")
_BYTES: Final = {
    "B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3
}  # fmt: skip
_LARGEST: Final = 1024 * 1024**3


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
        seconds = float(match[1]) * _SECONDS[match[2]]
        if seconds > _LONGEST:
            raise ValueError("expected at most 365d")
        return cls(seconds)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["500ms", "10s", "5m"]}


def _positive(value: Duration) -> Duration:
    if value <= 0:
        raise ValueError("expected more than 0s")
    return value


PositiveDuration: TypeAlias = Annotated[Duration, AfterValidator(_positive)]


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
        size = float(match[1]) * _BYTES[match[2]]
        if not 1 <= size <= _LARGEST:
            raise ValueError("expected at least 1B and at most 1024GiB")
        return cls(size)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["64KiB", "2MiB"]}


def spell_duration(seconds: float) -> str:
    """Return *seconds* as a configuration writes them."""
    return _spelled(seconds * 1000, (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)))


def spell_size(size: int) -> str:
    """Return *size* bytes as a configuration writes them."""
    return _spelled(size, (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024), ("B", 1)))


def _spelled(number: float, units: tuple[tuple[str, int], ...]) -> str:
    unit, factor = next((unit for unit in units if number and number % unit[1] == 0), units[-1])
    return f"{number / factor:.3f}".rstrip("0").rstrip(".") + unit
