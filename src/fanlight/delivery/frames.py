"""
Messages over a socket: MessagePack, each behind its length.
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any, Final, Generic, TypeVar

import msgspec

MAX_BYTES: Final = 1024**3
"""A length beyond this is not fanlight's."""
_LENGTH: Final = struct.Struct("!I")
_NO_SIGNAL: Final = getattr(socket, "MSG_NOSIGNAL", 0)
"""Else SIGPIPE would end an application that leaves it at its default, as command line tools do."""

Incoming = TypeVar("Incoming")


class Channel(Generic[Incoming]):
    """
    One end of the connection.

    Args:
        connection: A connected stream socket.
        incoming: The type of what the other end sends.
    """

    def __init__(self, connection: socket.socket, incoming: Any) -> None:
        self._connection: Final = connection
        self._decoder: Final = msgspec.msgpack.Decoder(incoming)
        self._encoder: Final = msgspec.msgpack.Encoder()
        self._lock: Final = threading.Lock()

    def send(self, message: msgspec.Struct) -> None:
        """Send *message*, whole, from any thread; OSError where nobody is there any more."""
        frame = bytearray()
        self._encoder.encode_into(message, frame, _LENGTH.size)
        _LENGTH.pack_into(frame, 0, len(frame) - _LENGTH.size)
        with self._lock:
            self._connection.sendall(frame, _NO_SIGNAL)

    def receive(self) -> Incoming | None:
        """Return the next message; `None` where the other end is gone."""
        head = self._read(_LENGTH.size)
        if head is None:
            return None
        (length,) = _LENGTH.unpack(head)
        if length > MAX_BYTES:
            raise msgspec.DecodeError("the message is too long")
        body = self._read(length)
        return None if body is None else self._decoder.decode(body)

    def _read(self, length: int) -> bytearray | None:
        data = bytearray(length)
        view, filled = memoryview(data), 0
        while filled < length:
            count = self._connection.recv_into(view[filled:])
            if count == 0:
                return None
            filled += count
        return data
