"""
How feedback goes: to Phoenix over its REST API, to Arize AX by its SDK, or not at all, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from fanlight import PermanentError, TelemetryEvent
from fanlight_arize.addresses import addresses_of, no_address
from fanlight_arize.alone import Fates, fate_of_all
from fanlight_arize.ax import AxFeedback
from fanlight_arize.config import ArizeConfig
from fanlight_arize.phoenix import PhoenixFeedback


class FeedbackWay(Protocol):
    """Takes feedback to where the spans are."""

    def deliver(self, events: Sequence[TelemetryEvent], deadline: float) -> Fates:
        """Send *events*, in monotonic time until *deadline*; return by event id why some were not taken."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def open_feedback(config: ArizeConfig, excerpt: Callable[[str], str]) -> FeedbackWay:
    """
    Return the way that feedback goes by *config*; nothing is imported or connected yet.

    Args:
        config: The sink's settings.
        excerpt: Makes of what a server said what may be shown.

    Raises:
        PermanentError: a certificate or key file cannot be used.
    """
    addresses = addresses_of(config)
    if config.platform == "ax":
        return AxFeedback(config, addresses, excerpt) if addresses.flight else NoFeedback("flight_endpoint")
    if addresses.api is None:
        return NoFeedback("api_endpoint")
    try:
        return PhoenixFeedback(config, addresses.api, excerpt)
    except (OSError, ValueError) as error:
        raise PermanentError(f"the certificate files cannot be used: {type(error).__name__}") from error


class NoFeedback:
    """
    Stands where nobody said where feedback goes; spans are not affected.

    Args:
        key: The key of the configuration that is missing.
    """

    def __init__(self, key: str) -> None:
        self._error = no_address(key)

    def deliver(self, events: Sequence[TelemetryEvent], deadline: float) -> Fates:  # noqa: ARG002
        """Return for each of *events* why it was not sent."""
        return fate_of_all(events, self._error)

    def close(self) -> None:
        """Nothing is held open."""
