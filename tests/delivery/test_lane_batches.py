"""
When a lane sends what, and that flush waits for exactly what came before it.
"""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from fanlight.clock import SYSTEM_CLOCK
from fanlight.errors import RetryableError
from fanlight.testing.clock import eventually


def test_nothing_runs_before_the_first_event(bench):
    """A lane that was given nothing has no thread and has not made its sink."""
    rig = bench.rig()
    assert not [thread for thread in threading.enumerate() if "lake" in thread.name]
    assert rig.script.instances == 0
    assert not rig.health.opened


def test_a_full_batch_goes_at_once(bench):
    """A batch that has its events does not linger, and the sink is opened for it."""
    rig = bench.rig(batch_max_events=3)
    names = rig.append(3)
    eventually(rig.settled)
    assert rig.script.taken == names
    assert rig.script.sizes == [3]
    assert rig.health.opened
    assert rig.health.last_success_unix_nano is not None


def test_a_batch_is_full_by_bytes(bench):
    """Bytes fill a batch as events do."""
    rig = bench.rig(batch_max_bytes=10)
    rig.append(2, size=5)
    eventually(rig.settled)
    assert rig.script.sizes == [2]


def test_no_batch_exceeds_its_bounds(bench):
    """A backlog leaves in batches of the configured size, in order."""
    rig = bench.rig(batch_max_events=4)
    names = rig.append(10)
    rig.settle()
    assert rig.script.sizes == [4, 4, 2]
    assert rig.script.taken == names


def test_an_incomplete_batch_lingers(bench):
    """What does not fill a batch is sent when its oldest event is as old as linger says, not before."""
    rig = bench.rig(batch_linger=5.0)
    rig.append(2)
    rig.settle(step=0.5)
    assert rig.script.sizes == [2]
    assert 5.0 <= rig.script.times[0] - 1000.0 < 10.0


def test_flush_overrides_linger(bench):
    """A flush sends the incomplete batch now; no time needs to pass."""
    rig = bench.rig(batch_linger=3600.0)
    names = rig.append(2)
    assert rig.flush()
    assert rig.script.taken == names


def test_flush_with_nothing_pending_is_done(bench):
    """No event, no thread, no wait."""
    rig = bench.rig()
    assert rig.flush(0.0)
    assert rig.lane._worker._thread is None


def test_flush_ends_at_its_deadline(bench):
    """A sink that hangs costs a flush its time and nothing more, and the answer is no."""
    rig = bench.rig(timeout=1000.0)
    rig.script.on_deliver = bench.hang
    rig.append(1)
    answers = []
    flush = threading.Thread(target=lambda: answers.append(rig.flush(5.0)))
    flush.start()
    bench.clock.advance_until(lambda: not flush.is_alive(), step=1.0)
    assert answers == [False]
    assert rig.counts.pending == 1


def test_flush_does_not_wait_for_what_came_after_it(bench):
    """Events that arrive during a flush do not prolong it."""
    rig = bench.rig(batch_max_events=1)
    first, go_on = threading.Event(), threading.Event()

    def deliver(batch):
        if len(rig.script.batches) == 1:
            first.set()
            go_on.wait(20)
        else:
            bench.hang()

    rig.script.on_deliver = deliver
    rig.append(1)
    first.wait(20)
    answers = []
    flush = threading.Thread(target=lambda: answers.append(rig.flush(3600.0)))
    flush.start()
    eventually(lambda: rig.lane._worker._flushes == 1)
    rig.append(1)
    go_on.set()
    flush.join(20)
    assert answers == [True]
    assert rig.counts.delivered == 1
    assert rig.counts.pending == 1


def test_giving_up_is_a_final_word(bench):
    """A flush is done with an event that was given up while it waited."""
    rig = bench.rig(breaker_failures=1, breaker_open=300.0)
    rig.script.answers(RetryableError("down"))
    rig.append(1)
    bench.clock.advance_until(lambda: rig.health.breaker == "open")
    answers = []
    flush = threading.Thread(target=lambda: answers.append(rig.flush(3600.0)))
    flush.start()
    eventually(lambda: rig.lane._worker._flushes == 1)
    bench.clock.advance_until(lambda: not flush.is_alive(), step=5.0)
    assert answers == [True]
    assert rig.counts.dropped == {"gave_up": 1}


def test_flush_sees_drops_by_others(bench):
    """drop_pending by a restriction ends the wait for the events that it took."""
    rig = bench.rig()
    rig.script.on_open = bench.hang
    rig.append(3, trace_id="t1")
    eventually(lambda: rig.lane._worker._thread is not None)
    answers = []
    flush = threading.Thread(target=lambda: answers.append(rig.flush(3600.0)))
    flush.start()
    eventually(lambda: rig.script.opened == 1)
    assert bench.journal.drop_pending("lake", "restricted", {"t1"}) == 3
    flush.join(20)
    assert answers == [True]
    assert rig.counts.dropped == {"restricted": 3}


def test_rate_limit(bench):
    """No second sees more events than the limit, once the first burst is gone."""
    rig = bench.rig(rate_limit=10.0, batch_max_events=200, batch_linger=0.0)
    rig.append(50)
    rig.settle(step=0.1)
    assert rig.script.sizes == [10] * 5
    begins = rig.script.times
    assert all(later - sooner >= 0.999 for sooner, later in pairwise(begins))


def test_a_lingering_batch_goes_as_soon_as_it_is_full(bench):
    """The event that fills it ends the wait; no time needs to pass. Both threads of the lane run by then."""
    rig = bench.rig(batch_max_events=2, batch_linger=3600.0)
    rig.append(1)
    eventually(lambda: rig.lane._worker._lingering)
    # The attempt thread too: at exit, when the last events are sent, Python 3.12 and later start none any more.
    assert {thread.name for thread in threading.enumerate()} >= {"fanlight-lane-lake", "fanlight-sink-lake"}
    assert rig.script.instances == 0
    rig.append(1)
    eventually(rig.settled)
    assert rig.script.sizes == [2]


def test_the_first_event_wakes_the_lane_and_the_last_fills_its_batch(bench):
    """With real time and a lane that is idle in between, no wake-up is lost over many rounds."""
    rig = bench.rig(clock=SYSTEM_CLOCK, batch_max_events=2, batch_linger=30.0)
    for _ in range(200):
        rig.append(1)
        rig.append(1)
        eventually(rig.settled)
    assert len(rig.script.taken) == 400


@pytest.mark.parametrize("count", [1, 7])
def test_batch_says_what_the_sink_needs_to_know(bench, count):
    """Sink name, attempt, deadline and a stable id."""
    rig = bench.rig(batch_max_events=count, timeout=4.0)
    rig.script.answers(RetryableError("busy"), None)
    rig.append(count)
    rig.settle()
    first, second = rig.script.batches
    assert first.sink == second.sink == "lake"
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.id == second.id
    # The deadline counts from the attempt's beginning; fake time may pass until the sink looks at the clock.
    assert first.deadline - 4.0 <= rig.script.times[0] < first.deadline
    assert not first.replay
