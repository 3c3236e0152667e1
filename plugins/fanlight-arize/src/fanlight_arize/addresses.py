"""
Where Arize listens: for spans, for feedback by Flight, and for its REST API.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from fanlight import PermanentError

if TYPE_CHECKING:
    from fanlight_arize.config import ArizeConfig

REGIONS: Final = {
    "us": "arize.com",
    "ca-central-1a": "ca-central-1a.arize.com",
    "eu-west-1a": "eu-west-1a.arize.com",
    "us-central-1a": "us-central-1a.arize.com",
    "us-east-1b": "us-east-1b.arize.com",
}
"""The domains of Arize AX's regions; `otlp.`, `flight.` and `api.` stand before them."""

_FLIGHT: Final = re.compile(r"(?:(?P<scheme>grpc\+tls|grpc\+tcp)://)?(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?")
_PHOENIX_HTTP: Final = "http://localhost:6006"
_PHOENIX_GRPC: Final = "http://localhost:4317"


class FlightAddress(msgspec.Struct, frozen=True):
    """A Flight server as the arize SDK wants it: in three parts."""

    scheme: str
    host: str
    port: int


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where one sink sends what. `None` where nobody said it, and it does not follow from what was said."""

    spans: str
    api: str | None = None
    flight: FlightAddress | None = None


def addresses_of(config: ArizeConfig) -> Addresses:
    """Return where *config* sends what."""
    return _ax(config) if config.platform == "ax" else _phoenix(config)


def no_address(key: str) -> PermanentError:
    """Return what befalls feedback when nobody said where it goes; *key* is the setting that is missing."""
    return PermanentError(f"where feedback goes is not known: set {key}", reason="no_feedback_address")


def checked_flight_address(value: str) -> str:
    """
    Return *value*.

    Raises:
        ValueError: it is no address that the arize SDK can connect to safely; says why.
    """
    address = _flight(value)
    if address is None or not 0 < address.port < 65536:
        raise ValueError("expected host:port, or grpc+tls://host:port")
    if address.scheme == "grpc+tls" and address.host.lower() == "localhost":
        raise ValueError("the arize SDK verifies no certificate of localhost; give the host another name")
    return value


def _ax(config: ArizeConfig) -> Addresses:
    domain = REGIONS[config.region]
    if config.endpoint is None:
        flight = FlightAddress("grpc+tls", f"flight.{domain}", 443)
        there = Addresses(spans=f"https://otlp.{domain}", api=f"https://api.{domain}", flight=flight)
    else:
        # Arize writes its own endpoint with `/v1`, to which OTLP's `/v1/traces` would be added. And who runs an Arize
        # of their own must not find their key at arize.com, because they left out where the rest of it is.
        there = Addresses(spans=config.endpoint.removesuffix("/v1"))
    return msgspec.structs.replace(
        there, api=config.api_endpoint or there.api, flight=_flight(config.flight_endpoint or "") or there.flight
    )


def _phoenix(config: ArizeConfig) -> Addresses:
    if config.protocol == "http":
        spans = config.endpoint or _PHOENIX_HTTP
        return Addresses(spans=spans, api=config.api_endpoint or spans.removesuffix("/v1/traces"))
    api = config.api_endpoint or (_PHOENIX_HTTP if config.endpoint is None else None)
    return Addresses(spans=config.endpoint or _PHOENIX_GRPC, api=api)


def _flight(value: str) -> FlightAddress | None:
    match = _FLIGHT.fullmatch(value)
    return match and FlightAddress(match["scheme"] or "grpc+tls", match["host"], int(match["port"] or 443))
