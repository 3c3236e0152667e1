"""
Cutting long text and describing what is not text, so that the whole can still be recognised.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, Final

_LOOK_BACK: Final = 4096
"""How far back a cut looks for a gap, in characters."""
_GAPS: Final = " \n\t\r\"'`<>"
_DATA_URI: Final = re.compile(r"data:([\w/.+-]{0,80})(?:;[\w=.-]{1,80}){0,3};base64,([A-Za-z0-9+/_-]{64,}={0,2})")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\-\r\n]+={0,2}")


def digest(data: bytes | bytearray | memoryview, key: bytes) -> str:
    """Return the keyed BLAKE2 of *data* as 32 hex digits."""
    return blake2b(data, digest_size=16, key=key).hexdigest()


def head(data: bytes, limit: int) -> str:
    """
    Return the beginning of UTF-8 *data* in at most *limit* bytes, ending at a gap between words where there is one.

    A word that the cut would split is left out whole: half a secret is still a secret, but no detector knows it.
    """
    text = data[:limit].decode("utf-8", "ignore")
    gap = max(text.rfind(character, len(text) - min(_LOOK_BACK, len(text))) for character in _GAPS)
    return text[: gap + 1] if gap >= 0 else text


def looks_like_base64(text: str) -> bool:
    """Whether *text* is long and begins as base64 would."""
    return len(text) > 256 and _BASE64.fullmatch(text, 0, 256) is not None


def decoded_size(encoded: str) -> int:
    """Return how many bytes base64 *encoded* stands for."""
    return len(encoded) * 3 // 4 - encoded.count("=", -2)


def describe_binary(size: int, mark: str, mime_type: str | None = None) -> dict[str, Any]:
    """Return what stands in for binary content of *size* bytes with digest *mark*."""
    return {"bytes": size, "digest": mark} if not mime_type else {"mime_type": mime_type, "bytes": size, "digest": mark}


def split_data_uri(text: str) -> tuple[str, str] | None:
    """Return the MIME type and the base64 of a text that is one data URI."""
    if not text.startswith("data:"):
        return None
    header, comma, _ = text[:256].partition(",")
    if not comma or not header.endswith(";base64"):
        return None
    return header[5:].partition(";")[0], text[len(header) + 1 :]


def without_data_uris(text: str, key: bytes) -> str:
    """Return *text* with each data URI inside it replaced by its type, size and digest."""

    def described(match: re.Match[str]) -> str:
        encoded = match[2]
        mark = digest(encoded.encode(), key)
        return f"<{match[1] or 'data'}, {decoded_size(encoded)} bytes, {mark}>"

    return _DATA_URI.sub(described, text)
