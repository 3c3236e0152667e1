"""
The GenAI client metrics, by a private meter provider: nothing of the application's own OpenTelemetry is touched.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from fanlight import DeliveryError, PermanentError, TelemetryEvent
from fanlight.semconv import GenAI, GenAIMetric, Otel
from fanlight_otel.genai import operation_of
from fanlight_otel.transport import Transport

_INTERVAL: Final = 15.0
_TIMEOUT: Final = 10.0
_LAST_TIMEOUT: Final = 1.0
_REMEMBERED: Final = 10_000
_LARGEST_BACKLOG: Final = 40  # ten minutes of deltas
_TOKEN_BUCKETS: Final = [float(4**power) for power in range(14)]
_SECOND_BUCKETS: Final = [0.01 * 2**power for power in range(14)]
_MODEL_RUNS: Final = frozenset({"llm", "embedding"})


class GenAIMetrics:
    """
    Counts each finished model call once, and sends what it counted every 15 seconds on a thread of its own.

    A receiver of metrics that fails or hangs costs metrics only.
    """

    def __init__(self, transport: Transport, *, resource: dict[str, Any], delta: bool, logger: logging.Logger) -> None:
        self._transport = transport
        self._logger = logger
        self._delta = delta
        self._failing = False
        self._unsent: deque[ExportMetricsServiceRequest] = deque(maxlen=_LARGEST_BACKLOG if delta else 1)
        self._recorded: OrderedDict[str, None] = OrderedDict()
        temporality = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
        self._reader = InMemoryMetricReader(preferred_temporality={Histogram: temporality})
        self._provider = MeterProvider([self._reader], Resource(resource), shutdown_on_exit=False)
        self._make_instruments()
        self._stop = threading.Event()
        # With the opener's context, in which OpenTelemetry's instrumentations are asked to leave no spans.
        run = partial(copy_context().run, self._run)
        self._thread = threading.Thread(target=run, name="fanlight-otel-metrics", daemon=True)
        self._thread.start()

    def record(self, events: Iterable[TelemetryEvent]) -> None:
        """Count the model calls among *events*, those that were counted before excepted."""
        for event in events:
            if event.run_type in _MODEL_RUNS and event.ends_run and not event.from_cache and self._is_new(event):
                self._record(event)

    def close(self) -> None:
        """Send what was counted once more, and stop; takes hardly more than a second."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join(_LAST_TIMEOUT + 0.5)
        self._provider.shutdown()

    def _make_instruments(self) -> None:
        meter = self._provider.get_meter("fanlight")
        self._tokens = meter.create_histogram(
            GenAIMetric.TOKEN_USAGE, "{token}", explicit_bucket_boundaries_advisory=_TOKEN_BUCKETS
        )
        self._duration = meter.create_histogram(
            GenAIMetric.OPERATION_DURATION, "s", explicit_bucket_boundaries_advisory=_SECOND_BUCKETS
        )
        self._first_chunk = meter.create_histogram(
            GenAIMetric.TIME_TO_FIRST_CHUNK, "s", explicit_bucket_boundaries_advisory=_SECOND_BUCKETS
        )

    def _is_new(self, event: TelemetryEvent) -> bool:
        if event.event_id in self._recorded:
            return False
        self._recorded[event.event_id] = None
        if len(self._recorded) > _REMEMBERED:
            self._recorded.popitem(last=False)
        return True

    def _record(self, event: TelemetryEvent) -> None:
        attributes = _attributes(event)
        for kind, count in (("input", event.input_tokens), ("output", event.output_tokens)):
            if count is not None:
                self._tokens.record(count, {**attributes, GenAI.TOKEN_TYPE: kind})
        if event.duration_ms is not None:
            failed = {Otel.ERROR_TYPE: event.error.type} if event.error and event.status == "error" else {}
            self._duration.record(event.duration_ms / 1000, {**attributes, **failed})
        if event.time_to_first_token_ms is not None:
            self._first_chunk.record(event.time_to_first_token_ms / 1000, attributes)

    def _run(self) -> None:
        while not self._stop.wait(_INTERVAL):
            self._export(_TIMEOUT)
        self._export(_LAST_TIMEOUT)

    def _export(self, timeout: float) -> None:
        try:
            self._send(timeout)
            self._failing = False
        except Exception as error:  # the thread must live as long as its sink
            if isinstance(error, PermanentError) and self._unsent:
                self._unsent.popleft()
            self._complain(error)

    def _send(self, timeout: float) -> None:
        data = self._reader.get_metrics_data()
        if data is not None:
            # Sums since the start hold all that an earlier one held; deltas must arrive each.
            self._unsent.append(encode_metrics(data))
        while self._unsent:
            self._transport.send_metrics(self._unsent[0], timeout)
            self._unsent.popleft()

    def _complain(self, error: Exception) -> None:
        if not self._failing:
            said = str(error) if isinstance(error, DeliveryError) else type(error).__name__
            self._logger.warning("the GenAI metrics are not taken (`metrics: false` turns them off): %s", said)
        self._failing = True


def _attributes(event: TelemetryEvent) -> dict[str, str]:
    attributes = {
        GenAI.OPERATION_NAME: operation_of(event) or event.run_type,
        GenAI.PROVIDER_NAME: event.provider or "unknown",
        GenAI.REQUEST_MODEL: event.request_model,
        GenAI.RESPONSE_MODEL: event.response_model,
    }
    return {name: value for name, value in attributes.items() if value is not None}
