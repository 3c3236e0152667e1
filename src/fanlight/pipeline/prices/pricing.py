"""
Who is asked what a call cost, in which order, and what is counted where nobody knows.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final

from fanlight.event import TelemetryEvent
from fanlight.hookspecs import Price, PriceSource
from fanlight.pipeline.prices.blame import blame
from fanlight.pipeline.prices.overrides import Override, Overrides
from fanlight.pipeline.prices.table import PriceTable
from fanlight.pipeline.prices.tokens import is_charged, tokens_of

SHOWN: Final = 20
"""Models and reasons whose unknown calls `unknown` tells apart, those with the most."""
_LONGEST: Final = 100
_REMEMBERED: Final = 256
_MAX_USD: Final = 1e9
"""What is more is a mistake, and no sum could hold it to the digit."""
_OTHERS: Final = "(others)"
_NO_NAME: Final = "(no model name)"
_logger: Final = logging.getLogger("fanlight.pipeline")


class Pricing:
    """
    Puts the cost on the events that end model calls. Used by one thread; never raises.

    An answer from LangChain's cache cost nothing. Else the first that knows is believed: the configuration's own
    prices, the sources that plugins bring, the table. Where nobody knows, the cost stays `None` and is counted.

    Args:
        overrides: The configuration's own prices.
        sources: What plugins bring. One that raises is passed over.
        table: The list prices; none where it is `None`.
    """

    def __init__(
        self,
        overrides: Sequence[Override] = (),
        sources: Sequence[PriceSource] = (),
        table: PriceTable | None = None,
    ) -> None:
        self._overrides = Overrides(tuple(overrides))
        self._sources = tuple(sources)
        self._table = table
        self._unknown: Counter[str] = Counter()
        self._complained: set[str] = set()
        self.failures: dict[str, int] = {}
        """How often each source failed, by name."""

    @property
    def unknown(self) -> dict[str, int]:
        """How many calls had no known cost, by `provider/model: reason`: those with the most, and the others in one."""
        counts = Counter(dict(self._unknown))  # a copy first: the router thread goes on counting
        others = counts.pop(_OTHERS, 0)
        shown = dict(counts.most_common(SHOWN))
        others += counts.total() - sum(shown.values())
        return shown | {_OTHERS: others} if others else shown

    def price(self, event: TelemetryEvent) -> TelemetryEvent:
        """Return *event*, the end of a model call, with what it cost where that is known."""
        if event.from_cache:
            return _with(event, Price(total_usd=0.0, input_usd=0.0, output_usd=0.0), "cache")
        if not is_charged(event):
            return event
        try:
            priced = self._priced(event)
        except Exception as error:  # a table of another version: the event must not be lost for its price
            self._failed("the price table", type(error).__name__)
            priced = None
        if priced is None:
            self._count(event)
        return event if priced is None else priced

    def _priced(self, event: TelemetryEvent) -> TelemetryEvent | None:
        tokens = tokens_of(event)
        if tokens is not None and (price := self._overrides.price(event, tokens)) is not None:
            return _with(event, price, "override")
        for source in self._sources:
            if (price := self._asked(source, event)) is not None:
                return _with(event, price, source.name)
        if tokens is not None and self._table is not None and (price := self._table.price(event, tokens)) is not None:
            return _with(event, price, self._table.name)
        return None

    def _asked(self, source: PriceSource, event: TelemetryEvent) -> Price | None:
        try:
            price: object = source.price(event)
        except BaseException as error:  # SystemExit and CancelledError would end the router thread
            self._failed(source.name, blame(error))
            return None
        if price is None:
            return None
        wrong = _wrong_answer(price)
        if isinstance(price, Price) and not wrong:
            return price
        self._failed(source.name, wrong)
        return None

    def _reason(self, event: TelemetryEvent) -> str:
        if tokens_of(event) is None:
            return "no usage"
        if self._table is None or (event.provider and not self._table.missing):
            return "no price"
        return "no price table" if self._table.missing else "provider unknown"

    def _failed(self, name: str, what: str) -> None:
        self.failures[name] = self.failures.get(name, 0) + 1
        if name not in self._complained:
            self._complained.add(name)
            _logger.warning("price source %s failed (%s); it is passed over, counted in health", name, what)

    def _count(self, event: TelemetryEvent) -> None:
        model = (event.response_model or event.request_model or _NO_NAME)[:_LONGEST]
        provider = f"{event.provider[:_LONGEST]}/" if event.provider else ""
        name = f"{provider}{model}: {self._reason(event)}"
        self._unknown[name if name in self._unknown or len(self._unknown) < _REMEMBERED else _OTHERS] += 1


def _with(event: TelemetryEvent, price: Price, source: str) -> TelemetryEvent:
    return event.replace(
        cost_usd=_rounded(price.total_usd),
        input_cost_usd=_rounded(price.input_usd),
        output_cost_usd=_rounded(price.output_usd),
        price_source=source,
    )


def _rounded(dollars: float | None) -> float | None:
    """Return *dollars* to the pico-dollar: every decimal of a list price, and none of a float's own making."""
    return None if dollars is None else round(float(dollars), 12)


def _wrong_answer(price: object) -> str:
    if not isinstance(price, Price):
        return f"its answer is no price: {type(price).__name__}"
    if price.total_usd is None:
        return "its price has neither total_usd nor parts"
    amounts = {"total_usd": price.total_usd, "input_usd": price.input_usd, "output_usd": price.output_usd}
    wrong = next((name for name, amount in amounts.items() if amount is not None and not _is_amount(amount)), None)
    return "" if wrong is None else f"the {wrong} of its price is no amount in dollars"


def _is_amount(dollars: object) -> bool:
    return isinstance(dollars, int | float) and 0 <= dollars <= _MAX_USD  # neither NaN nor infinite
