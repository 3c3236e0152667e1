"""Prices: what the configuration says of them made ready, and what of it has no effect."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from fanlight.config.load import Loaded
from fanlight.config.models import CostConfig, PriceConfig
from fanlight.config.paths import join
from fanlight.normalize.model import provider_of
from fanlight.pipeline.prices import Override, PriceTable, Pricing, Rates
from fanlight.pipeline.prices.table import is_installed
from fanlight.plan.findings import Findings
from fanlight.plugins import PluginRegistry

_LIST_PRICES: Final = "genai-prices"


def make_pricing(cost: CostConfig, registry: PluginRegistry) -> Pricing:
    """Return who is asked what a call cost: the configuration, then plugins, then the table."""
    table = PriceTable() if cost.table == _LIST_PRICES else None
    return Pricing([_override(price) for price in cost.prices], registry.price_sources, table)


def warn_of_prices(findings: Findings, loaded: Loaded, registry: PluginRegistry) -> None:
    """Warn where no call will have a known cost, and of prices that another one hides."""
    if loaded.config is None:
        return
    cost = loaded.config.cost
    wanted = cost.table == _LIST_PRICES
    others = bool(cost.prices or registry.price_sources)
    if wanted and not is_installed() and ("table" in cost.model_fields_set or not others):
        message = "genai-prices is not installed" + ("" if others else ", so no cost will be known")
        findings.warn("cost", message, "pip install 'fanlight[cost]', or write `cost: {table: none}`")
    for index, price in enumerate(cost.prices):
        hiding = next((earlier for earlier in range(index) if _hides(cost.prices[earlier], price)), None)
        if hiding is not None:
            place = join("cost.prices", index)
            findings.warn(place, f"cost.prices[{hiding}] comes first and says the same", "put the narrower one first")


def _override(price: PriceConfig) -> Override:
    return Override(
        provider=provider_of(price.provider),
        model=price.model,
        rates=Rates(
            input=price.input,
            output=price.output,
            cache_read=price.cache_read,
            cache_write=price.cache_write,
            cache_write_1h=price.cache_write_1h,
            reasoning=price.reasoning,
            input_audio=price.input_audio,
            output_audio=price.output_audio,
        ),
        since_unix_nano=_begin_of(price.since),
        until_unix_nano=_begin_of(price.until),
    )


def _begin_of(day: date | None) -> int | None:
    """Return when *day* begins in UTC, in nanoseconds since 1970."""
    if day is None:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9


def _hides(earlier: PriceConfig, later: PriceConfig) -> bool:
    """Return whether *earlier* holds wherever and whenever *later* would."""
    everywhere = earlier.provider in (None, "*", later.provider) and earlier.model in ("*", later.model)
    from_the_start = earlier.since is None or (later.since is not None and earlier.since <= later.since)
    to_the_end = earlier.until is None or (later.until is not None and later.until <= earlier.until)
    return everywhere and from_the_start and to_the_end
