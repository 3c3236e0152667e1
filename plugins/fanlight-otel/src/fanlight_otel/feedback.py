"""
Feedback as OTLP log records: the GenAI conventions' event `gen_ai.evaluation.result`, on the span that was rated.

A span is over when somebody rates it, and no backend takes one a second time. A log record carries the ids of the rated
trace and span, and its own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs, SeverityNumber

from fanlight import PermanentError, TelemetryEvent, __version__
from fanlight.semconv import Fanlight, GenAI, GenAIEvent
from fanlight_otel.encode import SCOPE, origin_of, put, resource_attributes
from fanlight_otel.export import Unsent
from fanlight_otel.own import own_attributes
from fanlight_otel.transport import Transport
from fanlight_otel.values import Attributes
from fanlight_otel.wire import Wire

_SAMPLED: Final = 0x01


def feedback_request(
    events: Iterable[TelemetryEvent], resource: Mapping[str, Any]
) -> tuple[ExportLogsServiceRequest, dict[str, PermanentError]]:
    """
    Return feedback *events* as one export request, and by event id why some are not in it.

    Args:
        events: Events of type `feedback`.
        resource: Further resource attributes.
    """
    request = ExportLogsServiceRequest()
    groups: dict[tuple[Any, ...], ScopeLogs] = {}
    failed: dict[str, PermanentError] = {}
    for event in events:
        records = _group(request, groups, event, resource).log_records
        try:
            _fill(records.add(), event)
        except Exception as error:  # one event that cannot be encoded must not cost the others
            del records[-1]
            said = f"the event cannot be encoded: {type(error).__name__}"
            failed[event.event_id] = PermanentError(said, reason="encode_failed")
    return request, failed


def feedback_attributes(event: TelemetryEvent) -> Attributes:
    """Return the attributes of a feedback event's log record; `None` means that one is not set."""
    said = event.feedback
    if said is None:
        raise ValueError("the event carries no feedback")
    return {
        **own_attributes(event),
        Fanlight.NAME: None,
        Fanlight.RUN_TYPE: None,
        Fanlight.RUN_ID: event.run_id if said.target == "run" else None,
        Fanlight.EVENT_TYPE: event.type,
        Fanlight.FEEDBACK_SOURCE: said.source,
        Fanlight.FEEDBACK_TARGET: said.target,
        GenAI.CONVERSATION_ID: event.session_id,
        GenAI.EVALUATION_NAME: said.name,
        GenAI.EVALUATION_SCORE_VALUE: said.score,
        GenAI.EVALUATION_SCORE_LABEL: said.label,
        GenAI.EVALUATION_EXPLANATION: said.explanation,
    }


class FeedbackExport:
    """Sends feedback as log records."""

    def __init__(self, transport: Transport, wire: Wire) -> None:
        self._transport = transport
        self._wire = wire

    def send(self, events: list[TelemetryEvent], timeout: float) -> Unsent:
        """
        Send *events* as one export request, and return what was not taken of it.

        Args:
            events: Events of type `feedback`.
            timeout: Seconds until the receiver must have answered.

        Raises:
            DeliveryError: the receiver took nothing; says whether trying again can help.
        """
        request, failed = feedback_request(events, self._wire.resource)
        encoded = len(events) - len(failed)
        if not encoded:
            return Unsent(errors={**failed})
        answer = self._transport.send_logs(request, timeout).partial_success
        return Unsent(
            errors={**failed},
            rejected=max(0, min(answer.rejected_log_records, encoded)),
            message=self._wire.excerpt(answer.error_message),
        )


def _fill(record: LogRecord, event: TelemetryEvent) -> None:
    record.time_unix_nano = record.observed_time_unix_nano = event.time_unix_nano
    record.trace_id = bytes.fromhex(event.trace_id)
    if event.feedback is not None and event.feedback.target == "run":
        record.span_id = bytes.fromhex(event.span_id)
    record.flags = _SAMPLED
    record.event_name = GenAIEvent.EVALUATION_RESULT
    record.severity_number = SeverityNumber.SEVERITY_NUMBER_INFO
    put(record.attributes, feedback_attributes(event))


def _group(
    request: ExportLogsServiceRequest,
    groups: dict[tuple[Any, ...], ScopeLogs],
    event: TelemetryEvent,
    resource: Mapping[str, Any],
) -> ScopeLogs:
    key = origin_of(event)
    group = groups.get(key)
    if group is None:
        logs = request.resource_logs.add()
        put(logs.resource.attributes, resource_attributes(event) | dict(resource))
        group = groups[key] = logs.scope_logs.add(scope=InstrumentationScope(name=SCOPE, version=__version__))
    return group
