"""The steps that plugins add between the normaliser and the routes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from fanlight.event import TelemetryEvent
from fanlight.hookspecs import Processor

_logger: Final = logging.getLogger("fanlight.pipeline")


class ProcessorChain:
    """
    Runs *processors* in their order, each in its own try.

    One that raises, or that returns what is no event, is passed over: enrichment that fails costs its own addition
    and not the event. What must never leave is the business of restrictions and of the floor, which fail closed.
    """

    def __init__(self, processors: Sequence[Processor] = ()) -> None:
        self._processors = tuple(processors)
        self._complained: set[str] = set()
        self.failures: dict[str, int] = {}
        """How often each processor failed, by name."""

    def apply(self, event: TelemetryEvent) -> TelemetryEvent | None:
        """Return *event* as the processors leave it, or `None` where one of them dropped it."""
        current = event
        for processor in self._processors:
            try:
                changed: object = processor.process(current)
            except BaseException as error:  # SystemExit and CancelledError would end the router thread
                self._failed(processor, type(error).__name__)
                continue
            if changed is None:
                return None
            if isinstance(changed, TelemetryEvent):
                current = changed
            else:
                self._failed(processor, f"returned {type(changed).__name__}")
        return current

    def _failed(self, processor: Processor, what: str) -> None:
        self.failures[processor.name] = self.failures.get(processor.name, 0) + 1
        if processor.name not in self._complained:
            self._complained.add(processor.name)
            _logger.warning("processor %s failed (%s); its step is left out, counted in health", processor.name, what)
