"""
A sink that hangs costs its own lane some attempts, and never more than two threads.
"""

from __future__ import annotations

import random
import threading
import time

from fanlight.clock import SYSTEM_CLOCK
from fanlight.errors import RetryableError
from fanlight.testing.clock import eventually


def hang_first(bench, rig, times):
    """Let the first *times* calls of deliver hang until the returned events are set."""
    exits = [threading.Event() for _ in range(times)]
    queue = list(exits)

    def deliver(batch):
        if queue:
            exit_ = queue.pop(0)
            while not (exit_.wait(0.02) or bench.released.is_set()):
                pass

    rig.script.on_deliver = deliver
    return exits


def sink_threads(name="lake"):
    return [thread for thread in threading.enumerate() if thread.name == f"fanlight-sink-{name}"]


def test_a_hung_attempt_is_abandoned_and_a_new_instance_delivers(bench):
    """After the timeout the batch goes to a new instance on a new thread; the old one closes when it returns."""
    rig = bench.rig(batch_linger=0.0, timeout=10.0)
    (exit_,) = hang_first(bench, rig, 1)
    names = rig.append(2)
    took = rig.settle(step=0.5)
    assert took >= 10.0
    assert rig.script.taken == names
    assert (rig.script.instances, rig.script.opened) == (2, 2)
    assert rig.health.timeouts == 1
    assert (rig.health.zombie, rig.health.hung_threads) == (True, 1)
    assert rig.outcomes[0].result == "timeout"
    assert rig.script.closed == 0
    exit_.set()
    eventually(lambda: rig.script.closed == 1)
    eventually(lambda: not rig.health.zombie)
    assert len(sink_threads()) == 1


def test_a_late_success_counts_no_second_time(bench):
    """The abandoned attempt may deliver after all: the event arrives twice and is counted once."""
    rig = bench.rig(batch_linger=0.0, timeout=10.0)
    (exit_,) = hang_first(bench, rig, 1)
    (name,) = rig.append(1)
    rig.settle(step=0.5)
    exit_.set()
    eventually(lambda: rig.script.taken == [name, name])
    assert rig.counts.delivered == 1


def test_two_hung_threads_are_the_most(bench):
    """With zombie and replacement both hung, the breaker stays open and nothing is tried, however much time passes."""
    rig = bench.rig(batch_linger=0.0, timeout=10.0, breaker_max_open=20.0, give_up_after=1e6)
    first, _ = hang_first(bench, rig, 2)
    names = rig.append(1)
    bench.clock.advance_until(lambda: rig.health.hung_threads == 2, step=1.0)
    eventually(lambda: rig.health.breaker == "open")
    for _ in range(20):
        bench.clock.advance(100.0)
    assert len(sink_threads()) == 2
    assert len(rig.script.batches) == 2
    assert rig.health.breaker == "open"
    first.set()
    rig.settle(step=1.0)
    assert names[0] in rig.script.taken
    assert rig.health.breaker == "closed"


def test_a_batch_is_given_up_while_everything_hangs(bench):
    """give_up_after holds although no attempt can be made, and the rest of the queue stays where it is."""
    rig = bench.rig(batch_linger=0.0, batch_max_events=1, timeout=10.0, give_up_after=60.0)
    hang_first(bench, rig, 2)
    rig.append(2)
    bench.clock.advance_until(lambda: rig.counts.dropped == {"gave_up": 1}, step=1.0)
    assert rig.counts.pending == 1
    assert bench.journal.depth("lake").leased == 0


def test_a_hung_open_is_abandoned_too(bench):
    """A sink that hangs in open gets a new instance; the events wait in the queue meanwhile."""
    rig = bench.rig(batch_linger=0.0, timeout=10.0)
    calls = []

    def on_open():
        calls.append(1)
        if len(calls) == 1:
            bench.hang()

    rig.script.on_open = on_open
    names = rig.append(1)
    took = rig.settle(step=1.0)
    assert took >= 30.0
    assert rig.script.taken == names
    assert rig.script.instances == 2
    assert rig.health.timeouts == 1


def test_siblings_of_hung_failing_and_slow_sinks_are_untouched(bench):
    """In real time: three bad sinks at once, and the healthy one gets every event while the ledgers stay balanced."""
    settings = {"clock": SYSTEM_CLOCK, "batch_max_events": 10, "batch_linger": 0.01}
    good, hung, failing, slow = (bench.rig(name, **settings) for name in ("good", "hung", "failing", "slow"))
    hung.script.on_deliver = bench.hang
    failing.script.answers(RetryableError("down"))
    slow.script.on_deliver = lambda batch: bench.released.wait(0.2)
    for _ in range(50):
        for rig in (good, hung, failing, slow):
            rig.append(10)
    assert good.flush(20.0)
    assert good.counts.delivered == 500
    assert hung.counts.delivered == failing.counts.delivered == 0
    assert hung.counts.pending == failing.counts.pending == 500
    assert slow.counts.delivered < 500


def test_append_never_waits_for_a_sink(bench):
    """With the sink hung in its attempt, ten thousand appends go through: they wait for no lock that it holds."""
    rig = bench.rig(clock=SYSTEM_CLOCK, batch_max_events=1)
    rig.script.on_deliver = bench.hang
    appended = threading.Event()

    def append():
        for _ in range(10_000):
            rig.append(1)
        appended.set()

    threading.Thread(target=append, daemon=True).start()
    assert appended.wait(60)
    assert rig.counts.accepted == 10_000


class Watcher:
    """Looks at a ledger all the time, and remembers every look at which the equation did not hold."""

    def __init__(self, ledger):
        self.looks, self.unbalanced = 0, []
        self._ledger, self._done = ledger, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join(60)

    def _watch(self):
        while not self._done.is_set():
            counts = self._ledger.snapshot()
            self.looks += 1
            if not counts.balanced:
                self.unbalanced.append(counts)


def test_equation_under_stress(bench):
    """Many writers, random failures, restrictions and a watcher: the equation holds at every look."""
    rig = bench.rig(
        clock=SYSTEM_CLOCK,
        batch_max_events=7,
        batch_linger=0.001,
        retry_initial=0.0005,
        retry_max=0.001,
        breaker_failures=10**6,
    )
    chance, numbers = random.Random(7), threading.Lock()

    def deliver(batch):
        if chance.random() < 0.3:
            raise RetryableError("busy")

    def write(number):
        for turn in range(300):
            with numbers:
                rig.append(2, trace_id=f"t{number}")
            if turn % 50 == 0:
                rig.journal.drop_pending("lake", "restricted", {f"t{number}"})

    rig.script.on_deliver = deliver
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    with Watcher(rig.ledger) as watcher:
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join(60)
        assert rig.flush(60.0)
    assert watcher.unbalanced == []
    assert watcher.looks > 100
    counts = rig.counts
    assert counts.accepted == 2400
    assert counts.delivered + counts.dropped.get("restricted", 0) == 2400
    assert len(rig.script.taken) == len(set(rig.script.taken)) == counts.delivered


def test_what_is_restricted_while_the_sink_opens_anew_does_not_leave(bench):
    """A restriction that is learnt between a hang and the next attempt holds for the batch that is on its way."""
    rig = bench.rig(batch_linger=0.0, timeout=5.0)
    rig.script.on_deliver = bench.hang
    rig.append(2)
    eventually(rig.attempted(1))
    rig.script.on_open = lambda: bench.journal.drop_pending("lake", "restricted")
    rig.settle()
    assert rig.script.opened == 2
    assert len(rig.script.batches) == 1
    assert rig.counts.dropped == {"restricted": 2}


def test_close_of_hung_lanes_takes_no_longer_than_its_time(bench):
    """In real time: close returns although every thread of the sink hangs. The join is the proof, not a stopwatch."""
    rig = bench.rig(clock=SYSTEM_CLOCK, batch_linger=0.0, timeout=3600.0)
    rig.script.on_deliver = bench.hang
    rig.append(5)
    eventually(rig.attempted(1))
    closer = threading.Thread(target=lambda: rig.lane.close(time.monotonic() + 0.2), daemon=True)
    closer.start()
    closer.join(30)
    assert not closer.is_alive()
    assert rig.counts.dropped == {"shutdown": 5}
