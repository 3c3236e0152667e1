"""
What another process makes a sink from: two names to import, and its settings as a configuration writes them.

Never pickle: what is handed over is text, numbers, maps and lists, validated again by the same model.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
from pydantic import Secret, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

from fanlight.sinks.base import Sink, SinkConfig, SinkType
from fanlight.sinks.names import find, names_of
from fanlight.units import ByteSize, Duration

_SECRETS: Final = (Secret, SecretStr, SecretBytes)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A sink, as it can be sent to another process. Holds the secrets of its settings."""

    factory: str
    """`module:qualified.name`."""
    config_model: str
    settings: dict[str, Any]

    def __repr__(self) -> str:
        return f"Recipe(factory={self.factory!r})"

    def make(self) -> Sink[Any]:
        """Import what is named, and make the sink from its settings."""
        model, factory = find(self.config_model), find(self.factory)
        sink: Sink[Any] = factory(model.model_validate(self.settings))
        return sink


def recipe_of(sink_type: SinkType, config: SinkConfig) -> Recipe:
    """
    Return what another process makes a sink of *sink_type* with *config* from.

    Raises:
        TypeError: with a sentence, where another process cannot import the type, or would read other settings.
    """
    factory, model = names_of(sink_type)
    try:
        settings = written(config)
        msgspec.msgpack.encode(settings)  # refuses numbers and text that no message can hold
        same = sink_type.config_model.model_validate(settings) == config
    except Exception as error:  # a type of somebody's plugin; what it says may quote a secret
        raise TypeError(f"its settings cannot be written down: {type(error).__name__}") from None
    if not same:
        raise TypeError("its settings are not the same once they were written down and read again")
    return Recipe(factory=factory, config_model=model, settings=settings)


def written(config: SinkConfig) -> dict[str, Any]:
    """Return what a configuration would say for *config*: JSON values, with secrets in plain text."""
    said = config.model_dump(exclude_unset=True, by_alias=True, round_trip=True, warnings=False)
    return {name: _plain(value) for name, value in said.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, _SECRETS):
        return _plain(value.get_secret_value())
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case Duration():
            # Not `spell_duration`, which rounds; and `repr` alone may have an exponent.
            return f"{Decimal(repr(float(value))):f}s"
        case ByteSize():
            return f"{int(value)}B"
        case bytes():
            return value
        case _:
            return to_jsonable_python(value)
