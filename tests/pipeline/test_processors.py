"""Steps of plugins: each in its own try."""

import logging

from fanlight.hookspecs import Processor
from fanlight.pipeline import ProcessorChain


def named(text):
    return Processor(name=text, process=lambda event: event.replace(name=event.name + text))


def test_processors_run_in_their_order(event):
    """Each gets what the one before returned."""
    assert ProcessorChain([named("a"), named("b")]).apply(event(name="")).name == "ab"


def test_a_processor_can_drop_an_event(event):
    """`None` ends the chain; the processors after it are not asked."""
    asked = []
    chain = ProcessorChain(
        [Processor(name="drop", process=lambda one: None), Processor(name="late", process=asked.append)]
    )
    assert chain.apply(event()) is None
    assert asked == []


def test_a_processor_that_fails_costs_its_own_step_only(event, caplog):
    """One that raises, or returns something else, is passed over, counted, and logged once without content."""
    broken = Processor(name="broken", process=lambda one: 1 / 0)
    wrong = Processor(name="wrong", process=lambda one: "an answer")
    chain = ProcessorChain([named("a"), broken, wrong, named("b")])
    with caplog.at_level(logging.WARNING, "fanlight.pipeline"):
        for _ in range(3):
            assert chain.apply(event(name="")).name == "ab"
    assert chain.failures == {"broken": 3, "wrong": 3}
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "processor broken failed (ZeroDivisionError)",
        "processor wrong failed (returned str)",
    ]


def test_a_processor_cannot_end_the_thread_it_runs_on(event):
    """What would end a thread or a process is a failure of its step like any other."""

    def leave(one):
        raise SystemExit(3)

    chain = ProcessorChain([Processor(name="leaving", process=leave), named("a")])
    assert chain.apply(event(name="")).name == "a"
    assert chain.failures == {"leaving": 1}


def test_without_processors_the_event_is_passed_on(event):
    """An empty chain returns the very event."""
    one = event()
    assert ProcessorChain().apply(one) is one
