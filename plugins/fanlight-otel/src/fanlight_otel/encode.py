"""
Finished runs as OTLP spans, built as protobuf objects directly: the original ids, parents and times.

    encoder = SpanEncoder(conventions=("genai", "openinference"))
    request, failed = encoder.request(batch)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

from fanlight import PermanentError, TelemetryEvent, __version__
from fanlight.semconv import Fanlight, Otel
from fanlight_otel.config import Convention
from fanlight_otel.genai import genai_attributes, span_name
from fanlight_otel.openinference import openinference_attributes
from fanlight_otel.own import own_attributes
from fanlight_otel.values import Attributes, json_text, scalar_or_json

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

SCOPE: Final = "fanlight"
_INT64: Final = range(-(2**63), 2**63)
_SAMPLED: Final = 0x01
_HAS_IS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200
_CLIENT_RUNS: Final = frozenset({"llm", "embedding", "retriever"})
_STATUS_CODES: Final = {"ok": Status.STATUS_CODE_OK, "error": Status.STATUS_CODE_ERROR}


class SpanEncoder:
    """
    Encodes events that end a run as spans.

    Args:
        conventions: Whose attribute names to use: `genai`, `openinference`, or both.
        resource: Further resource attributes, such as `openinference.project.name`.
        attributes: Further attributes of every span.
    """

    def __init__(
        self,
        *,
        conventions: tuple[Convention, ...] = ("genai", "openinference"),
        resource: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self._conventions = conventions
        self._resource = dict(resource or {})
        self._attributes = dict(attributes or {})
        self._scope = InstrumentationScope(name=SCOPE, version=__version__)

    def request(self, events: Iterable[TelemetryEvent]) -> tuple[ExportTraceServiceRequest, dict[str, PermanentError]]:
        """
        Return *events* as one export request, and by event id why some are not in it.

        Spans are grouped by the process, service and environment that their events come from.
        """
        request = ExportTraceServiceRequest()
        groups: dict[tuple[Any, ...], ScopeSpans] = {}
        failed: dict[str, PermanentError] = {}
        for event in events:
            if not event.ends_run:
                failed[event.event_id] = PermanentError(f"a {event.type} event is no span", reason="unsupported")
                continue
            spans = self._group(request, groups, event).spans
            try:
                self._fill(spans.add(), event)
            except Exception as error:  # one event that cannot be encoded must not cost the others
                del spans[-1]
                failed[event.event_id] = PermanentError(
                    f"the event cannot be encoded: {type(error).__name__}", reason="encode_failed"
                )
        return request, failed

    def span(self, event: TelemetryEvent) -> Span:
        """Return *event* as a span."""
        span = Span()
        self._fill(span, event)
        return span

    def name(self, event: TelemetryEvent) -> str:
        """Return the span's name: the GenAI conventions' where they are chosen, else LangChain's own."""
        return span_name(event) if "genai" in self._conventions else event.name

    def attributes(self, event: TelemetryEvent) -> Attributes:
        """Return all attributes of *event*'s span by name; `None` means that one is not set."""
        attributes = own_attributes(event)
        if "openinference" in self._conventions:
            attributes.update(openinference_attributes(event))
        if "genai" in self._conventions:
            attributes.update(genai_attributes(event))
        attributes.update(self._attributes)
        return attributes

    def _fill(self, span: Span, event: TelemetryEvent) -> None:
        # Filled in place: protobuf copies what is handed to a constructor, which is half of the cost of a span.
        span.trace_id = bytes.fromhex(event.trace_id)
        span.span_id = bytes.fromhex(event.span_id)
        span.parent_span_id = bytes.fromhex(event.parent_span_id or "")
        span.flags = _SAMPLED | _HAS_IS_REMOTE | (_IS_REMOTE if event.is_root and event.parent_span_id else 0)
        span.name = carried(self.name(event))
        span.kind = Span.SPAN_KIND_CLIENT if event.run_type in _CLIENT_RUNS else Span.SPAN_KIND_INTERNAL
        span.start_time_unix_nano, span.end_time_unix_nano = _times(event)
        put(span.attributes, self.attributes(event))
        _put_events(span, event)
        _put_links(span, event)
        _put_status(span, event)

    def _group(
        self, request: ExportTraceServiceRequest, groups: dict[tuple[Any, ...], ScopeSpans], event: TelemetryEvent
    ) -> ScopeSpans:
        key = origin_of(event)
        group = groups.get(key)
        if group is None:
            spans = request.resource_spans.add()
            put(spans.resource.attributes, resource_attributes(event) | self._resource)
            group = groups[key] = spans.scope_spans.add(scope=self._scope)
        return group


def origin_of(event: TelemetryEvent) -> tuple[Any, ...]:
    """Return what the events of one resource have in common."""
    return event.service_name, event.service_version, event.vcs_revision, event.environment, event.process


def resource_attributes(event: TelemetryEvent) -> Attributes:
    """Return what is true of the process that *event* comes from, and the config's static attributes."""
    process = event.process
    return {
        **{key: scalar_or_json(value) for key, value in event.attributes.items()},
        Otel.SERVICE_NAME: event.service_name or "unknown_service",
        Otel.SERVICE_VERSION: event.service_version,
        Otel.SERVICE_INSTANCE_ID: process.instance_id if process else None,
        Otel.DEPLOYMENT_ENVIRONMENT_NAME: event.environment or None,
        Otel.HOST_NAME: process.host if process else None,
        Otel.PROCESS_PID: process.pid if process else None,
        Otel.VCS_REVISION: event.vcs_revision,
        Otel.TELEMETRY_SDK_NAME: SCOPE,
        Otel.TELEMETRY_SDK_LANGUAGE: "python",
        Otel.TELEMETRY_SDK_VERSION: __version__,
    }


def put(into: RepeatedCompositeFieldContainer[KeyValue], attributes: Mapping[str, Any]) -> None:
    """Add *attributes* as OTLP key-values; those that are `None` are left out."""
    try:
        for key, value in attributes.items():
            if value is not None:
                pair = into.add()
                pair.key = key
                _set(pair.value, value)
    except UnicodeError:
        del into[:]
        put(into, {carried(key): _carried(value) for key, value in attributes.items()})


def _set(target: AnyValue, value: Any) -> None:
    """Set OTLP's value: lists are arrays of scalars, and what OTLP has no type for is JSON text."""
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int) and value in _INT64:
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, list | tuple):
        target.array_value.SetInParent()
        for item in value:
            _set(target.array_value.values.add(), scalar_or_json(item))
    else:
        target.string_value = json_text(value)


def carried(text: str) -> str:
    """Return *text* with half surrogate pairs replaced: protobuf takes only what UTF-8 can say."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _carried(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_carried(item) for item in value]
    return carried(value) if isinstance(value, str) else value


def _times(event: TelemetryEvent) -> tuple[int, int]:
    """
    Return start and end in nanoseconds since 1970.

    The end is start plus the measured duration: the wall clock may have been set while the run ran.
    """
    start = event.start_time_unix_nano
    if start is None:
        return event.time_unix_nano, event.time_unix_nano
    if event.duration_ms is None:
        return start, max(start, event.time_unix_nano)
    return start, start + round(event.duration_ms * 1e6)


def _put_status(span: Span, event: TelemetryEvent) -> None:
    """Only an error is an error: an interrupt, a handoff or a closed stream leaves the status unset."""
    code = _STATUS_CODES.get(event.status or "")
    if code is None:
        return
    span.status.code = code
    if code == Status.STATUS_CODE_ERROR and event.error:
        span.status.message = carried(event.error.message)


def _put_events(span: Span, event: TelemetryEvent) -> None:
    for inner in event.run_events:
        added = span.events.add(name=carried(inner.name), time_unix_nano=inner.time_unix_nano)
        put(added.attributes, {Fanlight.EVENT_TYPE: inner.type, Fanlight.EVENT_DATA: scalar_or_json(inner.data)})
    if event.error is not None:
        exception = {
            Otel.EXCEPTION_TYPE: event.error.type,
            Otel.EXCEPTION_MESSAGE: event.error.message or None,
            Otel.EXCEPTION_STACKTRACE: event.error.stack,
        }
        added = span.events.add(name=Otel.EXCEPTION_EVENT, time_unix_nano=span.end_time_unix_nano)
        put(added.attributes, exception)


def _put_links(span: Span, event: TelemetryEvent) -> None:
    for link in event.links:
        added = span.links.add(trace_id=bytes.fromhex(link.trace_id), span_id=bytes.fromhex(link.span_id))
        put(added.attributes, {Fanlight.LINK_KIND: link.kind})
