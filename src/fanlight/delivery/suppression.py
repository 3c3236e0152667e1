"""
A sink's own work leaves no telemetry: neither fanlight's nor OpenTelemetry's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from fanlight.context import suppress

_PLAIN_KEY: Final = "suppress_instrumentation"
"""What instrumentations look for beside the private keys of the API."""
_PRIVATE_KEYS: Final = ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")


@contextmanager
def suppressed() -> Iterator[None]:
    """
    Capture nothing of what starts inside, and ask OpenTelemetry's instrumentations to do the same.

    OpenTelemetry is only asked where it is loaded; it is never imported. Enter and leave it on one thread.
    """
    with suppress():
        otel = sys.modules.get("opentelemetry.context")
        token = _attach(otel)
        try:
            yield
        finally:
            _detach(otel, token)


def _attach(otel: Any) -> Any:
    try:
        keys = (_PLAIN_KEY, *(getattr(otel, name) for name in _PRIVATE_KEYS if hasattr(otel, name)))
        context = otel.get_current()
        for key in keys:
            context = otel.set_value(key, True, context)
        return otel.attach(context)
    except Exception:  # absent, half imported or foreign: then there is nothing to suppress
        return None


def _detach(otel: Any, token: Any) -> None:
    if token is not None:
        otel.detach(token)
