"""Captured record → wire: the only step after capture that needs LangChain's objects."""

from __future__ import annotations

from typing import Any

import msgspec
from handover_capture import snapshot
from handover_work import DECODER, Wire
from pydantic import BaseModel


def tagged(value: Any) -> Any:
    """
    `enc_hook`: a LangChain (pydantic) object becomes its fields and its class's name; anything else its repr.

    Always a private copy: msgspec walks containers by C pointers, and one that another thread changes while a hook
    runs is a corrupt message or a segmentation fault (both seen with msgspec 0.22).
    """
    if isinstance(value, BaseModel):
        return {"$": type(value).__name__, **snapshot(value.__dict__)}
    if isinstance(value, str):
        return str.__str__(value)
    return {"$": type(value).__name__, "repr": repr(value)[:1000]}


def plain(value: Any) -> Any:
    """The same conversion in Python, for the router that never encodes."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if type(value) is dict:
        return {str(key): plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [plain(item) for item in value]
    return plain(tagged(value))


ENCODER = msgspec.msgpack.Encoder(enc_hook=tagged, uuid_format="bytes")
ONE = msgspec.msgpack.Decoder(Wire)


def plain_record(kind: Any, mono: Any, wall: Any, run_id: Any, parent: Any, args: Any, kwargs: Any) -> tuple[Any, ...]:
    return kind, mono, wall, run_id, parent, plain(args), plain(kwargs)


def by_python(records: list[Any]) -> list[Wire]:
    return [Wire(*plain_record(*record)) for record in records]


def by_wire(records: list[Any]) -> list[Wire]:
    """Encode and decode again: the worker's path, without the socket."""
    return DECODER.decode(ENCODER.encode(records))


def by_decoding(records: list[bytes]) -> list[Wire]:
    """For records that the caller's thread encoded."""
    return [ONE.decode(record) for record in records]


def joined(records: list[bytes]) -> bytes:
    """Records already encoded, as one msgpack array: a header and the bytes as they are."""
    return b"\xdc" + len(records).to_bytes(2, "big") + b"".join(records)
