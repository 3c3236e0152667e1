"""
Copies of what the application may still change, made in its thread and bounded in depth and width.

Containers (dict and its kinds in the standard library and LangChain, list, tuple, set) are copied; leaves and message
objects are taken by reference, and so is a container of the application's own class, so a mutation inside one of them
after the callback may show. The copy also estimates bytes, because this is the one walk over the data
that the caller's thread pays for.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

import msgspec
from langchain_core.outputs import LLMResult
from langchain_core.runnables.utils import AddableDict

from fanlight.capture.sizes import leaf_size

MAX_DEPTH: Final = 20
"""Containers nested deeper are left out; a `Cut` without content stands in their place."""
MAX_WIDTH: Final = 1000
"""Containers longer than this are cut to it; the copy is then a `Cut`."""
MAX_ITEMS: Final = 10_000
"""Items in all containers together; those that come after are left out like those that are too deep."""


class Cut(msgspec.Struct, frozen=True):
    """
    What stands in for a container that was too wide, too deep or too late to copy.

    None of these containers stays in a record alive: the router thread would walk it while it changes.
    """

    kept: Any
    """Its first items in the container's own type; `None` where none of it was copied."""
    length: int
    """How many items the container had."""


class Choice(msgspec.Struct, frozen=True):
    """One of a model's answers; the message is the application's own."""

    text: str
    message: Any = None
    generation_info: dict[str, Any] | None = None


class Answer(msgspec.Struct, frozen=True):
    """
    What a model answered, as it was when it did.

    LangChain's memory cache keeps the very generations that it gave out, and on a hit puts other messages in them: by
    reference, a first answer would change under the router into a cached one.
    """

    generations: list[list[Choice]]
    llm_output: dict[str, Any] | None = None


def snapshot(value: Any, sizes: list[int]) -> Any:
    """
    Return *value* with its containers copied.

    Args:
        value: What the callback was given.
        sizes: Grows by the length of each text seen; its first entry counts the items in containers. Begin with `[0]`.
    """
    copy = _COPY.get(value.__class__)
    if copy is not None:
        return copy(value, MAX_DEPTH, sizes)
    sizes.append(leaf_size(value))
    return value


def own(kwargs: dict[str, Any], sizes: list[int]) -> dict[str, Any]:
    """Return *kwargs*, which are nobody else's, with the containers in them copied."""
    for key, value in kwargs.items():
        kind = value.__class__
        if kind is str or value is None:
            continue
        if key == "tags":  # a list of texts, there in every callback
            kwargs[key] = list(value)
        elif (copy := _COPY.get(kind)) is not None:
            kwargs[key] = copy(value, MAX_DEPTH, sizes) if value else kind()
    return kwargs


def _text(value: str, _depth: int, sizes: list[int]) -> str:
    sizes.append(len(value))
    return value


def _dict(value: dict[Any, Any], depth: int, sizes: list[int]) -> Any:
    length = len(value)
    sizes[0] += length
    if not depth or length > MAX_WIDTH or sizes[0] > MAX_ITEMS:
        return _cut_dict(value, depth, sizes)
    result = value.copy()
    for key, item in result.items():
        kind = item.__class__
        if kind is str:
            sizes.append(len(item))
        elif kind in _CONSTANTS:
            continue
        elif (copy := _COPY.get(kind)) is not None:
            result[key] = copy(item, depth - 1, sizes)
        else:
            sizes.append(leaf_size(item))
    return result


def _cut_dict(value: dict[Any, Any], depth: int, sizes: list[int]) -> Cut:
    length = len(value)
    sizes[0] -= length
    if not depth or sizes[0] + min(length, MAX_WIDTH) > MAX_ITEMS:
        return Cut(None, length)
    return Cut(_dict(dict(islice(list(value.items()), MAX_WIDTH)), depth, sizes), length)


def _items(value: Iterable[Any], depth: int, sizes: list[int]) -> list[Any]:
    result = []
    for item in value:
        copy = _COPY.get(item.__class__)
        if copy is None:
            sizes.append(leaf_size(item))
            result.append(item)
        else:
            result.append(copy(item, depth - 1, sizes))
    return result


def _list(value: list[Any], depth: int, sizes: list[int]) -> Any:
    length = len(value)
    if length > MAX_WIDTH:
        return Cut(_list(value[:MAX_WIDTH], depth, sizes), length)
    sizes[0] += length
    return _items(value, depth, sizes) if depth and sizes[0] <= MAX_ITEMS else Cut(None, length)


def _tuple(value: tuple[Any, ...], depth: int, sizes: list[int]) -> Any:
    length = len(value)
    if length > MAX_WIDTH:
        return Cut(_tuple(value[:MAX_WIDTH], depth, sizes), length)
    sizes[0] += length
    return tuple(_items(value, depth, sizes)) if depth and sizes[0] <= MAX_ITEMS else Cut(None, length)


def _set(value: set[Any] | frozenset[Any], _depth: int, _sizes: list[int]) -> Any:
    if len(value) > MAX_WIDTH:
        return Cut(frozenset(islice(value, MAX_WIDTH)), len(value))
    return frozenset(value)


def _bytes(value: bytes, _depth: int, sizes: list[int]) -> bytes:
    sizes.append(len(value))
    return value


def _answer(value: LLMResult, _depth: int, sizes: list[int]) -> Answer:
    sizes.append(leaf_size(value))
    choices = [
        [Choice(choice.text, getattr(choice, "message", None), choice.generation_info) for choice in row]
        for row in value.generations
    ]
    return Answer(choices, value.llm_output)


_CONSTANTS: Final = frozenset({int, float, bool, type(None)})
_COPY: Final[dict[type, Any]] = {
    str: _text,
    bytes: _bytes,
    dict: _dict,
    AddableDict: _dict,
    OrderedDict: _dict,
    defaultdict: _dict,
    list: _list,
    tuple: _tuple,
    set: _set,
    frozenset: _set,
    LLMResult: _answer,
}
