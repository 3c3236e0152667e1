"""
Prices of the configuration: what was negotiated, what runs in-house, what no table knows.

Money is counted in whole pico-dollars, because a dollar per million tokens is a million of them per token: prices
with up to six decimals are exact, and so are their sums.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from fanlight.event import TelemetryEvent
from fanlight.hookspecs import Price
from fanlight.pipeline.prices.tokens import Tokens

PICO: Final = 10**12
"""Pico-dollars to the dollar."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars for a million tokens of each kind; where a kind has no price of its own, that of its direction."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    """As `cache_write` where nothing is said."""
    reasoning: float | None = None
    input_audio: float | None = None
    output_audio: float | None = None

    def price(self, tokens: Tokens) -> Price:
        """Return what *tokens* cost."""
        write = _or(self.cache_write, self.input)
        spent = (
            tokens.plain_input * _pico(self.input)
            + tokens.cache_read * _pico(_or(self.cache_read, self.input))
            + tokens.cache_write * _pico(write)
            + tokens.cache_write_1h * _pico(_or(self.cache_write_1h, write))
            + tokens.input_audio * _pico(_or(self.input_audio, self.input))
        )
        made = (
            tokens.plain_output * _pico(self.output)
            + tokens.reasoning * _pico(_or(self.reasoning, self.output))
            + tokens.output_audio * _pico(_or(self.output_audio, self.output))
        )
        return Price(total_usd=(spent + made) / PICO, input_usd=spent / PICO, output_usd=made / PICO)


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of some models of a provider, for a time."""

    provider: str | None = None
    """A glob; every provider where it is `None`."""
    model: str
    """A glob."""
    rates: Rates
    since_unix_nano: int | None = None
    """The first moment at which it holds."""
    until_unix_nano: int | None = None
    """The first moment at which it does no longer."""

    def holds_at(self, unix_nano: int) -> bool:
        """Return whether these are the rates of that moment."""
        begun = self.since_unix_nano is None or self.since_unix_nano <= unix_nano
        return begun and (self.until_unix_nano is None or unix_nano < self.until_unix_nano)


class Overrides:
    """The first of *overrides* that names the model and holds at the time of the call counts."""

    def __init__(self, overrides: tuple[Override, ...] = ()) -> None:
        self._overrides = overrides
        self._named: dict[tuple[str | None, str | None, str | None], tuple[Override, ...]] = {}

    def price(self, event: TelemetryEvent, tokens: Tokens) -> Price | None:
        """Return what *event* cost, or `None` where no override applies."""
        if not self._overrides:
            return None
        when = event.start_time_unix_nano or event.time_unix_nano
        found = next((override for override in self._naming(event) if override.holds_at(when)), None)
        return found.rates.price(tokens) if found is not None else None

    def _naming(self, event: TelemetryEvent) -> tuple[Override, ...]:
        """Return those that name the model of *event*: the one that answered, or the one that was asked."""
        key = (event.provider, event.response_model, event.request_model)
        found = self._named.get(key)
        if found is None:
            if len(self._named) >= _REMEMBERED:
                self._named.clear()
            found = self._named[key] = tuple(override for override in self._overrides if _names(override, event))
        return found


_REMEMBERED: Final = 1024


def _names(override: Override, event: TelemetryEvent) -> bool:
    if override.provider is not None and not matches(override.provider, event.provider):
        return False
    return matches(override.model, event.response_model) or matches(override.model, event.request_model)


def matches(glob: str, name: str | None) -> bool:
    """Return whether *name* is what *glob* says, in whatever case; `*` is any text and `?` any letter."""
    if name is None:
        return False
    pattern = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(pattern, name, re.IGNORECASE | re.DOTALL) is not None


def _or(rate: float | None, otherwise: float) -> float:
    return otherwise if rate is None else rate


def _pico(dollars_per_million: float) -> int:
    """Return pico-dollars per token."""
    return round(dollars_per_million * (PICO // 10**6))
