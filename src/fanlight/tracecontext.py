"""
W3C Trace Context: positions in a trace, and the rule by which runs get their span ids.
"""

from __future__ import annotations

import hashlib
import re
import sys
from typing import Final
from uuid import UUID

TRACEPARENT: Final = "traceparent"

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


def parse_traceparent(value: str | None) -> tuple[str, str, int] | None:
    """Return trace id, span id and flags of a W3C traceparent, or `None` where it is not a valid one."""
    match = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1] == "ff" or not int(match[2], 16) or not int(match[3], 16):
        return None
    return match[2], match[3], int(match[4], 16)


def span_id_of(run_id: UUID) -> str:
    """Return the span id of a run: the first 8 bytes of SHA-256 over its 16 bytes, as 16 hex digits."""
    return hashlib.sha256(run_id.bytes).hexdigest()[:16]


def otel_traceparent() -> str | None:
    """Return the caller's OpenTelemetry position, if OpenTelemetry is loaded and has one. Never imports it."""
    module = sys.modules.get("opentelemetry.trace")
    if module is None:
        return None
    try:
        span = module.get_current_span().get_span_context()
        return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}" if span.is_valid else None
    except Exception:  # a half-imported or foreign OpenTelemetry must not cost the application its request
        return None
