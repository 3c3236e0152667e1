"""
Arize on 127.0.0.1, for tests and demos: what takes spans, and what takes feedback.

    with ArizeReceiver(space_id="U3BhY2U6MQ==", api_key="key") as arize:
        ...                       # a sink with `endpoint: arize.http_endpoint`, or `arize.grpc_endpoint`
        arize.spans               # what arrived, decoded

They stand in for Arize AX on the wire, down to its refusal of a wrong key; for Phoenix there is Phoenix.
`fanlight_arize.flight_receiver` has the one that takes feedback by Flight; it needs the extra `sdk`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fanlight_arize.api_receiver import ArizeApi
from fanlight_otel.receiving import Signal
from fanlight_otel.testing import Fault, OtlpReceiver, ReceivedRequest, ReceivedSpan

__all__ = ["ArizeApi", "ArizeReceiver", "Fault", "ReceivedRequest", "ReceivedSpan"]

_REFUSED: Final = Fault(status=401, code="UNAUTHENTICATED", body="unknown api key or space")


class ArizeReceiver(OtlpReceiver):
    """
    Takes spans as Arize AX does, over HTTP and gRPC: from who shows the space's id and key.

    Args:
        space_id: The space's id.
        api_key: The key that may write to it.
        certificate: PEM files of a certificate and its key; both servers speak TLS then.
    """

    def __init__(self, *, space_id: str, api_key: str, certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__(certificate=certificate)
        self._space_id = space_id
        self._api_key = api_key

    def next_fault(self, signal: Signal, request: ReceivedRequest) -> Fault:
        """Note *request* and return what to do with it; a stranger is refused."""
        fault = super().next_fault(signal, request)
        return fault if self._knows(request.headers) else _REFUSED

    def projects(self) -> set[str]:
        """Return the projects that spans arrived for."""
        return {str(span.resource.get("openinference.project.name", "")) for span in self.spans}

    def _knows(self, headers: dict[str, str]) -> bool:
        key = headers.get("authorization") or headers.get("api_key")
        space = headers.get("arize-space-id") or headers.get("space_id")
        return (key, space) == (self._api_key, self._space_id)
