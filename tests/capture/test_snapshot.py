"""What the caller's thread copies, and how little it costs whatever is in it."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langchain_core.runnables.utils import AddableDict

from fanlight.capture.snapshot import MAX_DEPTH, MAX_ITEMS, MAX_WIDTH, Cut, snapshot

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=30,
)


@given(json_values)
def test_a_snapshot_equals_what_it_was_taken_of(value: Any) -> None:
    """Within the bounds a snapshot is an equal copy."""
    assert snapshot(value, [0]) == value


def test_a_later_change_does_not_show() -> None:
    """What the application changes in its containers after the callback does not reach the record."""
    value = {"messages": ["a"], "nested": {"deep": [1, 2]}}
    taken = snapshot(value, [0])

    value["messages"].append("b")
    value["nested"]["deep"].clear()

    assert taken == {"messages": ["a"], "nested": {"deep": [1, 2]}}


def test_messages_are_taken_by_reference() -> None:
    """Message objects are not copied, only the list that holds them."""
    message = HumanMessage("hi")
    messages = [[message]]
    taken = snapshot(messages, [0])
    messages[0].append(HumanMessage("later"))

    assert taken[0] == [message]
    assert taken[0][0] is message


def test_a_wide_container_is_cut() -> None:
    """A million keys cost the caller a thousand; the record says how many there were."""
    taken = snapshot({"wide": dict.fromkeys(range(1_000_000)), "long": list(range(5000))}, [0])

    assert isinstance(taken["wide"], Cut)
    assert taken["wide"].length == 1_000_000
    assert len(taken["wide"].kept) == MAX_WIDTH
    assert taken["long"].length == 5000


def test_a_cycle_ends() -> None:
    """A structure that contains itself is copied to the depth limit."""
    loop: list[Any] = []
    loop.append(loop)
    taken = snapshot(loop, [0])

    for _ in range(MAX_DEPTH + 2):
        if isinstance(taken, Cut):
            break
        taken = taken[0]
    assert taken == Cut(None, 1)


def test_sizes_are_estimated_while_copying() -> None:
    """Texts count with their length, wherever they stand; so do those inside messages."""
    sizes = [0]
    snapshot({"a": "x" * 100, "b": [HumanMessage("y" * 50)], "c": {"d": "z" * 25}}, sizes)

    assert sum(sizes) >= 175


def test_a_container_that_changes_meanwhile_does_no_harm() -> None:
    """A dict that another thread keeps changing is copied or the failure is an ordinary exception."""
    shared: dict[int, Any] = {i: [i] for i in range(500)}
    stop = threading.Event()

    def change() -> None:
        i = 1000
        while not stop.is_set():
            shared[i] = [i]
            shared.pop(i - 300, None)
            i += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(2000):
            assert snapshot(shared, [0]) is not shared
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("kind", [dict, OrderedDict, AddableDict, partial(defaultdict, list)])
def test_kinds_of_dict_are_copied(kind: Any) -> None:
    """What a parallel's stream gave out may be changed by the application right after."""
    output = kind({"answer": ["yes"]})
    copy = snapshot(output, [0])
    output["answer"].append("no")
    output.clear()

    assert copy == {"answer": ["yes"]}


def test_a_tools_schema_is_whole() -> None:
    """What lies as deep as a tool's JSON Schema, an ordinary state or a nested answer is copied, not cut."""
    schema = {"properties": {"order": {"type": "object", "properties": {"items": {"items": {"enum": ["a", "b"]}}}}}}
    kwargs = {"invocation_params": {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]}}

    assert snapshot(kwargs, [0]) == kwargs


def test_the_whole_walk_is_bounded() -> None:
    """A thousand dicts of a thousand items each cost the caller no more than the bound on all items together."""
    sizes = [0]
    taken = snapshot([{n: n for n in range(1000)} for _ in range(1000)], sizes)

    copied = [item for item in taken if not isinstance(item, Cut)]
    assert sum(len(item) for item in copied) <= MAX_ITEMS
    assert len(taken) == 1000
