"""What becomes of ids, times, status, events and resources when a run becomes a span."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fanlight import TelemetryEvent
from fanlight.event import ErrorInfo, Process
from fanlight_otel.encode import SpanEncoder
from fanlight_otel.received import ReceivedSpan, spans_in


def received(*events: TelemetryEvent, encoder: SpanEncoder | None = None) -> list[ReceivedSpan]:
    request, failed = (encoder or SpanEncoder()).request(events)
    assert not failed
    return list(spans_in(request))


def test_ids_parents_and_times_are_the_events_own(tree: dict[str, TelemetryEvent]) -> None:
    """Nothing is generated: ids, parents, start and duration are those of the run."""
    for event, span in zip(tree.values(), received(*tree.values()), strict=True):
        assert (span.trace_id, span.span_id, span.parent_span_id) == (
            event.trace_id,
            event.span_id,
            event.parent_span_id,
        )
        assert span.start_time_unix_nano == event.start_time_unix_nano
        assert span.end_time_unix_nano - span.start_time_unix_nano == round((event.duration_ms or 0) * 1e6)


def test_a_clock_that_was_set_back_makes_no_negative_duration(chat: TelemetryEvent) -> None:
    """The end is start plus measured duration, wherever the wall clock stood when the run ended."""
    (span,) = received(chat.replace(time_unix_nano=1))
    assert span.end_time_unix_nano - span.start_time_unix_nano == 800_000_000


def test_a_run_whose_start_was_never_seen_has_a_moment(chat: TelemetryEvent) -> None:
    """Without a start the span is as long as nothing, at the time of the end."""
    (span,) = received(chat.replace(start_time_unix_nano=None, duration_ms=None, partial=True))
    assert span.start_time_unix_nano == span.end_time_unix_nano == chat.time_unix_nano
    assert span.attributes["fanlight.partial"] is True


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("ok", "ok"),
        ("error", "error"),
        ("interrupted", "unset"),
        ("handoff", "unset"),
        ("cancelled", "unset"),
        ("refused", "unset"),
        ("abandoned", "unset"),
    ],
)
def test_only_an_error_is_an_error(chat: TelemetryEvent, status: str, code: str) -> None:
    """An interrupt, a handoff, a closed stream and a refusal are no failures; `fanlight.status` tells them apart."""
    (span,) = received(chat.replace(status=status, error=ErrorInfo(type="ContentFilter", message="no")))
    assert (span.status, span.attributes["fanlight.status"]) == (code, status)
    assert span.status_message == ("no" if status == "error" else "")
    assert ("error.type" in span.attributes) == (status == "error")
    assert [event.attributes["exception.type"] for event in span.events] == ["ContentFilter"]


def test_an_error_is_an_exception_event_at_the_end(tree: dict[str, TelemetryEvent]) -> None:
    """Type, message and stack are on the span's exception event, the message in its status too."""
    (span,) = received(tree["refund"])
    (event,) = span.events
    assert span.status_message == "the ledger is closed"
    assert (event.name, event.time_unix_nano) == ("exception", span.end_time_unix_nano)
    assert event.attributes == {
        "exception.type": "PaymentError",
        "exception.message": "the ledger is closed",
        "exception.stacktrace": 'File "refund.py", line 7, in refund',
    }


def test_what_happened_inside_a_run_are_span_events(tree: dict[str, TelemetryEvent]) -> None:
    """Run events keep their time and data."""
    (span,) = received(tree["approve"])
    (event,) = span.events
    assert (event.name, event.time_unix_nano) == ("interrupt", tree["approve"].run_events[0].time_unix_nano)
    assert event.attributes == {"fanlight.event.type": "interrupt", "fanlight.event.data": '{"value":"approve?"}'}


def test_links_point_to_the_other_span(tree: dict[str, TelemetryEvent]) -> None:
    """A tool's span links to the model call that asked for it."""
    (span,) = received(tree["lookup_order"])
    assert span.links == ((tree["ChatOpenAI"].trace_id, tree["ChatOpenAI"].span_id),)


def test_kinds(tree: dict[str, TelemetryEvent]) -> None:
    """Calls that leave the process are client spans, the rest is internal."""
    kinds = {event.name: span.kind for event, span in zip(tree.values(), received(*tree.values()), strict=True)}
    assert kinds["ChatOpenAI"] == kinds["VectorStoreRetriever"] == kinds["text-embedding-3-small"] == "client"
    assert kinds["lookup_order"] == kinds["support-agent"] == kinds["approve"] == "internal"


def test_the_callers_span_is_a_remote_parent(tree: dict[str, TelemetryEvent]) -> None:
    """A root that joined a W3C trace says that its parent lives elsewhere; inner runs say the contrary."""
    joined = tree["support-agent"].replace(parent_span_id="00f067aa0ba902b7")
    root, child = received(joined, tree["ChatOpenAI"])
    assert root.flags & 0x300 == 0x300
    assert child.flags & 0x300 == 0x100
    assert root.parent_span_id == "00f067aa0ba902b7"


def test_the_resource_is_the_process_that_ran_the_run(chat: TelemetryEvent) -> None:
    """Service, version, environment, host, pid, revision and the config's static attributes are on the resource."""
    (span,) = received(chat, encoder=SpanEncoder(resource={"openinference.project.name": "support"}))
    expected = {
        "team": "support",
        "cost_center": "4711",
        "service.name": "support-bot",
        "service.version": "2.4.1",
        "service.instance.id": "5f1d7a90",
        "deployment.environment.name": "prod",
        "host.name": "web-1",
        "process.pid": 4242,
        "vcs.ref.head.revision": "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "telemetry.sdk.name": "fanlight",
        "telemetry.sdk.language": "python",
        "openinference.project.name": "support",
    }
    assert {key: span.resource[key] for key in expected} == expected


def test_runs_of_different_processes_and_environments_have_their_own_resource(chat: TelemetryEvent) -> None:
    """Events of two origins in one batch are not mixed up, and those of one origin share a resource."""
    elsewhere = chat.replace(process=Process(host="web-2", pid=1, instance_id="x"))
    staging = chat.replace(environment="staging")
    request, _ = SpanEncoder().request([chat, elsewhere, staging, chat])
    assert [len(group.scope_spans[0].spans) for group in request.resource_spans] == [2, 1, 1]
    origins = [(s.resource["host.name"], s.resource["deployment.environment.name"]) for s in spans_in(request)]
    assert origins == [("web-1", "prod"), ("web-1", "prod"), ("web-2", "prod"), ("web-1", "staging")]


def test_text_that_utf8_cannot_say_is_replaced(chat: TelemetryEvent) -> None:
    """Half a surrogate pair in a model's answer costs one character, not the span."""
    (span,) = received(
        chat.replace(user_id="u\ud800", name="n\udfff", metadata={"k\ud800": "v\ud800"}, tags=("t\ud800",))
    )
    assert span.attributes["user.id"] == "u?"
    assert span.attributes["fanlight.metadata.k?"] == "v?"
    assert span.attributes["fanlight.tags"] == ["t?"]


def test_numbers_beyond_64_bits_are_text(chat: TelemetryEvent) -> None:
    """OTLP's integers have 64 bits; a larger one arrives as its digits."""
    (span,) = received(chat.replace(metadata={"big": 2**70, "small": -5}))
    assert span.attributes["fanlight.metadata.big"] == str(2**70)
    assert span.attributes["fanlight.metadata.small"] == -5


def test_long_texts_are_not_cut(chat: TelemetryEvent) -> None:
    """How long a text may be is decided at capture; the encoder takes it as it is."""
    (span,) = received(chat.replace(outputs="x" * 1_000_000))
    assert len(span.attributes["output.value"]) == 1_000_000


def test_an_event_that_cannot_be_encoded_costs_only_itself(chat: TelemetryEvent) -> None:
    """A broken id is reported for its event; the others are in the request."""
    broken = chat.replace(event_id="broken", span_id="no hex")
    request, failed = SpanEncoder().request([chat, broken])
    assert [span.span_id for span in spans_in(request)] == [chat.span_id]
    assert {event_id: error.reason for event_id, error in failed.items()} == {"broken": "encode_failed"}


def test_what_is_no_run_is_refused_by_name(chat: TelemetryEvent) -> None:
    """Feedback is not silently counted as delivered."""
    request, failed = SpanEncoder().request([chat.replace(event_id="f", type="feedback")])
    assert not request.resource_spans
    assert failed["f"].reason == "unsupported"


def test_span_names_are_langchains_own_without_genai(tree: dict[str, TelemetryEvent]) -> None:
    """OpenInference alone keeps the framework's names."""
    encoder = SpanEncoder(conventions=("openinference",))
    assert [encoder.name(event) for event in tree.values()] == list(tree)


def test_other_plugins_can_add_attributes(chat: TelemetryEvent) -> None:
    """Whoever reuses the encoder can put attributes of its own on every span."""
    span: Span = SpanEncoder(attributes={"arize.space_id": "s"}).span(chat)
    assert ("arize.space_id", "s") in [(pair.key, pair.value.string_value) for pair in span.attributes]
