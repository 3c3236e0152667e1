"""
What a receiver's answer means for the batch: the OTLP specification's table, as exceptions.
"""

from __future__ import annotations

import json
import math
import time
from email.utils import parsedate_to_datetime
from http.client import BadStatusLine
from typing import Final

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from fanlight import DeliveryError, PermanentError, RetryableError

_SETTINGS: Final = "\x04"
"""The type of that frame; it stands behind three bytes of length."""
_BUSY: Final = frozenset({408, 425, 429})
_LOCKED_OUT: Final = frozenset({401, 403})
_GRPC_BUSY: Final = frozenset({"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"})
_GRPC_LOCKED_OUT: Final = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})


class HttpRefusedError(PermanentError):
    """An HTTP answer that will not change, and its status."""

    def __init__(self, message: str, *, status: int, reason: str = "rejected") -> None:
        super().__init__(message, reason=reason)
        self.status = status


def http_error(status: int, retry_after: str | None, said: str) -> DeliveryError:
    """
    Return what an HTTP answer means that is no success.

    Args:
        status: The answer's status.
        retry_after: Its `Retry-After` header.
        said: An excerpt of its body that may be shown.
    """
    message = f"HTTP {status}" + (f": {said}" if said else "")
    if status in _LOCKED_OUT:
        return RetryableError(message, open_breaker=True)
    if status in _BUSY or status >= 500:
        return RetryableError(message, retry_after=seconds_of(retry_after))
    if 300 <= status < 400:
        message += "; redirects are not followed, because the headers carry credentials"
    return HttpRefusedError(message, status=status, reason="too_large" if status == 413 else "rejected")


def speaks_http2(error: BaseException) -> bool:
    """Return whether *error* is that there came, for a status line, HTTP/2's first frame: this is how gRPC begins."""
    line = next((str(part) for part in error.args if isinstance(part, BadStatusLine)), "")
    return line.startswith("\0\0") and line[3:4] == _SETTINGS


def grpc_error(code: str, said: str, details: bytes | None) -> DeliveryError:
    """
    Return what a gRPC status other than OK means.

    Args:
        code: The status by its name, such as `UNAVAILABLE`.
        said: An excerpt of its message that may be shown.
        details: The `grpc-status-details-bin` metadata.
    """
    message = f"gRPC {code}" + (f": {said}" if said else "")
    if code in _GRPC_LOCKED_OUT:
        return RetryableError(message, open_breaker=True)
    delay = _retry_delay(details)
    # RESOURCE_EXHAUSTED is a full quota or a message that will always be too large; only a delay tells them apart.
    if code in _GRPC_BUSY or (code == "RESOURCE_EXHAUSTED" and delay is not None):
        return RetryableError(message, retry_after=delay)
    return PermanentError(message, reason="too_large" if code == "RESOURCE_EXHAUSTED" else "rejected")


def seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds that a `Retry-After` header asks for: a number, or a date from now; `None` if neither."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _until(retry_after)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def status_message(body: bytes) -> str:
    """
    Return what a body says: the message of a `google.rpc.Status`, in protobuf or JSON, or the plain text it is.

    Other JSON stays unread: a validating server answers with what it was sent, and that is what people said.
    """
    try:
        message = Status.FromString(body).message
    except DecodeError:
        message = ""
    return message or _json_or_text(body)


def _json_or_text(body: bytes) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
    texts = [said.get(key) for key in ("message", "error")] if isinstance(said, dict) else []
    return next((text for text in texts if isinstance(text, str)), "")


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return math.nan


def _retry_delay(details: bytes | None) -> float | None:
    if not details:
        return None
    info = RetryInfo()
    try:
        packed = Status.FromString(details).details
        found = any(detail.Is(RetryInfo.DESCRIPTOR) and detail.Unpack(info) for detail in packed)
    except DecodeError:
        return None
    return max(0.0, info.retry_delay.ToTimedelta().total_seconds()) if found else None
