"""A whole sink: three methods and a config model. Queue, batches, retries and timeouts are fanlight's work."""

from collections import Counter
from typing import Literal

from fanlight import Batch, Sink, SinkConfig, SinkContext, SinkType, hookimpl


class CountingConfig(SinkConfig):
    """What is counted."""

    per: Literal["name", "status", "tenant_id"] = "name"
    """The field of the event to count by."""


class CountingSink(Sink[CountingConfig]):
    """Counts finished runs, and logs the sums when it closes."""

    def open(self, context: SinkContext) -> None:
        """Start at zero."""
        super().open(context)
        self.counts: Counter[str] = Counter()

    def deliver(self, batch: Batch) -> None:
        """Count the events of one batch."""
        self.counts.update(str(getattr(event, self.config.per)) for event in batch)

    def close(self) -> None:
        """Log the sums."""
        self.context.logger.info("counted %s", dict(self.counts))


@hookimpl
def fanlight_register_sinks() -> list[SinkType]:
    """Register `counting`."""
    return [
        SinkType(
            name="counting",
            config_model=CountingConfig,
            factory=CountingSink,
            consumes="runs",
            network=False,
            delivered_means="The event is part of the sums.",
        )
    ]
