"""What other plugins send spans with."""

from pathlib import Path
from typing import Any

import pytest

from fanlight import PartialFailure, PermanentError, RetryableError, TelemetryEvent, testing
from fanlight_otel.classify import HttpRefusedError
from fanlight_otel.export import open_export
from fanlight_otel.http_client import HttpClient
from fanlight_otel.testing import Fault, OtlpReceiver


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_spans_go_where_it_is_said_with_what_is_said(
    protocol: str, receiver: OtlpReceiver, tree: dict[str, TelemetryEvent]
) -> None:
    """Headers, resource, attributes and conventions are the plugin's; the spans are the runs'."""
    export = open_export(
        receiver.http_endpoint if protocol == "http" else receiver.grpc_endpoint,
        protocol=protocol,  # type: ignore[arg-type]
        headers={"X-Acme-Key": "s3cret"},
        resource={"acme.project": "bot"},
        attributes={"acme.region": "eu"},
        conventions=("openinference",),
    )
    export.send(tree.values(), timeout=10.0).raise_if_any()
    export.close()
    assert {span.span_id for span in receiver.spans} == {event.span_id for event in tree.values()}
    (request,) = receiver.requests
    assert request.headers["x-acme-key"] == "s3cret"
    for span in receiver.spans:
        assert (span.resource["acme.project"], span.attributes["acme.region"]) == ("bot", "eu")
        assert not [name for name in span.attributes if name.startswith("gen_ai.")]


def test_what_is_no_span_is_named(receiver: OtlpReceiver, chat: TelemetryEvent) -> None:
    """An event that cannot be sent is in the answer by its id; the others arrive."""
    audit = testing.make_event("audit")
    export = open_export(receiver.http_endpoint)
    unsent = export.send([chat, audit], timeout=10.0)
    export.close()
    assert {event_id: error.reason for event_id, error in unsent.errors.items()} == {audit.event_id: "unsupported"}  # type: ignore[attr-defined]
    assert len(receiver.spans) == 1
    with pytest.raises(PartialFailure) as failure:
        unsent.raise_if_any()
    assert failure.value.errors.keys() == {audit.event_id}


def test_nothing_to_send_is_no_request(receiver: OtlpReceiver) -> None:
    """No request goes out without spans."""
    export = open_export(receiver.http_endpoint)
    export.send([], timeout=10.0).raise_if_any()
    export.send([testing.make_event("audit")], timeout=10.0)
    export.close()
    assert receiver.requests == []


def test_what_was_rejected_is_counted(receiver: OtlpReceiver, tree: dict[str, TelemetryEvent]) -> None:
    """A partial success is a partial failure, in the receiver's words but without the credentials."""
    receiver.faults.append(Fault(rejected=2, message="two were too old, said s3cret"))
    export = open_export(receiver.http_endpoint, headers={"x-acme-key": "s3cret"})
    unsent = export.send(tree.values(), timeout=10.0)
    export.close()
    assert (unsent.rejected, unsent.message) == (2, "two were too old, said ***")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(status=503, body="s3cret is busy"), RetryableError),
        (Fault(status=400, body="s3cret is bad"), PermanentError),
    ],
)
def test_a_no_is_raised(receiver: OtlpReceiver, chat: TelemetryEvent, fault: Fault, expected: type[Exception]) -> None:
    """Whether trying again can help is the exception's class, and no header's value is in it."""
    receiver.faults.append(fault)
    export = open_export(receiver.http_endpoint, headers={"x-acme-key": "s3cret"})
    with pytest.raises(expected) as error:
        export.send([chat], timeout=10.0)
    export.close()
    assert "*** is b" in str(error.value)


@pytest.mark.parametrize(
    "settings",
    [{"address": "ftp://acme.example"}, {"address": "https://a.example", "headers": {"a b": "c"}}],
)
def test_what_cannot_be_used_is_refused_at_once(settings: dict[str, Any]) -> None:
    """A wrong address or header is found before anything is sent."""
    address = settings.pop("address")
    with pytest.raises(ValueError, match=r"expected http|no header name"):
        open_export(address, **settings)


def test_a_certificate_file_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    """So is a file that holds no certificates."""
    empty = tmp_path / "ca.pem"
    empty.write_text("")
    with pytest.raises(PermanentError, match="certificate files"):
        open_export("https://acme.example", ca_file=empty)


def test_a_refused_post_tells_its_status(receiver: OtlpReceiver) -> None:
    """Who posts something else than OTLP may ask which no it was."""
    client = HttpClient(receiver.http_endpoint, headers={}, excerpt=str)
    with pytest.raises(HttpRefusedError) as error:
        client.post(f"{receiver.http_endpoint}/v1/annotations", b"", 10.0)
    client.close()
    assert error.value.status == 404
