"""What a configuration comes to, and what is wrong with one."""

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from fanlight_arize import ArizeConfig
from fanlight_arize.addresses import REGIONS, FlightAddress, addresses_of
from fanlight_arize.config import Region

PHOENIX = {"platform": "phoenix", "project": "bot"}


def error_of(**settings: Any) -> str:
    with pytest.raises(ValidationError) as error:
        ArizeConfig(**settings)
    return str(error.value)


@pytest.mark.parametrize("missing", ["space_id", "api_key", "project"])
def test_arize_ax_needs_space_key_and_project(ax: dict[str, Any], missing: str) -> None:
    """What Arize AX asks for is asked for at start-up, not at the first span."""
    assert missing in error_of(**{key: value for key, value in ax.items() if key != missing})


@pytest.mark.parametrize("foreign", [{"space_id": "s"}, {"region": "us"}, {"flight_endpoint": "f:443"}])
def test_phoenix_has_no_keys_of_arize_ax(foreign: dict[str, str]) -> None:
    """A key that would have no effect is an error."""
    assert f"platform phoenix has no {next(iter(foreign))}" in error_of(**PHOENIX, **foreign)


def test_phoenix_needs_a_project_only() -> None:
    """A Phoenix on this machine needs no address and no key."""
    addresses = addresses_of(ArizeConfig(**PHOENIX))
    assert addresses.spans == addresses.api == "http://localhost:6006"
    assert addresses.flight is None


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_has_its_hosts(ax: dict[str, Any], region: str) -> None:
    """Spans, feedback and REST calls of one sink all stay in the region of its space."""
    domain = "arize.com" if region == "us" else f"{region}.arize.com"
    addresses = addresses_of(ArizeConfig(**ax, region=region))
    assert (addresses.spans, addresses.api) == (f"https://otlp.{domain}", f"https://api.{domain}")
    assert addresses.flight == FlightAddress("grpc+tls", f"flight.{domain}", 443)


def test_every_region_can_be_written() -> None:
    """The configuration takes exactly the regions that have hosts."""
    assert set(get_args(Region)) == REGIONS.keys()


def test_an_endpoint_of_ones_own_sends_no_key_to_arize_com(ax: dict[str, Any]) -> None:
    """Who runs Arize at an address of their own says where feedback goes; it is never guessed."""
    addresses = addresses_of(ArizeConfig(**ax, endpoint="https://arize.acme.example"))
    assert (addresses.spans, addresses.api, addresses.flight) == ("https://arize.acme.example", None, None)


def test_arizes_own_spelling_of_its_endpoint_is_understood(ax: dict[str, Any]) -> None:
    """Arize's documentation writes the endpoint with `/v1`; that is not sent to `/v1/v1/traces`."""
    addresses = addresses_of(ArizeConfig(**ax, endpoint="https://otlp.arize.com/v1"))
    assert addresses.spans == "https://otlp.arize.com"


def test_the_api_of_a_phoenix_follows_from_where_spans_go() -> None:
    """Over HTTP one address is enough; over gRPC the API is elsewhere, and nobody guesses where."""
    over_http = ArizeConfig(**PHOENIX, endpoint="http://phoenix:6006/v1/traces")
    over_grpc = ArizeConfig(**PHOENIX, protocol="grpc", endpoint="http://phoenix:4317")
    both = ArizeConfig(**PHOENIX, protocol="grpc", endpoint="http://phoenix:4317", api_endpoint="http://phoenix:6006")
    found = [addresses_of(config).api for config in (over_http, over_grpc, both)]
    assert found == ["http://phoenix:6006", None, "http://phoenix:6006"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"endpoint": "https://a.example", "region": "us"}, "endpoint and region contradict each other"),
        ({"endpoint": "arize.example:443"}, "needs http:// or https:// in front"),
        ({"protocol": "grpc", "api_endpoint": "api.example"}, "needs http:// or https:// in front"),
        ({"api_endpoint": "https://gateway.example/arize"}, "api_endpoint has a path"),
        ({"flight_endpoint": "https://flight.example"}, "expected host:port"),
        ({"flight_endpoint": "flight.example:0"}, "expected host:port"),
        ({"flight_endpoint": "localhost:443"}, "verifies no certificate of localhost"),
        ({"region": "mars"}, "region"),
        ({"cert_file": Path("c.pem")}, "cert_file and key_file belong together"),
        ({"headers": {"x team": "a"}}, "is no header name"),
        ({"wait_for_span": 10}, "expected a duration with a unit"),
        ({"tracing": True}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said(ax: dict[str, Any], settings: dict[str, Any], said: str) -> None:
    """Each mistake is a sentence about the key that has it."""
    assert said in error_of(**ax, **settings)


def test_a_key_that_no_header_can_carry_is_not_quoted(ax: dict[str, Any]) -> None:
    """A key with a line break is refused at start-up, without being shown."""
    said = error_of(**(ax | {"api_key": "secret-key\n"}))
    assert "line break" in said
    assert "secret-key" not in said


def test_no_key_is_shown(ax: dict[str, Any]) -> None:
    """Whoever prints a configuration sees no key."""
    assert ax["api_key"] not in repr(ArizeConfig(**ax, headers={"x-proxy": "p4ss"}))
    assert "p4ss" not in repr(ArizeConfig(**ax, headers={"x-proxy": "p4ss"}))
