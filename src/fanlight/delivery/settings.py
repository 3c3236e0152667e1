"""
How one sink is delivered to: its queue, batches, retries, breaker and limits, with fanlight's defaults.
"""

from __future__ import annotations

import msgspec

from fanlight.journal.base import Bounds


class LaneSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One lane's settings. Times are seconds."""

    bounds: Bounds = Bounds()
    """How much may be pending."""
    batch_max_events: int = 200
    batch_max_bytes: int = 2 * 1024 * 1024
    batch_linger: float = 0.5
    """How long an incomplete batch waits for more."""
    timeout: float = 10.0
    """How long one attempt may take before it is abandoned."""
    retry_initial: float = 1.0
    """The first interval of the full jitter; it doubles with each failure."""
    retry_max: float = 60.0
    """The longest interval."""
    give_up_after: float = 300.0
    """
    How long after its first attempt a batch is dropped. Pauses that the destination asked for do not count, nor the
    time for which a wrong key (`open_breaker`) shuts it.
    """
    respect_retry_after: bool = True
    """Whether the destination's own Retry-After pauses the sink."""
    breaker_failures: int = 5
    """Failures within the window that open the breaker."""
    breaker_window: float = 30.0
    breaker_open: float = 15.0
    """How long the breaker stays open the first time; doubles with each failed probe."""
    breaker_max_open: float = 300.0
    rate_limit: float | None = None
    """The most events a second; `None` is unlimited."""
