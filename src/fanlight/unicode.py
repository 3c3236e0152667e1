"""Text that UTF-8 can say, which is what JSON, RE2 and protobuf take."""

from __future__ import annotations


def encodable(text: str) -> str:
    """Return *text* with lone surrogates replaced by `?`; what a model or a broken decoder returned may hold some."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
