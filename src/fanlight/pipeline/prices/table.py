"""
The table of list prices: genai-prices, an extra of its own (`fanlight[cost]`).

Chosen over what else is maintained, as of November 2026:

| table | licence | weight | by date | cached, audio, tiers apart |
|---|---|---|---|---|
| genai-prices 0.2.3 | MIT | 1.7 MB, imported in 0.4 s | yes | yes; exact decimals; what it does not know is an error |
| litellm 1.106 | MIT | 3 MB of data in a package of 108 requirements, imported in 4 s | no | yes; floats |
| tokencost 0.1 | none stated | 0.8 MB and 10 requirements, imported in 1.7 s | no | cached only |

It has a release every week or two. On two shared cores its import takes the router thread 0.2 s and 14 MB, once, in a
process that has pydantic already; a call's price takes 0.1 ms, by an override a twentieth of that.

It works offline, with the prices that came with its release; its updater, which would ask the network, is never
started here. An application that starts it has its prices used here too. To update the prices is to update the package.

What it says is not taken where it would be a guess:

- A model with no price for a direction in which there were tokens (speech by the hour, subscriptions, what is free for
  now) has no price here. It would come out as 0.
- Nor has a call in a service tier (`flex`, `priority`) for which there is no price at its date: the standard price may
  be twice or half of it. Nor has a call to OpenAI that asked for a tier where the answer does not say that it got it.
- Nor has audio in a model of OpenAI's whose audio price is not there: it is a multiple of what text costs.

What no usage report tells is in no price: searches and other tools on the provider's side, the time for which a cache
is kept, images (counted as text), a regional surcharge, and the discount of a provider's batch interface, which is not
LangChain's `batch()`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from fanlight.event import TelemetryEvent
from fanlight.hookspecs import Price
from fanlight.pipeline.prices.identity import identities
from fanlight.pipeline.prices.tokens import Tokens

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, PriceCalculation, Provider, Usage

PACKAGE: Final = "genai_prices"
_STANDARD: Final = frozenset({"auto", "default", "standard", "standard_only", "on_demand"})
_TIERS: Final = ("flex", "priority")
_MARKING: Final = frozenset({"openai", "azure.ai.openai"})
_IN_DOUBT: Final = "in doubt"
"""A tier that has no price anywhere."""
_AUDIO_APART: Final = frozenset({"openai", "azure"})
_REMEMBERED: Final = 1024
_logger: Final = logging.getLogger("fanlight.pipeline")


def is_installed() -> bool:
    """Return whether there is a table, without importing it."""
    return find_spec(PACKAGE) is not None


class PriceTable:
    """List prices by provider, model and date. Imported when it is first asked, by the thread that asks."""

    def __init__(self) -> None:
        self.name = "genai-prices"
        """What events say of who priced them; with the version once it is imported."""
        self.missing = False
        """Whether it turned out that there is none."""
        self._current: Callable[[], DataSnapshot] | None = None
        self._usage: type[Usage] | None = None
        self._snapshot: DataSnapshot | None = None
        self._models: dict[tuple[str | None, str], tuple[Provider, ModelInfo] | None] = {}

    def price(self, event: TelemetryEvent, tokens: Tokens) -> Price | None:
        """Return what *event* cost, or `None` where that is not known."""
        if self._usage is None and not self._imported():
            return None
        found = self._model_of(event)
        if found is None or self._usage is None:
            return None
        provider, model = found
        tier = service_tier(event)
        when = datetime.fromtimestamp((event.start_time_unix_nano or event.time_unix_nano) / 1e9, UTC)
        if tier is not None and not _has_tier(provider, model, tier, when):
            return None
        try:
            priced = model.calc_price(
                self._usage(**_counts(tokens)),
                provider,
                genai_request_timestamp=when,
                price_context={"service_tier": tier} if tier is not None else None,
            )
        except ValueError:  # counts that contradict each other
            return None
        if not _covers(priced, tokens):
            return None
        return Price(
            total_usd=float(priced.total_price),
            input_usd=float(priced.input_price),
            output_usd=float(priced.output_price),
        )

    def _imported(self) -> bool:
        if self.missing:
            return False
        try:
            from genai_prices import Usage, __version__  # noqa: PLC0415 - 0.4 s, due only where there is a call to price
            from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415
        except Exception as error:  # not installed, or not to be imported
            self.missing = True
            if is_installed():
                _logger.warning("genai-prices cannot be imported: %s; its prices are not used", type(error).__name__)
            return False
        self.name, self._current, self._usage = f"genai-prices {__version__}", get_snapshot, Usage
        return True

    def _model_of(self, event: TelemetryEvent) -> tuple[Provider, ModelInfo] | None:
        snapshot = self._current() if self._current is not None else None
        if snapshot is not self._snapshot:  # the first, or the application's updater brought another
            self._snapshot = snapshot
            self._models.clear()
        for identity in identities(event):
            if identity not in self._models:
                if len(self._models) >= _REMEMBERED:
                    self._models.clear()
                self._models[identity] = self._look_up(*identity)
            if (found := self._models[identity]) is not None:
                return found
        return None

    def _look_up(self, provider_id: str | None, name: str) -> tuple[Provider, ModelInfo] | None:
        providers = self._snapshot.providers if self._snapshot is not None else []
        # By exact id: the table's own search takes whatever has "openai" in its name for OpenAI.
        for provider in providers:
            if provider.id == provider_id or (provider_id is None and _claims(provider, name)):
                model = provider.find_model(name, all_providers=providers)
                return (provider, model) if model is not None else None
        return None


def service_tier(event: TelemetryEvent) -> str | None:
    """
    Return the tier that the call is charged in, `None` for the standard one.

    What the answer says counts before what was asked for. OpenAI's integration marks the tokens with the tier, because
    a call that asks for one may be served, and charged, in the standard one: asked for and not marked, it is in doubt.
    """
    for tier in _TIERS:
        if f"input.{tier}" in event.usage_details or f"input.{tier}_cache_read" in event.usage_details:
            return tier
    asked = event.invocation_params.get("service_tier")
    if not isinstance(asked, str) or asked in _STANDARD:
        return None
    return _IN_DOUBT if event.provider in _MARKING else asked


def _claims(provider: Provider, name: str) -> bool:
    return provider.model_match is not None and provider.model_match.is_match(name.lower())


def _has_tier(provider: Provider, model: ModelInfo, tier: str, when: datetime) -> bool:
    if not any(own is model for own in provider.models):  # another provider's model: so are its tiers
        return False
    return any(
        variant.when == {"service_tier": tier} and (variant.constraint is None or variant.constraint.active(when))
        for variant in model.price_variants or ()
    )


def _counts(tokens: Tokens) -> dict[str, int]:
    counts = {
        "cache_read_tokens": tokens.cache_read,
        "cache_write_tokens": tokens.cache_write + tokens.cache_write_1h,
        "cache_write_1h_tokens": tokens.cache_write_1h,
        "input_audio_tokens": tokens.input_audio,
        "output_audio_tokens": tokens.output_audio,
        "output_reasoning_tokens": tokens.reasoning,
    }
    told = {"input_tokens": tokens.input, "output_tokens": tokens.output}
    told |= {name: count for name, count in counts.items() if count}
    if tokens.cache_read and tokens.input_audio:  # it has to be told how many are both
        told["cache_audio_read_tokens"] = 0
    return told


def _covers(priced: PriceCalculation, tokens: Tokens) -> bool:
    """Return whether there was a price for what there was of tokens."""
    rates = priced.model_price
    if (tokens.input and rates.input_mtok is None) or (tokens.output and rates.output_mtok is None):
        return False
    if priced.provider.id not in _AUDIO_APART:
        return True
    return not (
        (tokens.input_audio and rates.input_audio_mtok is None)
        or (tokens.output_audio and rates.output_audio_mtok is None)
    )
