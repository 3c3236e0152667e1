"""
What a W&B run adds up to. W&B's own summary knows means and maxima, of one process only; these are sums over restarts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from fanlight import TelemetryEvent
from fanlight_wandb.metrics import errors_of, is_unpriced

PREFIX: Final = "totals/"
_PICO: Final = 10**12


class Totals(msgspec.Struct, kw_only=True):
    """Sums over finished runs, each event counted once."""

    runs: int = 0
    traces: int = 0
    errors: int = 0
    """Failures, each where it began."""
    llm_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    usage_missing: int = 0
    """Model calls without usage: the tokens are a lower bound where this is not 0."""
    cost_pico_usd: int | None = None
    """In whole pico-dollars, so that the sum has no rounding of its own."""
    cost_unknown: int = 0
    """Calls without a price: the cost is a lower bound where this is not 0."""

    def plus(self, events: Iterable[TelemetryEvent]) -> Totals:
        """Return these totals with *events* counted too."""
        sums = msgspec.structs.replace(self)
        for event in events:
            if event.ends_run:
                sums.count(event)
        return sums

    def summary(self) -> dict[str, float]:
        """Return the totals as keys of a W&B run's summary; a cost that nobody knows is not there."""
        known = msgspec.structs.asdict(self)
        pico = known.pop("cost_pico_usd")
        if pico is not None:
            known["cost_usd"] = pico / _PICO
        return {PREFIX + name: value for name, value in known.items()}

    def count(self, event: TelemetryEvent) -> None:
        """Count the run that *event* ends."""
        self.runs += 1
        self.traces += event.is_root
        self.errors += errors_of(event) or 0
        self.llm_calls += event.run_type == "llm"
        self.usage_missing += event.usage_missing
        self.cost_unknown += is_unpriced(event)
        if event.run_type in ("llm", "embedding"):
            self.input_tokens += event.input_tokens or 0
            self.output_tokens += event.output_tokens or 0
            self.total_tokens += event.total_tokens or 0
            if event.cost_usd is not None:
                self.cost_pico_usd = (self.cost_pico_usd or 0) + round(event.cost_usd * _PICO)
