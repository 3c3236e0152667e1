"""OTLP over HTTP: connections that are kept, cut, refused, encrypted and proxied."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fanlight import Batch, PermanentError, RetryableError, TelemetryEvent
from fanlight_otel import OtelSink
from fanlight_otel.testing import Fault, OtlpReceiver

OpenSink = Callable[..., OtelSink]
MakeBatch = Callable[..., Batch]


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


def test_a_grpc_port_is_told_by_its_first_frame(
    open_sink: OpenSink, receiver: OtlpReceiver, chat: TelemetryEvent, make_batch: MakeBatch
) -> None:
    """HTTP to a real gRPC server says what to set, and waits for somebody to do it."""
    endpoint = f"http://{receiver.grpc_endpoint.rpartition('/')[2]}"
    with pytest.raises(RetryableError, match="this looks like a gRPC port: set `protocol: grpc`") as caught:
        open_sink(endpoint=endpoint, metrics=False).deliver(make_batch(chat))
    assert caught.value.open_breaker
    open_sink(endpoint=endpoint, protocol="grpc", metrics=False).deliver(make_batch(chat))
    assert len(receiver.spans) == 1


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"\0\0\x12\x03\0\0\0\0\0\n"])
def test_what_is_neither_http_nor_grpc_is_not_called_grpc(
    open_sink: OpenSink, chat: TelemetryEvent, make_batch: MakeBatch, said: bytes
) -> None:
    """Only HTTP/2's first frame is taken for one."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        sink = open_sink(endpoint=f"http://127.0.0.1:{server.getsockname()[1]}", metrics=False)
        with pytest.raises(RetryableError) as caught:
            sink.deliver(make_batch(chat))
        thread.join(10)
    assert "gRPC" not in str(caught.value)
    assert not caught.value.open_breaker


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
