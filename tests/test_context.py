"""What `fanlight.context` says holds where it should and nowhere else, in whatever order contexts are left."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import fanlight
from fanlight.carrier import CARRIER_KEY
from fanlight.context import current


def _user() -> str | None:
    values = current()
    return values.user_id if values else None


def _stream(user: str) -> Iterator[str | None]:
    with fanlight.context(user_id=user):
        yield _user()
        yield _user()


def test_generators_that_end_in_any_order_leave_nothing_behind() -> None:
    """Two streams that are open side by side and end oldest first: afterwards nobody's user holds."""
    first, second = _stream("a"), _stream("b")
    next(first), next(second)
    list(first)
    assert _user() == "b"
    list(second)

    assert current() is None


def test_the_middle_one_is_left_first() -> None:
    """What is left in the middle takes only itself away."""
    a, b, c = (fanlight.context(user_id=user) for user in "abc")
    for entered in (a, b, c):
        entered.__enter__()
    b.__exit__(None, None, None)
    assert _user() == "c"
    c.__exit__(None, None, None)
    assert _user() == "a"
    a.__exit__(None, None, None)

    assert current() is None


def test_leaving_in_another_execution_context_is_harmless() -> None:
    """A context that is left where it was not entered changes nothing there."""
    entered = fanlight.context(user_id="a")
    contextvars.copy_context().run(entered.__enter__)
    with fanlight.context(user_id="b"):
        entered.__exit__(None, None, None)
        assert _user() == "b"

    assert current() is None


async def test_one_context_shared_by_tasks() -> None:
    """The same object entered by two tasks at once: each is out of it when it has left it."""
    shared, both = fanlight.context(user_id="a"), asyncio.Barrier(2)

    async def work() -> tuple[str | None, str | None]:
        with shared:
            await both.wait()
            inside = _user()
            await both.wait()
        return inside, _user()

    assert await asyncio.gather(work(), work()) == [("a", None), ("a", None)]


async def test_what_was_started_inside_keeps_the_values() -> None:
    """A task that outlives the block it was started in still belongs to its user."""
    left = asyncio.Event()

    async def work() -> str | None:
        await left.wait()
        with fanlight.context(session_id="s"):
            pass
        return _user()

    with fanlight.context(user_id="a"):
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
    left.set()

    assert await task == "a"


async def test_an_async_generator_closed_elsewhere() -> None:
    """A streaming response that another task closes raises nothing."""

    async def stream() -> AsyncIterator[str | None]:
        with fanlight.context(user_id="a"):
            yield _user()
            yield _user()

    response = stream()
    assert await asyncio.create_task(anext(response)) == "a"  # type: ignore[arg-type]
    await response.aclose()  # type: ignore[attr-defined]

    assert current() is None


def test_suppression_ends_where_its_block_ends() -> None:
    """A context entered inside `suppress` and left after it does not keep it in force."""
    silence, inner = fanlight.suppress(), fanlight.context(user_id="a")
    silence.__enter__()
    inner.__enter__()
    silence.__exit__(None, None, None)
    inner.__exit__(None, None, None)

    assert current() is None


def test_ids_of_any_kind_are_text() -> None:
    """A number as user and as tag is what a rule that names it as text matches."""
    with fanlight.context(user_id=42, tags=["vip", 7]):  # type: ignore[arg-type,list-item]
        values = current()

    assert values is not None
    assert (values.user_id, values.tags) == ("42", ("vip", "7"))


class _Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")


def _cycle() -> dict[str, Any]:
    knot: dict[str, Any] = {}
    knot["knot"] = knot
    return knot


@pytest.mark.parametrize("metadata", [{("a", "b"): 1}, {"x": _Unspeakable()}, _cycle()], ids=["key", "str", "cycle"])
def test_injecting_what_no_json_can_hold(metadata: dict[Any, Any]) -> None:
    """A request goes out without its context rather than not at all."""
    with fanlight.context(user_id="a", metadata=metadata):
        assert CARRIER_KEY not in fanlight.inject({})


def test_extracting_from_nothing() -> None:
    """A message queue that has no headers for a message says `None`."""
    with fanlight.extract(None):
        assert _user() is None
