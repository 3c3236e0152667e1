"""The memory sink keeps the newest events where a test can find them."""

from __future__ import annotations

import uuid

from fanlight.sinks.memory import MemoryConfig, MemorySink, MemoryStore, store
from fanlight.testing.batches import make_batch, make_context
from fanlight.testing.events import make_event
from fanlight.testing.traces import make_trace


def opened(name: str, **settings: object) -> MemorySink:
    sink = MemorySink(MemoryConfig.model_validate(settings))
    sink.open(make_context(name))
    return sink


def unused() -> str:
    return f"memory_{uuid.uuid4().hex}"


def test_events_are_found_under_the_sinks_own_name() -> None:
    """`store(name)` gives what the sink of that name was given, in order, and the runs among it."""
    name, events = unused(), make_trace("agent")
    opened(name).deliver(make_batch(events))
    assert store(name).events == events
    assert [run.name for run in store(name).runs] == ["ChatOpenAI", "find_order", "ChatOpenAI", "order_agent"]


def test_a_store_can_be_asked_for_before_the_sink_begins() -> None:
    """The store taken before the first event is the one that fills."""
    name = unused()
    early = store(name)
    assert early.events == ()
    opened(name).deliver(make_batch([make_event()]))
    assert len(early) == 1


def test_a_named_store_is_used_instead_of_the_sinks_name() -> None:
    """`store: other` sends the events there and leaves the sink's own name empty."""
    name, other = unused(), unused()
    opened(name, store=other).deliver(make_batch([make_event()]))
    assert (len(store(name)), len(store(other))) == (0, 1)


def test_only_the_newest_are_kept() -> None:
    """Beyond `max_events` the oldest make room, also within one batch."""
    name, events = unused(), [make_event(name=str(number)) for number in range(10)]
    sink = opened(name, max_events=3)
    sink.deliver(make_batch(events[:6]))
    sink.deliver(make_batch(events[6:]))
    assert [event.name for event in store(name).events] == ["7", "8", "9"]


def test_a_new_instance_goes_on_with_the_same_store() -> None:
    """After a hang the lane makes a new sink; what was kept stays."""
    name = unused()
    for _ in range(2):
        opened(name).deliver(make_batch([make_event()]))
    assert len(store(name)) == 2


def test_clear_forgets() -> None:
    """After `clear()` nothing is kept, and new events are."""
    name = unused()
    sink = opened(name)
    sink.deliver(make_batch([make_event()]))
    store(name).clear()
    assert store(name).events == ()
    sink.deliver(make_batch([make_event()]))
    assert len(store(name)) == 1


def test_a_store_is_bounded_from_the_start() -> None:
    """A store that no sink has limited yet keeps no more than it was made for."""
    kept = MemoryStore(2)
    kept.add(make_batch([make_event(name=str(number)) for number in range(5)]))
    assert [event.name for event in kept.events] == ["3", "4"]
