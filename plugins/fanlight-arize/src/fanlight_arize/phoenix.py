"""
Feedback to Phoenix: annotations of spans and traces, over its REST API.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final

from fanlight import DeliveryError, TelemetryEvent, __version__
from fanlight_arize.alone import send_or_each_alone
from fanlight_arize.config import ArizeConfig
from fanlight_arize.encode import phoenix_annotation
from fanlight_arize.patience import SpanUnknownError
from fanlight_arize.spans import credentials, written_headers
from fanlight_otel.classify import HttpRefusedError
from fanlight_otel.http_client import HttpClient

# Synchronous: the answer then says whether Phoenix knows the span, and that the annotation is stored.
_SPANS: Final = "/v1/span_annotations?sync=true"
_TRACES: Final = "/v1/trace_annotations?sync=true"
_NOT_FOUND: Final = 404


class PhoenixFeedback:
    """
    Posts annotations.

    Args:
        config: The sink's settings.
        api: The base URL of Phoenix.
        excerpt: Makes of what a server said what may be shown.
    """

    def __init__(self, config: ArizeConfig, api: str, excerpt: Callable[[str], str]) -> None:
        self._api = api
        headers = {
            "user-agent": f"fanlight-arize/{__version__}",
            **credentials(config),
            **written_headers(config),
            "content-type": "application/json",
        }
        self._client = HttpClient(
            api,
            headers=headers,
            excerpt=excerpt,
            ca_file=config.ca_file,
            cert_file=config.cert_file,
            key_file=config.key_file,
        )

    def deliver(self, events: Sequence[TelemetryEvent], deadline: float) -> dict[str, DeliveryError]:
        """Annotate what *events* are about until *deadline*, and return by event id why some are not stored."""
        about: dict[str, list[TelemetryEvent]] = {"run": [], "trace": []}
        for event in events:
            about[event.feedback.target if event.feedback else "run"].append(event)
        return {
            **send_or_each_alone(about["run"], self._annotate_spans, deadline),
            **send_or_each_alone(about["trace"], self._annotate_traces, deadline),
        }

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _annotate_spans(self, events: Sequence[TelemetryEvent], timeout: float) -> dict[str, DeliveryError]:
        return self._post(_SPANS, events, timeout)

    def _annotate_traces(self, events: Sequence[TelemetryEvent], timeout: float) -> dict[str, DeliveryError]:
        return self._post(_TRACES, events, timeout)

    def _post(self, path: str, events: Sequence[TelemetryEvent], timeout: float) -> dict[str, DeliveryError]:
        body = json.dumps({"data": [phoenix_annotation(event) for event in events]}).encode()
        try:
            self._client.post(self._api + path, body, timeout)
        except HttpRefusedError as error:
            if error.status != _NOT_FOUND:
                raise
            raise SpanUnknownError("Phoenix knows no such span or trace") from None
        return {}
