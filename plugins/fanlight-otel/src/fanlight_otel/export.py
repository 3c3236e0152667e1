"""
Spans to one address, for plugins whose destination takes OTLP: encoding, transport and answers in one.

    export = open_export("https://otlp.acme.example", headers={"x-acme-key": key}, conventions=("openinference",))
    unsent = export.send(batch, timeout=10.0)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from fanlight import DeliveryError, PartialFailure, TelemetryEvent
from fanlight_otel.config import Convention, OtelConfig
from fanlight_otel.encode import SpanEncoder
from fanlight_otel.transport import Transport, open_transport
from fanlight_otel.wire import Wire, wire_of


class Unsent(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request is not with the receiver, though it has answered yes."""

    errors: dict[str, DeliveryError] = {}
    """By event id: what could not be encoded as a span."""
    rejected: int = 0
    """How many more the receiver rejected without naming them."""
    message: str = ""
    """What it said about that, fit to be shown."""

    def and_also(self, other: Unsent) -> Unsent:
        """Return what of two requests is not with the receiver."""
        return Unsent(
            errors=self.errors | other.errors,
            rejected=self.rejected + other.rejected,
            message="; ".join(filter(None, (self.message, other.message))),
        )

    def raise_if_any(self) -> None:
        """Raise a `PartialFailure` unless everything was taken."""
        if self.errors or self.rejected:
            raise PartialFailure(self.errors, unidentified=self.rejected, message=self.message)


class SpanExport:
    """Sends finished runs as spans. Made by `open_export`, or of its parts."""

    def __init__(self, encoder: SpanEncoder, transport: Transport, wire: Wire) -> None:
        self._encoder = encoder
        self._transport = transport
        self._wire = wire

    def send(self, events: Iterable[TelemetryEvent], timeout: float) -> Unsent:
        """
        Send *events* as one export request, and return what was not taken of it.

        Args:
            events: Events that end a run; any other is `unsupported`.
            timeout: Seconds until the receiver must have answered.

        Raises:
            DeliveryError: the receiver took nothing; says whether trying again can help.
        """
        asked = list(events)
        request, failed = self._encoder.request(asked)
        encoded = len(asked) - len(failed)
        if not encoded:
            return Unsent(errors={**failed})
        answer = self._transport.send_traces(request, timeout).partial_success
        return Unsent(
            errors={**failed},
            rejected=max(0, min(answer.rejected_spans, encoded)),
            message=self._wire.excerpt(answer.error_message),
        )

    def excerpt(self, text: str) -> str:
        """Return what may be shown of what a receiver said: a line without the credentials."""
        return self._wire.excerpt(text)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def open_export(
    address: str,
    *,
    protocol: Literal["http", "grpc"] = "http",
    headers: Mapping[str, str] | None = None,
    resource: Mapping[str, str] | None = None,
    attributes: Mapping[str, Any] | None = None,
    conventions: tuple[Convention, ...] = ("genai", "openinference"),
    compression: Literal["gzip", "none"] = "gzip",
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
) -> SpanExport:
    """
    Return an export to *address*; nothing is connected yet.

    Args:
        address: The base URL; `/v1/traces` is added over HTTP unless it is there. gRPC without a scheme means TLS.
        protocol: `http` (protobuf) or `grpc`.
        headers: HTTP headers or gRPC metadata. Their values are cut out of everything that is said about this export.
        resource: Further resource attributes, such as `openinference.project.name`.
        attributes: Further attributes of every span.
        conventions: Whose attribute names to use.
        compression: How requests are compressed.
        ca_file: PEM file of the certificate authorities to trust instead of the system's.
        cert_file: PEM file of the client certificate.
        key_file: PEM file of the client certificate's key.

    Raises:
        ValueError: the address or a header cannot be used.
        PermanentError: a certificate or key file cannot be used.
    """
    given: dict[str, Any] = {
        "endpoint": address,
        "protocol": protocol,
        "headers": dict(headers or {}),
        "compression": compression,
        "ca_file": ca_file,
        "cert_file": cert_file,
        "key_file": key_file,
        "metrics": False,
    }
    config = OtelConfig(**given)
    wire = wire_of(config)
    encoder = SpanEncoder(conventions=conventions, resource=resource, attributes=attributes)
    return SpanExport(encoder, open_transport(config, wire), wire)
