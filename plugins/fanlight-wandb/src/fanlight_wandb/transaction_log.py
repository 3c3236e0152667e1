"""
The transaction log of a W&B run: the `.wandb` file, read while wandb-core writes it.

What stands in this file reaches the server, now or by a later `wandb sync`; it is what "delivered" means here. The
file is LevelDB's log format with W&B's own header: blocks of 32 KiB, each of chunks, a record being one chunk or
several.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_HEADER: Final = struct.Struct("<4sHB")
_MAGIC: Final = (b":W&B", 0xBEE1, 0)
_CHUNK: Final = struct.Struct("<IHB")
_BLOCK: Final = 32 * 1024
_PADDING, _FULL, _FIRST, _MIDDLE, _LAST = range(5)


class CorruptLogError(Exception):
    """A transaction log that cannot be read beyond one place: a wrong header, checksum or order of chunks."""


@dataclass(frozen=True)
class _Chunk:
    kind: int
    body: bytes
    end: int
    """Where the next chunk begins."""


class TransactionLog:
    """
    Reads the records of one `.wandb` file, each once, as they come to stand on disk.

    Args:
        path: The file. It may not exist yet; it has no records then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0

    def read_new(self) -> list[Any]:
        """
        Return the records that became complete since the last call, as `wandb_internal_pb2.Record`.

        A record of which only the beginning is on disk yet is returned by a later call.

        Raises:
            CorruptLogError: the file is no transaction log, or is damaged where the next record should stand; the
                records before the damage have been returned.
        """
        # The import costs seconds and belongs to who opened a run, or reads one.
        from wandb.proto import wandb_internal_pb2  # noqa: PLC0415

        messages: Any = wandb_internal_pb2
        return [messages.Record.FromString(body) for body in self.read_new_bytes()]

    def read_new_bytes(self) -> list[bytes]:
        """Like `read_new`, each record as it stands in the file."""
        records: list[bytes] = []
        try:
            for body, end in self._complete_records():
                records.append(body)
                self._position = end
        except CorruptLogError:
            if not records:
                raise
        return records

    def _complete_records(self) -> Iterator[tuple[bytes, int]]:
        parts: list[bytes] = []
        for chunk in self._chunks():
            if (chunk.kind in (_FULL, _FIRST)) != (not parts):
                raise CorruptLogError(f"{self.path}: a chunk out of order before byte {chunk.end}")
            parts.append(chunk.body)
            if chunk.kind in (_FULL, _LAST):
                yield b"".join(parts), chunk.end
                parts = []

    def _chunks(self) -> Iterator[_Chunk]:
        start = self._position
        data = self._read_from(start)
        at = start or self._check_header(data)
        while chunk := self._chunk_at(data, at, start):
            at = chunk.end
            if chunk.kind != _PADDING:
                yield chunk

    def _read_from(self, position: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(position)
                return file.read()
        except FileNotFoundError:
            return b""

    def _check_header(self, data: bytes) -> int:
        if len(data) >= _HEADER.size and _HEADER.unpack_from(data) != _MAGIC:
            raise CorruptLogError(f"{self.path}: expected a W&B transaction log, found another kind of file")
        return _HEADER.size

    def _chunk_at(self, data: bytes, at: int, start: int) -> _Chunk | None:
        at = _next_header(at)
        body_at = at - start + _CHUNK.size
        if body_at > len(data):
            return None
        checksum, length, kind = _CHUNK.unpack_from(data, at - start)
        body = data[body_at : body_at + length]
        if len(body) < length:
            return None
        if kind > _LAST or (kind != _PADDING and zlib.crc32(bytes([kind]) + body) != checksum):
            if body_at + length == len(data):
                return None  # The last bytes may still be on their way to the disk.
            raise CorruptLogError(f"{self.path}: damaged at byte {at}")
        return _Chunk(kind, body, at + _CHUNK.size + length)


def _next_header(at: int) -> int:
    """The place of the next chunk's header: a block's last bytes are left empty if they cannot hold one."""
    left = _BLOCK - at % _BLOCK
    return at + left if left < _CHUNK.size else at
