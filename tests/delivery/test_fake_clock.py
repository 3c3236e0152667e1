"""
The clock that the other tests here rely on.
"""

from __future__ import annotations

import threading

import pytest

from fanlight.testing.clock import FakeClock, eventually


def test_time_stands_still_until_it_is_advanced():
    """Both clocks move by exactly what advance says."""
    clock = FakeClock(start=5.0, unix_nano=100)
    assert (clock.monotonic(), clock.time_ns()) == (5.0, 100)
    clock.advance(2.5)
    assert (clock.monotonic(), clock.time_ns()) == (7.5, 2_500_000_100)


def test_a_waiter_wakes_when_its_time_has_come():
    """Not before, and it is told that nobody notified it."""
    clock, condition, answers = FakeClock(), threading.Condition(), []

    def wait():
        with condition:
            clock.monotonic()
            answers.append(clock.wait(condition, 10.0))

    waiter = threading.Thread(target=wait)
    waiter.start()
    eventually(lambda: len(clock._waiting) == 1)
    clock.advance(9.0)
    assert waiter.is_alive()
    clock.advance(1.0)
    waiter.join(20)
    assert answers == [False]


def test_a_timeout_counts_from_the_time_that_its_thread_was_told():
    """An advance between asking for the time and waiting is not lost."""
    clock, condition = FakeClock(), threading.Condition()
    clock.monotonic()
    clock.advance(10.0)
    with condition:
        assert not clock.wait(condition, 10.0)


def test_advance_until_gives_up():
    """What never happens is a TimeoutError, not a hang."""
    with pytest.raises(TimeoutError):
        FakeClock().advance_until(lambda: False, patience=0.05)
