"""
Any Python value as a JSON value of bounded size.

Nothing of the application runs in here but an exception's own `__str__`: no `__repr__`, no property, no iterator of
its own is ever called, because this is another thread, at another time, and a lazy object would load, lock or change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from fanlight.event import Truncation
from fanlight.normalize.containers import MAX_KEY
from fanlight.normalize.kinds import converter_for, converters
from fanlight.normalize.text import (
    decoded_size,
    describe_binary,
    digest,
    head,
    split_data_uri,
    without_data_uris,
)
from fanlight.unicode import encodable

MAX_DEPTH: Final = 20
"""Containers nested deeper are left out."""
MAX_NODES: Final = 10_000
"""Values in one field; more are left out."""
FIELD_BUDGET: Final = 16
"""A whole field may hold this many times the bytes of one text."""
_PLAIN: Final = 256
"""ASCII text up to this length needs no further look."""
_MAX_TRUNCATIONS: Final = 32


class Reader:
    """
    Reads the values of one event, and notes in `truncated` what it had to cut.

    Args:
        max_field_bytes: UTF-8 bytes that one text may have.
        digest_key: Key of the digests.
    """

    __slots__ = ("_field", "_key", "_limit", "_nodes", "_path", "_truncated", "bytes_left")

    def __init__(self, max_field_bytes: int, digest_key: bytes) -> None:
        self._limit = max_field_bytes
        self._key = digest_key
        self._truncated: list[Truncation] | None = None
        self._path: set[int] = set()
        self.begin("")

    @property
    def truncated(self) -> tuple[Truncation, ...]:
        """What was cut, in the order it was met; at most 32 entries."""
        return tuple(self._truncated or ())

    def begin(self, field: str) -> None:
        """Read for *field* from now on, with a new budget."""
        self._field = field
        self._nodes = MAX_NODES
        self.bytes_left = FIELD_BUDGET * self._limit

    def value(self, field: str, value: Any) -> Any:
        """Return *value* as the JSON value of *field*. Never raises, whatever it is."""
        self.begin(field)
        return self.read(value)

    def read(self, value: Any) -> Any:
        """Return *value* as a JSON value within what is left of the field's budget. Never raises."""
        kind = type(value)
        if kind is str and (size := len(value)) <= _PLAIN and size <= self.bytes_left and value.isascii():
            self.bytes_left -= size  # most values: not worth another call
            return value
        try:
            return (converters.get(kind) or converter_for(kind))(self, value)
        except Exception:  # whatever the application put there: one value is lost, never the event
            return f"<unreadable {kind.__name__}>"

    def text(self, value: str) -> str:
        """Return *value* as text that UTF-8 can encode, cut to its limit, without the data URIs in it."""
        size = len(value)
        if size <= _PLAIN and size <= self.bytes_left and value.isascii():
            self.bytes_left -= size
            return value
        return self._long_text(value)

    def text_or_binary(self, value: str) -> Any:
        """Return *value* as `text` does; a description where the whole of it is a data URI."""
        if len(value) > _PLAIN and (uri := split_data_uri(value)) is not None:
            return self.base64(uri[1], uri[0])
        return self.text(value)

    def binary(self, data: bytes | bytearray | memoryview, mime_type: str | None = None) -> dict[str, Any]:
        """Return what stands in for *data*: its size and digest."""
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        return describe_binary(size, digest(data, self._key), mime_type)

    def base64(self, encoded: str, mime_type: str | None = None) -> dict[str, Any]:
        """Return what stands in for binary content that came as base64; the digest is that of the base64."""
        return describe_binary(decoded_size(encoded), digest(encoded.encode("utf-8", "replace"), self._key), mime_type)

    def key(self, key: Any, taken: dict[str, Any]) -> str:
        """Return *key* as a key that *taken* does not have yet."""
        if type(key) is not str:
            key = str.__str__(key) if isinstance(key, str) else _name_of(self.read(key))
        if len(key) > MAX_KEY:
            self.note(len(key.encode("utf-8", "replace")))
            key = key[:MAX_KEY] + "…"
        if not key.isascii():
            key = encodable(key)
        while key in taken:
            key += "'"
        return str(key)

    def take(self, items: Iterable[Any], count: int) -> Iterator[Any]:
        """Yield of *count* items as many as the field's budget allows; `left_out` says how many it did not."""
        allowed = min(count, self._nodes)
        self._nodes -= allowed
        return islice(items, allowed)

    def left_out(self, count: int, kept: int) -> int:
        """Return how many of *count* items were not kept, and note it where any were."""
        if kept < count:
            self.note(0)
        return max(count - kept, 0)

    def enter(self, value: object) -> str | None:
        """Go into a container; where that is not possible (a cycle, too deep), what to say instead."""
        mark = id(value)
        if mark in self._path:
            return "<cycle>"
        if len(self._path) >= MAX_DEPTH:
            self.note(0)
            return f"<{type(value).__name__}, too deep>"
        self._path.add(mark)
        return None

    def leave(self, value: object) -> None:
        """Come back out of a container."""
        self._path.discard(id(value))

    def note(self, original_bytes: int, mark: str | None = None, field: str | None = None) -> None:
        """Note that something of *original_bytes* (0 where nobody knows) was cut."""
        if self._truncated is None:
            self._truncated = []
        if len(self._truncated) < _MAX_TRUNCATIONS:
            self._truncated.append(Truncation(field=field or self._field, original_bytes=original_bytes, digest=mark))

    def _long_text(self, value: str) -> str:
        limit = min(self._limit, self.bytes_left)
        # Nothing is encoded that is sure to fit: a character has at most 4 bytes.
        if len(value) * 4 > limit and (len(value) > limit or not value.isascii()):
            data = value.encode("utf-8", "replace")
            if len(data) > limit:
                return self._cut(data, limit)
        value = encodable(value)
        if "base64," in value:
            value = without_data_uris(value, self._key)
        self.bytes_left = max(self.bytes_left - len(value), 0)
        return value

    def _cut(self, data: bytes, limit: int) -> str:
        noted = self._truncated is None or len(self._truncated) < _MAX_TRUNCATIONS
        self.note(len(data), digest(data, self._key) if noted else None)
        kept = without_data_uris(head(data, limit), self._key) if limit > 0 else ""
        self.bytes_left = max(self.bytes_left - len(kept), 0)
        return f"{kept}… [cut, {len(data)} bytes]"


def _name_of(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
