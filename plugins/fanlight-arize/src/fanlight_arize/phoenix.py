"""
Feedback to Phoenix: annotations of spans and traces, over its REST API.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from fanlight import TelemetryEvent, __version__
from fanlight_arize.alone import Fates, send_or_each_alone
from fanlight_arize.config import ArizeConfig
from fanlight_arize.encode import encoded, phoenix_annotation
from fanlight_arize.patience import SpanUnknownError
from fanlight_arize.spans import credentials, written_headers
from fanlight_otel.classify import HttpRefusedError
from fanlight_otel.http_client import HttpClient

# Synchronous: the answer then says whether Phoenix knows the span, and that the annotation is stored.
_PATHS: Final = {"run": "/v1/span_annotations?sync=true", "trace": "/v1/trace_annotations?sync=true"}
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

    def deliver(self, events: Sequence[TelemetryEvent], deadline: float) -> Fates:
        """Annotate what *events* are about until *deadline*, and return by event id why some are not stored."""
        annotations, fates = encoded(events, _annotation)
        for target, path in _PATHS.items():
            about = [event for event in events if event.event_id in annotations and _is_about(event, target)]
            fates |= send_or_each_alone(about, partial(self._post, path, annotations), deadline)
        return fates

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(
        self, path: str, annotations: Mapping[str, str], events: Sequence[TelemetryEvent], timeout: float
    ) -> Fates:
        chosen = ", ".join(annotations[event.event_id] for event in events)
        try:
            self._client.post(self._api + path, f'{{"data": [{chosen}]}}'.encode(), timeout)
        except HttpRefusedError as error:
            if error.status != _NOT_FOUND:
                raise
            raise SpanUnknownError("Phoenix knows no such span or trace") from None
        return {}


def _annotation(event: TelemetryEvent) -> str:
    return json.dumps(phoenix_annotation(event), allow_nan=False)


def _is_about(event: TelemetryEvent, target: str) -> bool:
    return event.feedback is not None and event.feedback.target == target
