"""OTLP over HTTP: what is sent, and what each answer means for the batch."""

import gzip
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from fanlight import Batch, PartialFailure, PermanentError, RetryableError, TelemetryEvent
from fanlight_otel import OtelSink
from fanlight_otel.testing import Fault, OtlpReceiver

OpenSink = Callable[..., OtelSink]
MakeBatch = Callable[..., Batch]


@pytest.fixture
def sink(open_sink: OpenSink, receiver: OtlpReceiver) -> OtelSink:
    return open_sink(endpoint=receiver.http_endpoint, metrics=False, headers={"x-team": "s3cr3t-value"})


def test_a_batch_arrives_as_one_compressed_request(
    sink: OtelSink, receiver: OtlpReceiver, tree: dict[str, TelemetryEvent], make_batch: MakeBatch
) -> None:
    """All spans of a batch travel in one gzipped protobuf request, with the configured headers."""
    sink.deliver(make_batch(*tree.values()))
    (request,) = receiver.requests
    assert request.path == "/v1/traces"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["x-team"] == "s3cr3t-value"
    assert request.headers["user-agent"].startswith("fanlight-otel/")
    assert [span.span_id for span in receiver.spans] == [event.span_id for event in tree.values()]


def test_compression_can_be_turned_off(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """`compression: none` sends plain protobuf."""
    open_sink(endpoint=receiver.http_endpoint, metrics=False, compression="none").deliver(make_batch(chat))
    assert "content-encoding" not in receiver.requests[0].headers
    assert len(receiver.spans) == 1


def test_the_connection_is_kept(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Batches follow each other on one connection, also after an answer that was a refusal."""
    receiver.faults.append(Fault(status=400, body="no"))
    with pytest.raises(PermanentError):
        sink.deliver(make_batch(chat))
    for _ in range(3):
        sink.deliver(make_batch(chat))
    assert receiver.connections == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_busy_answers_are_tried_again(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, status: int
) -> None:
    """A receiver that is overloaded or broken for now gets the batch again."""
    receiver.faults.append(Fault(status=status))
    with pytest.raises(RetryableError, match=f"HTTP {status}") as caught:
        sink.deliver(make_batch(chat))
    assert (caught.value.retry_after, caught.value.open_breaker) == (None, False)


def test_retry_after_in_seconds(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """The seconds that the receiver asks for reach the lane."""
    receiver.faults.append(Fault(status=429, headers={"Retry-After": "17"}))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.retry_after == 17.0


def test_retry_after_as_a_date(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A date in Retry-After becomes the seconds until then, and one that has passed becomes none at all."""
    now = datetime.now(UTC)
    for moment in (now + timedelta(hours=1), now - timedelta(hours=1)):
        receiver.faults.append(Fault(status=503, headers={"Retry-After": format_datetime(moment, usegmt=True)}))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert 3000 < (caught.value.retry_after or 0) <= 3600
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.retry_after == 0.0


@pytest.mark.parametrize("nonsense", ["soon", "nan", "inf", "-5"])
def test_a_retry_after_that_is_no_time_is_ignored(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, nonsense: str
) -> None:
    """What is neither seconds nor a date asks for nothing."""
    receiver.faults.append(Fault(status=503, headers={"Retry-After": nonsense}))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.retry_after in (None, 0.0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_opens_the_breaker(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, status: int
) -> None:
    """Events wait until somebody corrects the key, and the receiver is left alone meanwhile."""
    receiver.faults.append(Fault(status=status))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.open_breaker


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "rejected"), (404, "rejected"), (413, "too_large"), (415, "rejected"), (422, "rejected")],
)
def test_refusals_are_final(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch, status: int, reason: str
) -> None:
    """What the receiver will never take is not tried again, and is counted under its reason."""
    receiver.faults.append(Fault(status=status))
    with pytest.raises(PermanentError) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.reason == reason


def test_redirects_are_not_followed(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Credentials go to the configured address and nowhere else."""
    with OtlpReceiver() as elsewhere:
        receiver.faults.append(Fault(status=307, headers={"Location": f"{elsewhere.http_endpoint}/v1/traces"}))
        sink = open_sink(endpoint=receiver.http_endpoint, metrics=False, headers={"x-api-key": "k"})
        with pytest.raises(PermanentError, match="redirects are not followed"):
            sink.deliver(make_batch(chat))
        assert elsewhere.requests == []


def test_partial_success_is_no_success(
    sink: OtelSink, receiver: OtlpReceiver, tree: dict[str, TelemetryEvent], make_batch: MakeBatch
) -> None:
    """Spans that the receiver rejected are counted although it answered 200."""
    receiver.faults.append(Fault(rejected=3, message="span too old"))
    with pytest.raises(PartialFailure, match="span too old") as caught:
        sink.deliver(make_batch(*tree.values()))
    assert (caught.value.unidentified, caught.value.errors) == (3, {})


def test_a_warning_in_the_answer_is_no_failure(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """OTLP lets a receiver send a message with nothing rejected: the batch is delivered."""
    receiver.faults.append(Fault(message="please upgrade"))
    sink.deliver(make_batch(chat))
    assert len(receiver.spans) == 1


def test_an_event_that_cannot_be_encoded_does_not_stop_the_others(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """The failure names its event; the rest of the batch has arrived."""
    broken = chat.replace(event_id="broken", trace_id="no hex")
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(broken, chat))
    assert list(caught.value.errors) == ["broken"]
    assert [span.span_id for span in receiver.spans] == [chat.span_id]


def test_nothing_is_sent_for_nothing(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A batch of which no event can be encoded makes no request, and each event has its reason."""
    broken = [chat.replace(event_id="a", trace_id="no hex"), chat.replace(event_id="b", type="feedback")]
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(*broken))
    reasons = {key: error.reason for key, error in caught.value.errors.items() if isinstance(error, PermanentError)}
    assert reasons == {"a": "encode_failed", "b": "unsupported"}
    assert receiver.requests == []


def test_more_rejections_than_spans_are_not_believed(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A receiver cannot unbalance the ledger: it rejects at most what it was sent."""
    receiver.faults.append(Fault(rejected=99))
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(chat))
    assert caught.value.unidentified == 1


def test_a_cut_connection_is_tried_again(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A reset without an answer leaves the outcome open: the same spans come again."""
    receiver.faults.append(Fault(reset=True, accept=True))
    with pytest.raises(RetryableError):
        sink.deliver(make_batch(chat))
    sink.deliver(make_batch(chat, attempt=2))
    assert [span.span_id for span in receiver.spans] == [chat.span_id] * 2


def test_a_receiver_that_is_not_there_is_tried_again(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """A refused connection and an unknown host are matters of time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for endpoint in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid"):
        with pytest.raises(RetryableError):
            open_sink(endpoint=endpoint, metrics=False).deliver(make_batch(chat))


def test_a_receiver_that_hangs_is_left_at_the_deadline(
    sink: OtelSink,
    receiver: OtlpReceiver,
    chat: TelemetryEvent,
    make_batch: MakeBatch,
    error_within: Callable[..., BaseException | None],
) -> None:
    """An attempt ends by itself when its time is over; without time left it does not even begin."""
    receiver.faults.append(Fault(hang=True))
    hung = error_within(sink.deliver, make_batch(chat, seconds=0.3))
    assert isinstance(hung, RetryableError)
    assert "timeout" in str(hung).lower()
    with pytest.raises(RetryableError, match="no time was left"):
        sink.deliver(make_batch(chat, seconds=0.0))
    assert len(receiver.requests) == 1


def test_an_answer_shows_at_most_an_excerpt_and_no_secret(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Errors carry at most 200 characters of an answer, on one line, without the header values we sent."""
    receiver.faults.append(Fault(status=400, body="bad token s3cr3t-value\n" + "x" * 10_000))
    with pytest.raises(PermanentError) as caught:
        sink.deliver(make_batch(chat))
    message = str(caught.value)
    assert "bad token ***" in message
    assert "s3cr3t-value" not in message
    assert "\n" not in message
    assert len(message) < 240


@pytest.mark.parametrize(
    ("settings", "said", "shown"),
    [
        ({"headers": {"Authorization": "Bearer s3cr3t-value"}}, "no such token: s3cr3t-value", "no such token: ***"),
        (
            {"preset": "langfuse", "public_key": "pk-lf-1a", "secret_key": "sk-lf-2b"},
            "pk-lf-1a does not fit to sk-lf-2b, 4 tries",
            "*** does not fit to ***, 4 tries",
        ),
        ({"preset": "phoenix", "api_key": "s3cr3t-value"}, "who is s3cr3t-value?", "who is ***?"),
        ({"preset": "mlflow", "experiment_id": "1"}, "limit 10 of experiment 1", "limit 10 of experiment 1"),
    ],
)
def test_a_quoted_credential_is_masked_in_every_spelling(
    open_sink: OpenSink,
    receiver: OtlpReceiver,
    chat: TelemetryEvent,
    make_batch: MakeBatch,
    settings: dict[str, object],
    said: str,
    shown: str,
) -> None:
    """A receiver may quote the token without its scheme, or the key behind it; what is no secret stays readable."""
    sink = open_sink(endpoint=receiver.http_endpoint, metrics=False, **settings)
    receiver.faults.append(Fault(status=401, body=said))
    with pytest.raises(RetryableError) as caught:
        sink.deliver(make_batch(chat))
    assert str(caught.value) == f"HTTP 401: {shown}"


def test_a_partial_success_shows_no_secret_and_no_control_character(
    sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Its message is the receiver's text like any other, and ends up in logs."""
    receiver.faults.append(Fault(rejected=1, message="bad\x1b[31m span of s3cr3t-value"))
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(chat))
    assert str(caught.value) == "bad [31m span of ***"


def test_configured_headers_replace_those_of_a_preset(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """However their names are capitalised; what describes the body is not the configuration's to say."""
    headers = {"Authorization": "Bearer other", "Content-Type": "text/plain"}
    sink = open_sink(endpoint=receiver.http_endpoint, metrics=False, preset="phoenix", api_key="key", headers=headers)
    sink.deliver(make_batch(chat))
    assert receiver.requests[0].headers["authorization"] == "Bearer other"
    assert receiver.requests[0].headers["content-type"] == "application/x-protobuf"


def test_an_endless_answer_is_cut_off(open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch) -> None:
    """Not more than 64 KiB of an answer are read, however long it is."""
    with _pouring_server() as port:
        sink = open_sink(endpoint=f"http://127.0.0.1:{port}", metrics=False)
        with pytest.raises(PermanentError, match="HTTP 400"):
            sink.deliver(make_batch(chat, seconds=10))


def test_an_answer_that_is_no_protobuf_is_a_yes(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """Some receivers answer 200 with JSON."""
    with _server(b'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 17\r\n\r\n{"status": "ok"}\n') as port:
        open_sink(endpoint=f"http://127.0.0.1:{port}", metrics=False).deliver(make_batch(chat))


def test_accepted_is_a_yes(sink: OtelSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch) -> None:
    """Some intakes answer 202: they have taken the batch."""
    receiver.faults.append(Fault(status=202, accept=True))
    sink.deliver(make_batch(chat))
    assert len(receiver.spans) == 1


def test_an_answer_may_be_compressed(open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch) -> None:
    """A gzipped refusal is read like any other."""
    body = gzip.compress(b"quota used up")
    head = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
    with _server(head % len(body) + body) as port, pytest.raises(PermanentError, match="quota used up"):
        open_sink(endpoint=f"http://127.0.0.1:{port}", metrics=False).deliver(make_batch(chat))


def test_tls_is_verified(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch, certificates: tuple[Path, Path, Path]
) -> None:
    """An unknown certificate is not trusted; one of the configured authority is."""
    authority, chain, key = certificates
    with OtlpReceiver(certificate=(chain, key)) as receiver:
        with pytest.raises(RetryableError, match=r"(?i)certificate"):
            open_sink(endpoint=receiver.http_endpoint, metrics=False).deliver(make_batch(chat))
        assert receiver.spans == []
        open_sink(endpoint=receiver.http_endpoint, metrics=False, ca_file=authority).deliver(make_batch(chat))
        assert len(receiver.spans) == 1


def test_a_certificate_file_that_is_not_there_is_said_when_the_sink_opens(open_sink: OpenSink, tmp_path: Path) -> None:
    """A sink that can never work as configured says so before the first batch."""
    for protocol in ("http", "grpc"):
        with pytest.raises(PermanentError, match="certificate files"):
            open_sink(endpoint="https://127.0.0.1:1", protocol=protocol, ca_file=tmp_path / "missing.pem")


def test_the_proxy_of_the_environment_is_used(
    open_sink: OpenSink,
    receiver: OtlpReceiver,
    chat: TelemetryEvent,
    make_batch: MakeBatch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`HTTP_PROXY` takes the request, `NO_PROXY` goes straight."""
    monkeypatch.setenv("http_proxy", receiver.http_endpoint)
    monkeypatch.setenv("no_proxy", "direct.invalid")
    open_sink(endpoint="http://behind-the-proxy.invalid", metrics=False).deliver(make_batch(chat))
    assert receiver.requests[0].path == "http://behind-the-proxy.invalid/v1/traces"
    with pytest.raises(RetryableError):
        open_sink(endpoint="http://direct.invalid", metrics=False).deliver(make_batch(chat))


def test_sinks_of_one_process_share_nothing(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """One sink that hangs does not delay another."""
    receiver.faults.append(Fault(hang=True))
    slow, quick = (open_sink(endpoint=receiver.http_endpoint, metrics=False) for _ in range(2))
    hanging = threading.Thread(target=_swallow, args=(slow, make_batch(chat, seconds=20)), daemon=True)
    hanging.start()
    receiver.wait_for_requests(1)
    quick.deliver(make_batch(chat))
    assert hanging.is_alive()
    receiver.stop()
    hanging.join(10)


def _swallow(sink: OtelSink, batch: Batch) -> None:
    with pytest.raises(RetryableError):
        sink.deliver(batch)


class _server:
    """Answers one request with fixed bytes."""

    def __init__(self, answer: bytes, *, endless: bool = False) -> None:
        self._answer = answer
        self._endless = endless
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        try:
            connection, _ = self._socket.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(self._answer)
                while self._endless:
                    connection.sendall(b"x" * 65536)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(65536)
        except OSError:
            return

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._socket.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join(10)


def _pouring_server() -> _server:
    return _server(b"HTTP/1.1 400 Bad Request\r\n\r\n", endless=True)


def test_json_that_quotes_what_it_was_sent_is_not_shown() -> None:
    """A validating server's answer, which repeats the input, is left out; its own message is shown."""
    from fanlight_otel.classify import status_message

    assert status_message(b'{"detail": [{"input": "the patient is Ada", "msg": "bad"}]}') == ""
    assert status_message(b'{"code": 3, "message": "bad request"}') == "bad request"
    assert status_message(b"not found") == "not found"
