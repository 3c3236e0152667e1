"""
How many bytes a LangChain object roughly holds, without copying or encoding it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult

from fanlight.capture.vectors import Vectors

_MAX_KINDS: Final = 1024
OPAQUE: Final = 64
"""Counted for an object that nothing is known of."""


def leaf_size(value: Any) -> int:
    """Return an estimate for one object that is not a container."""
    kind = value.__class__
    measure = _MEASURES.get(kind)
    if measure is None:
        if len(_MEASURES) >= _MAX_KINDS:  # an application that makes classes as it goes must not fill the memory
            _MEASURES.clear()
        measure = _MEASURES[kind] = _measure_for(kind)
    return measure(value)


def _measure_for(kind: type) -> Callable[[Any], int]:
    if issubclass(kind, BaseMessage):
        return _message
    if issubclass(kind, Document):
        return _document
    if issubclass(kind, LLMResult):
        return _result
    if issubclass(kind, Vectors):
        return _vectors
    return _text if issubclass(kind, str | bytes) else _opaque


def _opaque(_value: Any) -> int:
    return OPAQUE


def _text(value: Any) -> int:
    return len(value)


def _document(value: Any) -> int:
    return len(value.page_content)


def _message(value: Any) -> int:
    content = value.content
    if content.__class__ is str:
        return len(content)
    return sum(_block(block) for block in content) if isinstance(content, list) else _text_of(content)


def _text_of(content: Any) -> int:
    return len(content) if isinstance(content, str) else OPAQUE


def _block(block: Any) -> int:
    if not isinstance(block, dict):
        return _text_of(block)
    total = 0
    for value in block.values():
        if isinstance(value, str | bytes):
            total += len(value)
        elif isinstance(value, dict):  # {"image_url": {"url": "data:..."}} is where the megabytes are
            total += sum(len(inner) for inner in value.values() if isinstance(inner, str | bytes))
    return total


def _vectors(value: Any) -> int:
    size: int = value.size
    return size


def _result(value: Any) -> int:
    return sum(len(generation.text) for generations in value.generations for generation in generations)


_MEASURES: Final[dict[type, Callable[[Any], int]]] = {}
