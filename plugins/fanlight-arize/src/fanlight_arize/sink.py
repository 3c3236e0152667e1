"""
The sink: spans first, then what was said about them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fanlight import Batch, DeliveryError, PartialFailure, RetryableError, Sink, SinkContext, TelemetryEvent
from fanlight_arize.config import ArizeConfig

if TYPE_CHECKING:
    from fanlight_otel.export import Unsent


class ArizeSink(Sink[ArizeConfig]):
    """
    Sends each finished run as one span, and feedback to the span or trace that it is about.

    Feedback that cannot be sent costs no span.
    """

    def open(self, context: SinkContext) -> None:
        """Import what speaks OTLP, and make the connection pools; connects at the first batch."""
        # ruff: noqa: PLC0415 - listing plugins must not pay for the imports of a sink that is not used
        from fanlight_arize.feedback import open_feedback
        from fanlight_arize.patience import Patience
        from fanlight_arize.spans import open_spans

        super().open(context)
        self._spans = open_spans(self.config, context)
        self._feedback = open_feedback(self.config, self._spans.excerpt)
        self._patience = Patience(self.config.wait_for_span)

    def deliver(self, batch: Batch) -> None:
        """Send the spans of *batch* as one export request, then its feedback."""
        feedback = [event for event in batch if event.type == "feedback"]
        unsent = self._send_spans(batch)
        errors = {**unsent.errors, **self._send_feedback(feedback, batch.deadline)}
        if errors or unsent.rejected:
            raise PartialFailure(errors, unidentified=unsent.rejected, message=unsent.message or _said(errors))

    def close(self) -> None:
        """Close the connections."""
        self._spans.close()
        self._feedback.close()

    def _send_spans(self, batch: Batch) -> Unsent:
        spans = [event for event in batch if event.type != "feedback"]
        left = batch.deadline - time.monotonic()
        if spans and left <= 0:
            raise RetryableError("no time was left to send the batch")
        return self._spans.send(spans, left)

    def _send_feedback(self, events: list[TelemetryEvent], deadline: float) -> dict[str, DeliveryError]:
        errors = self._feedback.deliver(events, deadline) if events else {}
        return self._patience.judge([event.event_id for event in events], errors)


def _said(errors: dict[str, DeliveryError]) -> str:
    """Return what went wrong, each thing once and three at most."""
    return "; ".join(list(dict.fromkeys(str(error) for error in errors.values()))[:3])
