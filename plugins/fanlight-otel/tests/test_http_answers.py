"""OTLP over HTTP: how an answer is read, and how little of it is shown."""

import gzip
import socket
import threading
from collections.abc import Callable

import pytest

from fanlight import Batch, PartialFailure, PermanentError, RetryableError, TelemetryEvent
from fanlight_otel import OtelSink
from fanlight_otel.testing import Fault, OtlpReceiver

OpenSink = Callable[..., OtelSink]
MakeBatch = Callable[..., Batch]


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


def test_json_that_quotes_what_it_was_sent_is_not_shown() -> None:
    """A validating server's answer, which repeats the input, is left out; its own message is shown."""
    from fanlight_otel.classify import status_message

    assert status_message(b'{"detail": [{"input": "the patient is Ada", "msg": "bad"}]}') == ""
    assert status_message(b'{"code": 3, "message": "bad request"}') == "bad request"
    assert status_message(b"not found") == "not found"


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
