"""
What a router says about itself: both ledger equations, and per sink what an operator asks first.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fanlight.delivery.health import LaneHealth
from fanlight.ledger import IntakeCounts


class RouterHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A router's state at one moment."""

    state: str
    """
    `idle` before the first event in this process, `running`, `closed`, `disabled`, or `failed`: then it captures
    nothing more, and counts it as `router_failed`.
    """
    reason: str = ""
    """Why it is disabled or failed."""
    pid: int
    environment: str
    config: str | None
    """The file it was configured from."""
    intake: IntakeCounts
    """This process's side of the ledger: captured == routed + unmatched + queued + Σ dropped."""
    open_runs: int = 0
    sinks: dict[str, LaneHealth] = {}
    """Every sink that is used here, with counts of 0 before the first event."""
    warnings: tuple[str, ...] = ()
    processors_failed: dict[str, int] = {}
    """How often each processor of a plugin failed; its step was left out for those events."""
    plugins_failed: tuple[str, ...] = ()
    cost_unknown: dict[str, int] = {}
    """
    How many model calls had no known cost, by provider, model and reason, `openai/gpt-9: no price`: the 20 with the
    most, and `(others)`. The reasons are `no usage` (the provider reported no tokens), `no price` (nobody knows the
    model), `provider unknown` (the table did not find the model by its name alone, and LangChain tells no provider)
    and `no price table` (it is not installed, or cannot be imported).
    """
    price_sources_failed: dict[str, int] = {}
    """How often each price source failed, and was passed over."""

    @property
    def balanced(self) -> bool:
        """Whether both equations hold: nothing was lost in silence."""
        return self.intake.balanced and all(sink.counts.balanced for sink in self.sinks.values())

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        result: dict[str, Any] = msgspec.to_builtins(self)
        return result | {"balanced": self.balanced}


class FlushReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a flush achieved. Truthy when everything that was captured before it got its final word."""

    complete: bool
    queued: int
    """Records still on their way to the lanes."""
    pending: dict[str, int]
    """Events still waiting, for each sink that has any."""

    def __bool__(self) -> bool:
        return self.complete
