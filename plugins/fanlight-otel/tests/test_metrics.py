"""The GenAI client metrics: counted once, sent without ever being in the way."""

import logging
from collections.abc import Callable

import pytest
from google.protobuf.message import Message
from opentelemetry.context import attach, detach, get_value, set_value

from fanlight import Batch, PartialFailure, PermanentError, RetryableError, TelemetryEvent
from fanlight.event import ErrorInfo
from fanlight_otel import OtelSink
from fanlight_otel.metrics import GenAIMetrics
from fanlight_otel.received import ReceivedPoint
from fanlight_otel.testing import Fault, OtlpReceiver

OpenSink = Callable[..., OtelSink]
MakeBatch = Callable[..., Batch]

TOKENS = "gen_ai.client.token.usage"
DURATION = "gen_ai.client.operation.duration"
FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"


@pytest.fixture
def sink(open_sink: OpenSink, receiver: OtlpReceiver) -> OtelSink:
    return open_sink(endpoint=receiver.http_endpoint)


def points(receiver: OtlpReceiver, name: str) -> list[ReceivedPoint]:
    return [point for point in receiver.metrics if point.name == name]


def test_each_model_call_is_counted(
    sink: OtelSink, receiver: OtlpReceiver, tree: dict[str, TelemetryEvent], make_batch: MakeBatch
) -> None:
    """Tokens by kind, durations and times to the first chunk arrive with the conventions' attributes and buckets."""
    sink.deliver(make_batch(*tree.values()))
    sink.close()
    sums = {
        (p.attributes["gen_ai.request.model"], p.attributes["gen_ai.token.type"]): p.sum
        for p in points(receiver, TOKENS)
    }
    assert sums == {
        ("gpt-4o", "input"): 1000,
        ("gpt-4o", "output"): 50,
        ("text-embedding-3-small", "input"): 5,
        ("claude-sonnet-4-5", "input"): 1200,
        ("claude-sonnet-4-5", "output"): 80,
    }
    durations = {p.attributes["gen_ai.request.model"]: p.sum for p in points(receiver, DURATION)}
    assert durations == pytest.approx({"gpt-4o": 0.8, "text-embedding-3-small": 0.02, "claude-sonnet-4-5": 1.5})
    (first,) = points(receiver, FIRST_CHUNK)
    assert (first.sum, first.attributes["gen_ai.provider.name"]) == (0.35, "anthropic")


def test_sending_leaves_no_spans_of_its_own(chat: TelemetryEvent) -> None:
    """What asks instrumentations to be silent where the sink is opened holds on the metrics' own thread too."""
    silent: list[object] = []

    class Noting:
        def send_metrics(self, request: Message, timeout: float) -> Message:
            silent.append(get_value("suppress_instrumentation"))
            return request

        send_traces = send_metrics

        def close(self) -> None: ...

    token = attach(set_value("suppress_instrumentation", True))
    metrics = GenAIMetrics(Noting(), resource={}, delta=False, logger=logging.getLogger("test"))  # type: ignore[arg-type]
    detach(token)
    metrics.record([chat])
    metrics.close()
    assert silent == [True]


def test_names_units_buckets_and_attributes_are_the_conventions(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """What a dashboard built on the GenAI conventions expects is there."""
    sink.deliver(make_batch(chat))
    sink.close()
    tokens, duration = points(receiver, TOKENS)[0], points(receiver, DURATION)[0]
    assert (tokens.unit, duration.unit) == ("{token}", "s")
    assert tokens.bounds[:4] == (1, 4, 16, 64)
    assert tokens.bounds[-1] == 67108864
    assert duration.bounds[:3] == (0.01, 0.02, 0.04)
    assert duration.bounds[-1] == 81.92
    assert tokens.temporality == "cumulative"
    assert tokens.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.token.type": "input",
    }
    assert tokens.resource["service.name"] == "support-bot"
    assert tokens.resource["deployment.environment.name"] == "prod"


def test_failures_are_counted_by_their_type(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A failed call has a duration with `error.type`, and no tokens it does not know."""
    failed = chat.replace(
        type="llm.error", status="error", error=ErrorInfo(type="RateLimitError"), input_tokens=None, output_tokens=None
    )
    sink.deliver(make_batch(failed))
    sink.close()
    (duration,) = points(receiver, DURATION)
    assert duration.attributes["error.type"] == "RateLimitError"
    assert points(receiver, TOKENS) == []


def test_a_retried_batch_is_counted_once(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Only what arrived is counted: not the attempts before, and not a redelivery of the same event."""
    receiver.faults += [Fault(status=503), Fault(reset=True, accept=True)]
    for attempt in (1, 2):
        with pytest.raises(RetryableError):
            sink.deliver(make_batch(chat, attempt=attempt))
    for attempt in (3, 4):
        sink.deliver(make_batch(chat, attempt=attempt))
    sink.close()
    assert [point.count for point in points(receiver, DURATION)] == [1]


def test_a_replay_is_not_counted(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Old events that are sent again on purpose are no new model calls."""
    sink.deliver(make_batch(chat, replay=True))
    sink.close()
    assert len(receiver.spans) == 1
    assert receiver.metrics == []


def test_cache_hits_are_no_model_calls(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """What LangChain's cache answered cost no tokens and no time of the model's."""
    sink.deliver(make_batch(chat.replace(from_cache=True)))
    sink.close()
    assert receiver.metrics == []


def test_partly_rejected_batches_are_counted(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """The receiver does not say which spans it rejected; the calls were made all the same."""
    receiver.faults.append(Fault(rejected=1))
    with pytest.raises(PartialFailure):
        sink.deliver(make_batch(chat))
    sink.close()
    assert [point.count for point in points(receiver, DURATION)] == [1]


def test_a_refused_batch_is_not_counted(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """What no span will ever show is not in the metrics either."""
    receiver.faults.append(Fault(status=400))
    with pytest.raises(PermanentError):
        sink.deliver(make_batch(chat))
    sink.close()
    assert receiver.metrics == []


def test_metrics_over_grpc(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Metrics take the protocol of the spans."""
    sink = open_sink(endpoint=receiver.grpc_endpoint, protocol="grpc")
    sink.deliver(make_batch(chat))
    sink.close()
    assert {request.protocol for request in receiver.requests} == {"grpc"}
    assert len(points(receiver, DURATION)) == 1


def test_metrics_may_go_elsewhere(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """`metrics_endpoint` takes the metrics of a backend that takes only spans."""
    with OtlpReceiver() as elsewhere:
        sink = open_sink(preset="phoenix", endpoint=receiver.http_endpoint, metrics_endpoint=elsewhere.http_endpoint)
        sink.deliver(make_batch(chat))
        sink.close()
        assert len(points(elsewhere, DURATION)) == 1
    assert receiver.metrics == []


def test_deltas_where_the_backend_wants_them(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Datadog gets what was counted since the last export."""
    sink = open_sink(preset="datadog", endpoint=receiver.http_endpoint)
    sink.deliver(make_batch(chat))
    sink.close()
    assert {point.temporality for point in receiver.metrics} == {"delta"}


def test_no_delta_is_lost_on_a_receiver_that_is_busy(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A delta that was not taken is sent again before the next one."""
    sink = open_sink(preset="datadog", endpoint=receiver.http_endpoint)
    metrics = sink._metrics
    assert metrics is not None
    receiver.metric_faults.append(Fault(status=503))
    sink.deliver(make_batch(chat))
    metrics._export(1.0)
    assert receiver.metrics == []
    sink.deliver(make_batch(chat.replace(event_id="another")))
    sink.close()
    assert [point.count for point in points(receiver, DURATION)] == [1, 1]


def test_a_refused_delta_does_not_block_the_next(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """What the receiver will never take is given up; what is counted later arrives."""
    sink = open_sink(preset="datadog", endpoint=receiver.http_endpoint)
    metrics = sink._metrics
    assert metrics is not None
    receiver.metric_faults.append(Fault(status=400))
    sink.deliver(make_batch(chat))
    metrics._export(1.0)
    sink.deliver(make_batch(chat.replace(event_id="another", duration_ms=100.0)))
    sink.close()
    assert [point.sum for point in points(receiver, DURATION)] == [pytest.approx(0.1)]


def test_a_metrics_receiver_that_hangs_delays_nothing(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Spans are delivered and the sink closes in about a second, whatever the metrics' receiver does."""
    with OtlpReceiver() as hanging:
        hanging.metric_faults += [Fault(hang=True)] * 5
        sink = open_sink(endpoint=receiver.http_endpoint, metrics_endpoint=hanging.http_endpoint)
        sink.deliver(make_batch(chat))
        sink.close()
        assert len(receiver.spans) == 1
        assert len(hanging.requests) == 1


def test_a_backend_without_metrics_is_said_once(
    open_sink: OpenSink,
    receiver: OtlpReceiver,
    chat: TelemetryEvent,
    make_batch: MakeBatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line says that metrics are not taken and which key turns them off; the spans do not care."""
    receiver.metric_faults += [Fault(status=404, body="no such page")] * 3
    sink = open_sink(endpoint=receiver.http_endpoint)
    with caplog.at_level(logging.WARNING, "fanlight"):
        sink.deliver(make_batch(chat))
        assert sink._metrics is not None
        sink._metrics._export(1.0)
        sink._metrics._export(1.0)
        sink.close()
    (record,) = caplog.records
    assert "`metrics: false`" in record.getMessage()
    assert "HTTP 404" in record.getMessage()


def test_the_applications_own_opentelemetry_is_untouched(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """The meter provider is private: the global one stays what it was."""
    from opentelemetry import metrics

    before = metrics.get_meter_provider()
    sink.deliver(make_batch(chat))
    sink.close()
    assert metrics.get_meter_provider() is before


def test_what_finishes_after_the_deadline_is_left_to_the_next_attempt(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """An attempt that the lane has given up does not count: the batch is sent again, and that one does."""
    sink._count(make_batch(chat, seconds=0.0), {})
    sink.close()
    assert receiver.metrics == []
