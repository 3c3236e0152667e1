"""
The arize SDK: imported when the first feedback needs it, pointed at one place, and its errors told apart.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from fanlight import DeliveryError, PermanentError, RetryableError
from fanlight_arize.addresses import Addresses
from fanlight_arize.config import ArizeConfig
from fanlight_arize.encode import SPAN_ID, Row
from fanlight_arize.patience import SpanUnknownError
from fanlight_arize.sdk_logging import silent, untouched
from fanlight_otel.classify import http_error

_INSTALL: Final = "pip install 'fanlight-arize[sdk]'"
_NOT_FOUND: Final = 404


def open_client(config: ArizeConfig, addresses: Addresses, excerpt: Callable[[str], str]) -> Any:
    """
    Return an `ArizeClient` for *addresses*, wherever the environment's `ARIZE_*` variables point.

    Args:
        config: The sink's settings.
        addresses: Where Arize AX takes feedback.
        excerpt: Makes of what the SDK said what may be shown.

    Raises:
        PermanentError: the SDK is not installed (`sdk_missing`), or does not start here (`sdk_unusable`).
    """
    try:
        with untouched():
            arize = importlib.import_module("arize")
            importlib.import_module("arize.spans.client")  # else the first call pays for pandas and pyarrow
            client, region = arize.ArizeClient, arize.Region.UNSET
    except (ImportError, AttributeError):  # `arize-otel` alone is a package `arize` without a client
        message = f"feedback to Arize AX needs the arize SDK, which is not installed: {_INSTALL}"
        raise PermanentError(message, reason="sdk_missing") from None
    try:
        with silent():
            return client(**_settings(config, addresses), region=region)
    except Exception as error:  # such as a number that is none, in one of the variables that it reads
        message = f"the arize SDK does not start: {type(error).__name__}: {excerpt(str(error))}"
        raise PermanentError(message, reason="sdk_unusable") from None


def frame_of(rows: list[Row]) -> Any:
    """Return *rows* as the data frame that the SDK takes."""
    return importlib.import_module("pandas").DataFrame(rows)


def trace_annotations(rows: list[Row]) -> dict[str, Any]:
    """Return *rows* as the arguments by which `spans.annotate` annotates traces."""
    types = importlib.import_module("arize.spans.types")
    annotations = [
        types.AnnotateRecordInput(
            record_id=row[SPAN_ID],
            values=[types.AnnotationInput(**{name: value for name, value in row.items() if name != SPAN_ID})],
        )
        for row in rows
    ]
    return {"annotations": annotations, "granularity": types.RecordGranularity.TRACE}


def meaning_of(error: BaseException, excerpt: Callable[[str], str]) -> DeliveryError:
    """
    Return what an exception of the SDK means.

    Args:
        error: What a call raised; the SDK wraps what a server said.
        excerpt: Makes of what a server said what may be shown.
    """
    causes = list(_causes(error))
    return (
        next(filter(None, map(_of_rest, causes)), None)
        or next(filter(None, map(_of_flight, causes)), None)
        or _refused_by_the_sdk(error)
        or RetryableError(f"{type(causes[-1]).__name__}: {excerpt(str(causes[-1]))}")
    )


def _of_rest(error: BaseException) -> DeliveryError | None:
    """Return what an answer of the REST API means. A project that is not there yet has no span yet either."""
    arize = sys.modules["arize"]
    if isinstance(error, arize.NotFoundError):
        return SpanUnknownError("Arize knows no such project yet")
    if not isinstance(error, arize.ApiException) or not isinstance(error.status, int):
        return None
    if error.status == _NOT_FOUND:
        return SpanUnknownError("Arize knows no such trace")
    headers = error.headers or {}
    return http_error(error.status, headers.get("retry-after"), "")


def _of_flight(error: BaseException) -> DeliveryError | None:
    """Return what a Flight server's answer means, by its class: pyarrow has one for each status it knows."""
    pyarrow, flight = sys.modules["pyarrow"], sys.modules["pyarrow.flight"]
    name = type(error).__name__
    if isinstance(error, flight.FlightUnauthenticatedError | flight.FlightUnauthorizedError):
        return RetryableError(f"{name}: Arize refuses the api_key or the space_id", open_breaker=True)
    if name == "RecordBatchTooLargeError":
        return PermanentError(f"{name}: the feedback is too large for Arize", reason="too_large")
    if isinstance(error, pyarrow.ArrowInvalid | pyarrow.ArrowKeyError | pyarrow.ArrowNotImplementedError):
        return PermanentError(f"{name}: Arize refused the feedback")
    return None


def _refused_by_the_sdk(error: BaseException) -> DeliveryError | None:
    """Return what the SDK's own validation means; its errors are named, because their texts quote values."""
    found = getattr(error, "errors", None)
    if type(error).__name__ != "ValidationFailure" or not isinstance(found, list):
        return None
    return PermanentError(f"the arize SDK refused the feedback: {', '.join(type(each).__name__ for each in found)}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _settings(config: ArizeConfig, addresses: Addresses) -> dict[str, Any]:
    return {
        "api_key": config.api_key.get_secret_value() if config.api_key else "",
        "single_host": "",
        "single_port": 0,
        "base_domain": "",
        "request_verify": True,
        "ssl_ca_cert": str(config.ca_file) if config.ca_file else None,
        **_places(addresses),
    }


def _places(addresses: Addresses) -> dict[str, Any]:
    places: dict[str, Any] = {}
    if addresses.flight is not None:
        flight = addresses.flight
        places |= {"flight_scheme": flight.scheme, "flight_host": flight.host, "flight_port": flight.port}
    if addresses.api is not None:
        parts = urlsplit(addresses.api)
        places |= {"api_scheme": parts.scheme, "api_host": parts.hostname, "api_port": parts.port or 0}
        places["proxy_url"] = "" if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme, "")
    return places
