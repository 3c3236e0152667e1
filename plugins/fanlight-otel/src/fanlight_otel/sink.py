"""
The sink: encode, send, say how it went.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fanlight import Batch, DeliveryError, RetryableError, Sink, SinkContext, TelemetryEvent, __version__
from fanlight.semconv import Otel
from fanlight_otel.config import OtelConfig
from fanlight_otel.wire import wire_of

if TYPE_CHECKING:
    from fanlight_otel.export import Unsent
    from fanlight_otel.feedback import FeedbackExport
    from fanlight_otel.metrics import GenAIMetrics


class OtelSink(Sink[OtelConfig]):
    """
    Sends each finished run as one span, and feedback as log records where the backend takes them.

    Delivered means that the receiver answered yes; where it rejects single spans it does not say which.
    """

    def open(self, context: SinkContext) -> None:
        """Import protobuf, the SDK and gRPC, and make the connection pool; connects at the first batch."""
        # ruff: noqa: PLC0415 - listing plugins must not pay for the imports of a sink that is not used
        from fanlight_otel.encode import SpanEncoder
        from fanlight_otel.export import SpanExport
        from fanlight_otel.feedback import FeedbackExport
        from fanlight_otel.transport import open_transport

        super().open(context)
        wire = wire_of(self.config)
        self._transport = open_transport(self.config, wire)
        encoder = SpanEncoder(conventions=self.config.semconv, resource=wire.resource)
        self._export = SpanExport(encoder, self._transport, wire)
        self._feedback = FeedbackExport(self._transport, wire) if wire.logs is not None else None
        self._metrics = self._open_metrics(context, wire.delta) if wire.metrics is not None else None

    def deliver(self, batch: Batch) -> None:
        """Send *batch* as one export request; its feedback, if any, as another."""
        spans = [event for event in batch if event.type != "feedback" or self._feedback is None]
        rated = [event for event in batch if event.type == "feedback"] if self._feedback is not None else []
        unsent = self._export.send(spans, _time_left(batch))
        self._count(batch, unsent.errors)
        if self._feedback is not None and rated:
            unsent = unsent.and_also(self._send_feedback(self._feedback, rated, batch, alone=not spans))
        unsent.raise_if_any()

    def close(self) -> None:
        """Send the last metrics and close the connections."""
        if self._metrics is not None:
            self._metrics.close()
        self._transport.close()

    def _send_feedback(
        self, export: FeedbackExport, rated: list[TelemetryEvent], batch: Batch, *, alone: bool
    ) -> Unsent:
        from fanlight_otel.export import Unsent

        try:
            return export.send(rated, _time_left(batch))
        except DeliveryError as error:
            if alone:
                raise
            # The batch's spans are with the receiver by now: they must not come again.
            return Unsent(errors=dict.fromkeys((event.event_id for event in rated), error))

    def _open_metrics(self, context: SinkContext, delta: bool) -> GenAIMetrics:
        from fanlight_otel.metrics import GenAIMetrics

        return GenAIMetrics(self._transport, resource=_resource(context), delta=delta, logger=context.logger)

    def _count(self, batch: Batch, failed: dict[str, Any]) -> None:
        # After the deadline the lane has given this attempt up and sends the batch again: that one counts.
        if self._metrics is not None and not batch.replay and time.monotonic() < batch.deadline:
            self._metrics.record(event for event in batch if event.event_id not in failed)


def _time_left(batch: Batch) -> float:
    left = batch.deadline - time.monotonic()
    if left <= 0:
        raise RetryableError("no time was left to send the batch")
    return left


def _resource(context: SinkContext) -> dict[str, Any]:
    attributes = {
        **context.attributes,
        Otel.SERVICE_NAME: context.service_name,
        Otel.SERVICE_VERSION: context.service_version,
        Otel.SERVICE_INSTANCE_ID: context.instance_id,
        Otel.DEPLOYMENT_ENVIRONMENT_NAME: context.environment,
        Otel.TELEMETRY_SDK_NAME: "fanlight",
        Otel.TELEMETRY_SDK_LANGUAGE: "python",
        Otel.TELEMETRY_SDK_VERSION: __version__,
    }
    return {name: value for name, value in attributes.items() if value is not None}
