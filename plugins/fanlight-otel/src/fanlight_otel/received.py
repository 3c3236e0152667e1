"""
What an OTLP receiver was sent, as plain values: the other half of `encode`, for tests and demos.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class ReceivedEvent:
    """One event of a span."""

    name: str
    time_unix_nano: int
    attributes: dict[str, Any]


@dataclass(frozen=True)
class ReceivedSpan:
    """One span as it arrived, its ids in hex."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    """`client` or `internal`."""
    start_time_unix_nano: int
    end_time_unix_nano: int
    status: str
    """`unset`, `ok` or `error`."""
    status_message: str
    attributes: dict[str, Any]
    events: tuple[ReceivedEvent, ...]
    links: tuple[tuple[str, str], ...]
    """Trace and span ids of linked spans."""
    flags: int
    resource: dict[str, Any]
    scope: str


@dataclass(frozen=True)
class ReceivedPoint:
    """One data point of a metric as it arrived."""

    name: str
    unit: str
    temporality: str
    """`delta` or `cumulative`."""
    attributes: dict[str, Any]
    count: int
    sum: float
    bounds: tuple[float, ...]
    buckets: tuple[int, ...]
    resource: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReceivedLog:
    """One log record as it arrived, its ids in hex."""

    trace_id: str | None
    span_id: str | None
    event_name: str
    time_unix_nano: int
    severity: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    scope: str


def spans_in(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    """Yield the spans of *request*, in its order."""
    for group in request.resource_spans:
        resource = attributes_of(group.resource.attributes)
        for scope_spans in group.scope_spans:
            for span in scope_spans.spans:
                yield _span(span, resource, scope_spans.scope.name)


def points_in(request: ExportMetricsServiceRequest) -> Iterator[ReceivedPoint]:
    """Yield the histogram points of *request*, in its order."""
    for group in request.resource_metrics:
        resource = attributes_of(group.resource.attributes)
        for scope_metrics in group.scope_metrics:
            for metric in scope_metrics.metrics:
                yield from _points(metric, resource)


def logs_in(request: ExportLogsServiceRequest) -> Iterator[ReceivedLog]:
    """Yield the log records of *request*, in its order."""
    for group in request.resource_logs:
        resource = attributes_of(group.resource.attributes)
        for scope_logs in group.scope_logs:
            for record in scope_logs.log_records:
                yield ReceivedLog(
                    trace_id=record.trace_id.hex() or None,
                    span_id=record.span_id.hex() or None,
                    event_name=record.event_name,
                    time_unix_nano=record.time_unix_nano,
                    severity=record.severity_number,
                    attributes=attributes_of(record.attributes),
                    resource=resource,
                    scope=scope_logs.scope.name,
                )


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Return OTLP key-values as a dict."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes_of(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)


def _span(span: Span, resource: dict[str, Any], scope: str) -> ReceivedSpan:
    return ReceivedSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex() or None,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        start_time_unix_nano=span.start_time_unix_nano,
        end_time_unix_nano=span.end_time_unix_nano,
        status=("unset", "ok", "error")[span.status.code],
        status_message=span.status.message,
        attributes=attributes_of(span.attributes),
        events=tuple(
            ReceivedEvent(event.name, event.time_unix_nano, attributes_of(event.attributes)) for event in span.events
        ),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        flags=span.flags,
        resource=resource,
        scope=scope,
    )


def _points(metric: Metric, resource: dict[str, Any]) -> Iterator[ReceivedPoint]:
    for point in metric.histogram.data_points:
        yield ReceivedPoint(
            name=metric.name,
            unit=metric.unit,
            temporality=("unspecified", "delta", "cumulative")[metric.histogram.aggregation_temporality],
            attributes=attributes_of(point.attributes),
            count=point.count,
            sum=point.sum,
            bounds=tuple(point.explicit_bounds),
            buckets=tuple(point.bucket_counts),
            resource=resource,
        )
