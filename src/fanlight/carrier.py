"""
Context and position across processes: in HTTP headers, in a message, in any dict of texts.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote

from fanlight.context import ContextValues, context, current
from fanlight.tracecontext import TRACEPARENT, otel_traceparent

CARRIER_KEY: Final = "fanlight-context"

_EMPTY: Final = ContextValues()
_MAX_CARRIER_BYTES: Final = 8192


class RunPositions(Protocol):
    """Knows where in a trace the calling code is."""

    def current_traceparent(self) -> str | None:
        """Return the W3C position of the LangChain run that this code is called from."""
        ...


def inject(carrier: MutableMapping[str, str]) -> MutableMapping[str, str]:
    """
    Write the current position and context into *carrier* (HTTP headers, a celery message, a dict) and return it.

    Writes `traceparent` when there is a position: the LangChain run this is called from, else the caller's
    OpenTelemetry span, else what this context joined. Context values go into `fanlight-context`, as quoted JSON of
    at most 8 KiB; they are not secret from the receiver.
    """
    values = current() or _EMPTY
    position = current_run_traceparent() or otel_traceparent() or values.traceparent
    if position:
        carrier[TRACEPARENT] = position
    encoded = _encode(_portable(values))
    if encoded and len(encoded) <= _MAX_CARRIER_BYTES:
        carrier[CARRIER_KEY] = encoded
    return carrier


def extract(carrier: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None, *, trusted: bool = True) -> context:
    """
    Return the context that `inject` wrote into *carrier*, to be entered with `with`.

    Header names match in any case. What is missing or malformed is ignored: a request never fails for its telemetry.

    Args:
        carrier: Headers as a mapping or as pairs, texts or bytes; `None` for a message without headers.
        trusted: Whether the sender may say who the user and the tenant are. At a public edge say `False`: then only
            the position in the trace is taken over, and nobody chooses the tenant that residency rules see.
    """
    lowered = _headers(carrier)
    fields = _decode(lowered.get(CARRIER_KEY)) if trusted else {}
    return context(
        user_id=_text(fields.get("user_id")),
        session_id=_text(fields.get("session_id")),
        tenant_id=_text(fields.get("tenant_id")),
        environment=_text(fields.get("environment")),
        tags=[tag for tag in _items(fields.get("tags")) if isinstance(tag, str)],
        metadata=fields["metadata"] if isinstance(fields.get("metadata"), dict) else {},
        traceparent=_text(lowered.get(TRACEPARENT)),
    )


def _headers(carrier: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None) -> dict[str, Any]:
    try:
        pairs = carrier.items() if isinstance(carrier, Mapping) else carrier or ()
        return {(_text(name) or "").lower(): value for name, value in pairs}
    except Exception:  # not pairs at all
        return {}


def _portable(values: ContextValues) -> dict[str, Any]:
    names = ("user_id", "session_id", "tenant_id", "environment", "tags", "metadata")
    return {name: value for name in names if (value := getattr(values, name))}


def _encode(fields: dict[str, Any]) -> str:
    try:
        return quote(json.dumps(fields, separators=(",", ":"), default=str), safe="") if fields else ""
    except Exception:  # metadata that no JSON can hold must not cost the application its request
        return ""


def _decode(value: object) -> dict[str, Any]:
    text = _text(value)
    if text is None or len(text) > _MAX_CARRIER_BYTES:
        return {}
    try:
        fields = json.loads(unquote(text))
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


_run_positions: Final[weakref.WeakSet[RunPositions]] = weakref.WeakSet()
"""Who knows the current run's position: the capture side, since this floor knows no LangChain."""


def current_run_traceparent() -> str | None:
    """Return the position of the LangChain run that this code is called from, or `None` outside of one."""
    return next((found for positions in list(_run_positions) if (found := positions.current_traceparent())), None)


def register_run_positions(positions: RunPositions) -> None:
    """Let `inject` ask *positions* for the current run's traceparent, for as long as it lives."""
    _run_positions.add(positions)
