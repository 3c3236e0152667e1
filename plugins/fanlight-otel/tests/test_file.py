"""OTLP/JSON in a file."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fanlight import Batch, RetryableError, TelemetryEvent
from fanlight_otel import OtelSink
from fanlight_otel.otlp_file import FileTransport, read_requests
from fanlight_otel.received import spans_in

OpenSink = Callable[..., OtelSink]
MakeBatch = Callable[..., Batch]


def test_each_batch_is_a_line_of_otlp_json(
    open_sink: OpenSink, tree: dict[str, TelemetryEvent], make_batch: MakeBatch, tmp_path: Path
) -> None:
    """Ids are hex, enumerations numbers, 64-bit numbers text: as the OTLP specification writes JSON."""
    path = tmp_path / "spans.jsonl"
    sink = open_sink(protocol="file", path=path, metrics=False)
    sink.deliver(make_batch(tree["lookup_order"]))
    sink.deliver(make_batch(tree["ChatOpenAI"], tree["support-agent"]))
    first, second = map(json.loads, path.read_text().splitlines())
    (span,) = first["resourceSpans"][0]["scopeSpans"][0]["spans"]
    event = tree["lookup_order"]
    assert (span["traceId"], span["spanId"], span["parentSpanId"]) == (
        event.trace_id,
        event.span_id,
        event.parent_span_id,
    )
    assert span["links"][0]["spanId"] == event.links[0].span_id
    assert span["startTimeUnixNano"] == str(event.start_time_unix_nano)
    assert (span["kind"], span["status"]["code"]) == (1, 1)
    assert len(second["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 2


def test_what_was_written_can_be_read_back(
    open_sink: OpenSink, tree: dict[str, TelemetryEvent], make_batch: MakeBatch, tmp_path: Path
) -> None:
    """`read_requests` gives back the spans that a sink wrote, metrics on other lines left out."""
    path = tmp_path / "spans.jsonl"
    sink = open_sink(protocol="file", path=path)
    sink.deliver(make_batch(*tree.values()))
    sink.close()
    assert [list(json.loads(line)) for line in path.read_text().splitlines()] == [
        ["resourceSpans"],
        ["resourceMetrics"],
    ]
    spans = [span for request in read_requests(path) for span in spans_in(request)]
    assert [span.span_id for span in spans] == [event.span_id for event in tree.values()]


def test_only_the_owner_may_read_it(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch, tmp_path: Path
) -> None:
    """Prompts are in there: the file's mode is 0600."""
    path = tmp_path / "spans.jsonl"
    open_sink(protocol="file", path=path, metrics=False).deliver(make_batch(chat))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_may_be_moved_away(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch, tmp_path: Path
) -> None:
    """After a rotation the next batch begins a new file."""
    path = tmp_path / "spans.jsonl"
    sink = open_sink(protocol="file", path=path, metrics=False)
    sink.deliver(make_batch(chat))
    path.rename(tmp_path / "spans.1.jsonl")
    sink.deliver(make_batch(chat))
    assert len(path.read_text().splitlines()) == 1


def test_a_file_that_cannot_be_written_is_tried_again(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch, tmp_path: Path
) -> None:
    """A missing directory or a full disk is a matter of time."""
    sink = open_sink(protocol="file", path=tmp_path / "later" / "spans.jsonl", metrics=False)
    with pytest.raises(RetryableError, match="cannot be written"):
        sink.deliver(make_batch(chat))
    (tmp_path / "later").mkdir()
    sink.deliver(make_batch(chat))
    assert len((tmp_path / "later" / "spans.jsonl").read_text().splitlines()) == 1


def test_a_full_disk_tears_one_line_only(chat: TelemetryEvent, make_batch: MakeBatch, open_sink: OpenSink) -> None:
    """What a full device refuses is reported, and never as written."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(RetryableError, match="No space left"):
        open_sink(protocol="file", path=full, metrics=False).deliver(make_batch(chat))


def test_a_line_that_was_cut_off_does_not_swallow_the_next(tmp_path: Path) -> None:
    """After a write that failed half way, the next request starts on a line of its own."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    path = tmp_path / "spans.jsonl"
    path.write_bytes(b'{"resourceSpa')
    transport = FileTransport(path)
    path.chmod(0o600)
    transport._torn = True
    transport.send_traces(ExportTraceServiceRequest(), 1.0)
    assert path.read_bytes() == b'{"resourceSpa\n{}\n'
