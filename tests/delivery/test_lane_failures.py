"""
What a failing destination costs: attempts with backoff, a breaker, and in the end events that are counted.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from fanlight.errors import PermanentError, RetryableError
from fanlight.hookspecs import hookimpl
from fanlight.testing.clock import eventually

PATIENT = {"batch_linger": 0.0, "breaker_failures": 100, "give_up_after": 100_000.0}
"""Settings under which nothing but the backoff decides."""


def gaps(rig):
    """Seconds between the attempts. A busy machine adds to them, so tests look at whole seconds only."""
    return [int(later - sooner + 0.001) for sooner, later in pairwise(rig.script.times)]


def test_a_retryable_batch_comes_again_whole(bench):
    """The same events under the same id, until the destination takes them; nothing is lost, nothing doubled."""
    rig = bench.rig(**PATIENT)
    rig.script.answers(RetryableError("busy"), RetryableError("busy"), None)
    names = rig.append(3)
    rig.settle()
    assert rig.script.sizes == [3, 3, 3]
    assert len({batch.id for batch in rig.script.batches}) == 1
    assert [batch.attempt for batch in rig.script.batches] == [1, 2, 3]
    assert rig.script.taken == names
    assert (rig.health.attempts, rig.health.retries) == (3, 2)
    assert [outcome.result for outcome in rig.outcomes] == ["retry", "retry", "delivered"]


def test_a_listener_hears_what_health_says(bench):
    """The place where a foreign error was raised is told, its text is not."""
    rig = bench.rig(**PATIENT)
    rig.script.answers(ValueError("a prompt"), None)
    rig.append(1)
    rig.settle()
    assert rig.outcomes[0].message == rig.health.last_error
    assert rig.outcomes[0].message.startswith("ValueError: at ")
    assert "unknown" not in rig.outcomes[0].message
    assert "prompt" not in rig.outcomes[0].message


def test_intervals_double_up_to_the_longest(bench):
    """Without jitter the delays are 1, 2, 4, 8, 8, 8."""
    rig = bench.rig(**PATIENT, retry_initial=1.0, retry_max=8.0)
    rig.script.answers(*[RetryableError("busy")] * 6, None)
    rig.append(1)
    rig.settle(step=0.1)
    assert gaps(rig) == [1, 2, 4, 8, 8, 8]


def test_jitter_is_full(bench):
    """The delay is the drawn share of the interval, down to none at all."""
    draws = iter([0.0, 0.5, 0.25])  # of 4, 8 and 16 seconds
    rig = bench.rig(**PATIENT, random=lambda: next(draws), retry_initial=4.0)
    rig.script.answers(*[RetryableError("busy")] * 3, None)
    rig.append(1)
    rig.settle(step=0.1)
    assert gaps(rig) == [0, 4, 4]


def test_success_forgets_the_failures_before(bench):
    """After a success the backoff begins at its first interval again."""
    rig = bench.rig(**PATIENT, batch_max_events=1)
    busy = RetryableError("busy")
    rig.script.answers(busy, busy, None, busy, None)
    rig.append(2)
    rig.settle(step=0.1)
    assert gaps(rig) == [1, 2, 0, 1]


@pytest.mark.parametrize(
    "error",
    [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(), MemoryError(), ValueError("x")],
    ids=lambda error: type(error).__name__,
)
def test_any_exception_is_contained_and_retried(bench, error):
    """Whatever a sink raises, also what would end a thread or a process, is a failed attempt and nothing else."""
    rig = bench.rig(**PATIENT)
    rig.script.answers(error, None)
    names = rig.append(2)
    rig.settle()
    assert rig.script.taken == names
    assert rig.health.restarts == 0
    assert rig.script.instances == 1


def test_a_batch_is_given_up_on_time(bench):
    """After give_up_after the batch is dropped as `gave_up`, and the next one gets its turn."""
    rig = bench.rig(batch_linger=0.0, batch_max_events=2, breaker_failures=100, give_up_after=20.0, retry_max=5.0)
    rig.script.on_deliver = lambda batch: (_ for _ in ()).throw(RetryableError("down"))
    rig.append(2)
    took = rig.settle(step=0.25)
    assert 20.0 <= took < 23.0
    assert rig.counts.dropped == {"gave_up": 2}
    assert rig.outcomes[-1].result == "gave_up"
    rig.script.on_deliver = lambda batch: None
    names = rig.append(2)
    rig.settle()
    assert rig.script.taken == names


def test_an_open_breaker_does_not_delay_giving_up(bench):
    """A batch that no probe can save in time is dropped when its time is over, not when the breaker lets go."""
    rig = bench.rig(batch_linger=0.0, breaker_failures=1, breaker_open=200.0, give_up_after=50.0)
    rig.script.answers(RetryableError("down"))
    rig.append(1)
    took = rig.settle(step=0.5)
    assert 50.0 <= took < 53.0
    assert rig.counts.dropped == {"gave_up": 1}
    assert len(rig.script.batches) == 1


@pytest.mark.parametrize(("asked", "pause"), [(120.0, 120.0), (1e9, 300.0), (float("inf"), 300.0)])
def test_retry_after_pauses_the_sink(bench, asked, pause):
    """No attempt within the pause, which ends after five minutes at most; nothing is lost and no breaker opens."""
    rig = bench.rig(batch_linger=0.0, give_up_after=10.0, breaker_failures=1)
    rig.script.answers(RetryableError("429", retry_after=asked), None)
    names = rig.append(3)
    bench.clock.advance_until(rig.attempted(1))
    eventually(lambda: rig.outcomes)
    assert rig.health.paused_until_unix_nano is not None
    assert rig.health.breaker == "closed"
    rig.settle(step=1.0)
    assert rig.script.taken == names
    assert pause <= gaps(rig)[0] <= pause + 5.0
    assert rig.health.breaker == "closed"
    assert rig.health.paused_until_unix_nano is None


@pytest.mark.parametrize("asked", [0.0, -5.0, float("nan"), None])
def test_a_senseless_retry_after_is_a_plain_failure(bench, asked):
    """Zero, negative and not-a-number fall back to the backoff."""
    rig = bench.rig(**PATIENT)
    rig.script.answers(RetryableError("429", retry_after=asked), None)
    rig.append(1)
    rig.settle(step=0.1)
    assert gaps(rig) == [1]


def test_retry_after_can_be_disregarded(bench):
    """respect_retry_after: false leaves it to the backoff."""
    rig = bench.rig(**PATIENT, respect_retry_after=False)
    rig.script.answers(RetryableError("429", retry_after=120.0), None)
    rig.append(1)
    rig.settle(step=0.1)
    assert gaps(rig) == [1]


def test_the_breaker_opens_and_probes_with_doubling_pauses(bench):
    """Five failures open it; then one probe each after 3, 6, 12 and 12 s, and a success closes it."""
    rig = bench.rig(
        batch_linger=0.0, retry_initial=0.1, retry_max=0.1, breaker_open=3.0, breaker_max_open=12.0, give_up_after=1e6
    )
    rig.script.answers(*[RetryableError("down")] * 9, None)
    rig.append(1)
    bench.clock.advance_until(rig.attempted(5))
    eventually(lambda: rig.health.breaker == "open")
    rig.settle(step=0.1)
    assert gaps(rig) == [0, 0, 0, 0, 3, 6, 12, 12, 12]
    assert rig.health.breaker == "closed"
    assert rig.counts.delivered == 1


def test_a_recovered_destination_starts_from_the_first_pause_again(bench):
    """Probes of an earlier outage do not lengthen the pauses of the next."""
    rig = bench.rig(batch_linger=0.0, batch_max_events=1, breaker_failures=1, breaker_open=3.0, give_up_after=1e6)
    down = RetryableError("down")
    rig.script.answers(down, down, None, down, None)
    rig.append(2)
    rig.settle()
    assert gaps(rig) == [3, 6, 0, 3]


def test_failures_far_apart_do_not_open_the_breaker(bench):
    """Only failures within the window count."""
    rig = bench.rig(
        batch_linger=0.0, retry_initial=10.0, retry_max=10.0, breaker_failures=5, breaker_window=30.0, give_up_after=1e6
    )
    rig.script.answers(*[RetryableError("down")] * 12, None)
    rig.append(1)
    rig.settle(step=0.5)
    assert gaps(rig) == [10] * 12


def test_unauthorised_opens_the_breaker_at_once(bench):
    """RetryableError(open_breaker=True) leaves the destination alone after one attempt; the event survives."""
    rig = bench.rig(batch_linger=0.0)
    rig.script.answers(RetryableError("401", open_breaker=True), None)
    rig.append(1)
    bench.clock.advance_until(rig.attempted(1))
    eventually(lambda: rig.health.breaker == "open")
    assert rig.counts.pending == 1
    rig.settle(step=0.5)
    assert 15 <= gaps(rig)[0] <= 20
    assert rig.health.breaker == "closed"


def test_what_a_locked_destination_refuses_is_not_given_up(bench):
    """While a key is wrong the batch waits, however long: the time behind the breaker is no time of trying."""
    rig = bench.rig(batch_linger=0.0, give_up_after=20.0)
    rig.script.answers(*[RetryableError("401", open_breaker=True)] * 8, None)
    names = rig.append(1)
    took = rig.settle(step=1.0)
    assert took > 600.0
    assert rig.script.taken == names
    assert rig.counts.dropped == {}


def test_an_open_breaker_leaves_new_events_in_the_queue(bench):
    """While the destination is left alone no events are leased, so the queue's own bound decides what is lost."""
    rig = bench.rig(batch_linger=0.0, breaker_failures=1, give_up_after=1.0, batch_max_events=1)
    rig.script.answers(RetryableError("down"))
    rig.append(3)
    bench.clock.advance_until(lambda: rig.counts.dropped == {"gave_up": 1})
    assert bench.journal.depth("lake").leased == 0
    assert rig.counts.pending == 2


def test_open_is_tried_again_while_events_wait(bench):
    """A sink that cannot be opened yet keeps its events, and gets a new instance for each try."""
    rig = bench.rig(batch_linger=0.0, give_up_after=1.0)
    failures = iter([RetryableError("no route"), ImportError("sdk"), SystemExit(3)])

    def on_open():
        error = next(failures, None)
        if error is not None:
            raise error

    rig.script.on_open = on_open
    names = rig.append(2)
    took = rig.settle(step=0.1)
    assert rig.script.taken == names
    assert rig.script.instances == rig.script.opened == 4
    assert took >= 7.0  # 1 + 2 + 4 seconds of backoff: far beyond give_up_after
    assert rig.counts.dropped == {}


def test_a_sink_that_can_never_open_says_so(bench):
    """PermanentError in open opens the breaker for its longest time; health tells why, and events wait."""
    rig = bench.rig(batch_linger=0.0, breaker_max_open=300.0)
    rig.script.on_open = lambda: (_ for _ in ()).throw(PermanentError("no such bucket"))
    rig.append(1)
    bench.clock.advance_until(lambda: rig.health.breaker == "open")
    health = rig.health
    assert health.last_error == "PermanentError: no such bucket"
    assert not health.opened
    assert health.counts.pending == 1
    assert bench.clock.advance_until(lambda: rig.script.opened == 2, step=1.0) >= 299.0


def test_a_wrapper_that_raises_is_a_failed_attempt(bench):
    """A broken wrapper plugin costs retries, never the lane."""

    class Broken:
        failures = 2

        @hookimpl(wrapper=True)
        def fanlight_deliver(self, batch):
            if self.failures:
                self.failures -= 1
                raise RuntimeError("broken wrapper")
            return (yield)

    rig = bench.rig(**PATIENT, wrappers=[Broken()])
    names = rig.append(1)
    rig.settle()
    assert rig.script.taken == names
    assert rig.health.attempts == 3


def test_a_listener_that_raises_is_forgotten(bench):
    """What a delivery-outcome listener raises does not touch the delivery."""

    def listen(outcome):
        raise SystemExit(2)

    rig = bench.rig(batch_linger=0.0, outcome=listen)
    names = rig.append(1)
    rig.settle()
    assert rig.script.taken == names
    assert rig.health.restarts == 0


def test_a_lane_that_stumbles_goes_on(bench):
    """Should the journal itself raise, the lane gives back what it held, counts a restart and continues."""
    rig = bench.rig(batch_linger=0.0)
    ack, failures = bench.journal.ack, [OSError(5, "Input/output error")]

    def failing_ack(*args):
        if failures:
            raise failures.pop()
        ack(*args)

    bench.journal.ack = failing_ack
    rig.append(1)
    rig.settle()
    assert rig.health.restarts == 1
    assert rig.health.last_error == "OSError: Input/output error"
    assert rig.counts.delivered == 1
