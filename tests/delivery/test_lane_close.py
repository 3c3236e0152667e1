"""
The end of a lane: what can be delivered in time is, the rest is counted, and nobody waits for a sink that hangs.
"""

from __future__ import annotations

import threading

from fanlight.clock import SYSTEM_CLOCK
from fanlight.errors import RetryableError
from fanlight.testing.clock import eventually


def close_in_background(rig, seconds):
    closer = threading.Thread(target=lambda: rig.close(seconds), daemon=True)
    closer.start()
    eventually(lambda: rig.lane._worker._end.set)
    return closer


def ended(closer):
    return lambda: not closer.is_alive()


def test_close_delivers_what_is_pending(bench):
    """Close does not linger; the sink gets the rest and is closed after it, once."""
    rig = bench.rig(batch_linger=3600.0)
    names = rig.append(3)
    rig.close(5.0)
    assert rig.script.taken == names
    assert rig.script.closed == 1
    assert rig.health.closed
    rig.close(5.0)
    assert rig.script.closed == 1


def test_close_of_an_unused_lane_makes_no_sink(bench):
    """Nothing was sent, so nothing is opened only to be closed."""
    rig = bench.rig()
    rig.close(5.0)
    assert rig.script.instances == 0


def test_what_does_not_leave_in_time_is_dropped_as_shutdown(bench):
    """A hung attempt is left behind at the deadline; its events and the queue's are counted."""
    rig = bench.rig(batch_max_events=2, timeout=1000.0)
    rig.script.on_deliver = bench.hang
    rig.append(5)
    eventually(rig.attempted(1))
    closer = close_in_background(rig, 5.0)
    took = bench.clock.advance_until(ended(closer), step=0.5)
    assert 5.0 <= took < 7.0
    assert rig.counts.dropped == {"shutdown": 5}
    assert rig.counts.pending == 0


def test_close_without_time_does_not_wait(bench):
    """A deadline that has passed drops everything at once."""
    rig = bench.rig(batch_linger=3600.0)
    rig.append(3)
    rig.close(0.0)
    assert rig.counts.dropped == {"shutdown": 3}


def test_close_does_not_wait_for_an_attempt_that_cannot_come(bench):
    """With the breaker open beyond the deadline there is nothing to wait for: no time passes."""
    rig = bench.rig(batch_linger=0.0, breaker_failures=1, breaker_open=60.0)
    rig.script.answers(RetryableError("down"))
    rig.append(2)
    bench.clock.advance_until(lambda: rig.health.breaker == "open")
    rig.close(30.0)
    assert rig.counts.dropped == {"shutdown": 2}
    assert rig.script.closed == 1


def test_close_retries_within_its_time(bench):
    """A backoff that ends before the deadline is waited for."""
    rig = bench.rig(batch_linger=0.0)
    rig.script.answers(RetryableError("busy"), None)
    names = rig.append(2)
    eventually(rig.attempted(1))
    closer = close_in_background(rig, 30.0)
    bench.clock.advance_until(ended(closer))
    assert rig.script.taken == names


def slow_sink(bench, rig, seconds):
    """Let each delivery take fake *seconds*."""

    def deliver(batch):
        condition, due = threading.Condition(), bench.clock.monotonic() + seconds
        with condition:
            while bench.clock.monotonic() < due and not bench.released.is_set():
                bench.clock.wait(condition, due - bench.clock.monotonic())

    rig.script.on_deliver = deliver


def test_progress_extends_the_deadline_to_twice_the_time(bench):
    """While a batch is taken every half second the lane goes on, and at twice the time it stops all the same."""
    rig = bench.rig(batch_max_events=1)
    slow_sink(bench, rig, 0.5)
    rig.append(100)
    closer = close_in_background(rig, 5.0)
    took = bench.clock.advance_until(ended(closer), step=0.05)
    assert 10.0 <= took < 11.0
    assert rig.counts.delivered > 10
    assert rig.counts.delivered + rig.counts.dropped["shutdown"] == 100


def test_without_progress_the_deadline_holds(bench):
    """Batches that take longer than a second each do not extend it beyond the one that was just taken."""
    rig = bench.rig(batch_max_events=1, timeout=1000.0)
    slow_sink(bench, rig, 4.0)
    rig.append(100)
    closer = close_in_background(rig, 5.0)
    took = bench.clock.advance_until(ended(closer), step=0.1)
    assert 5.0 <= took < 6.5
    assert rig.counts.delivered <= 2


def test_what_arrives_after_close_is_counted(bench):
    """A late event is accepted by the journal and dropped as shutdown at once."""
    rig = bench.rig()
    rig.append(1)
    rig.close(5.0)
    rig.append(2)
    assert rig.counts.dropped == {"shutdown": 2}
    assert rig.counts.pending == 0


def test_a_sink_that_hangs_in_close_is_left_behind(bench):
    """The last call of all has its timeout too."""
    rig = bench.rig(batch_linger=0.0, timeout=2.0)
    rig.script.on_close = bench.hang
    names = rig.append(1)
    rig.settle()
    closer = close_in_background(rig, 30.0)
    took = bench.clock.advance_until(ended(closer), step=0.1)
    assert 2.0 <= took < 4.0
    assert rig.script.taken == names


def test_a_sink_that_raises_in_close_is_logged(bench, caplog):
    """The lane ends as if nothing had happened, and one line says what did."""
    rig = bench.rig(batch_linger=0.0)
    rig.script.on_close = lambda: (_ for _ in ()).throw(SystemExit(1))
    rig.append(1)
    rig.settle()
    rig.close(5.0)
    assert "closing it failed: SystemExit" in caplog.text


def test_flush_after_close_is_done(bench):
    """Everything has its final word, so there is nothing to wait for."""
    rig = bench.rig(batch_linger=3600.0)
    rig.append(3)
    rig.close(0.0)
    assert rig.flush(0.0)


def test_close_while_others_append(bench):
    """In real time: writers that go on through the close lose nothing without a count."""
    rig = bench.rig(clock=SYSTEM_CLOCK, batch_max_events=5, batch_linger=0.001)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            rig.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    eventually(lambda: rig.counts.delivered > 20)
    rig.close(1.0)
    stop.set()
    writer.join(20)
    eventually(lambda: not [one for one in threading.enumerate() if one.name == "fanlight-lane-lake"])
    counts = rig.counts
    assert counts.pending == 0
    assert counts.accepted == counts.delivered + counts.dropped.get("shutdown", 0) + counts.dropped.get("queue_full", 0)
    assert counts.delivered == len(rig.script.taken)


def test_no_thread_to_be_had(bench, caplog):
    """Where the interpreter starts no thread, events wait, flush says no, close counts them; nothing raises."""

    class NoThreads:
        def start(self):
            raise RuntimeError("can't create new thread at interpreter shutdown")

    rig = bench.rig()
    rig.lane._worker._host.start = NoThreads().start
    rig.append(2)
    assert rig.counts.pending == 2
    assert not rig.flush(60.0)
    rig.close(60.0)
    assert rig.counts.dropped == {"shutdown": 2}
    assert caplog.text.count("no thread could be started") == 1
