"""
What a destination refuses for good: the culprit alone becomes a dead letter, its neighbours arrive.
"""

from __future__ import annotations

import pytest

from fanlight.delivery.sender import MAX_SPLITS
from fanlight.errors import PartialFailure, PermanentError, RetryableError


def refusing(*poison, reason="rejected"):
    def deliver(batch):
        if any(event.event_id in poison for event in batch):
            raise PermanentError(f"cannot take it: {len(batch)}", reason=reason)

    return deliver


def test_a_refused_event_becomes_a_dead_letter(bench):
    """A batch of one is not tried again; the letter says why."""
    rig = bench.rig(batch_linger=0.0)
    rig.script.answers(PermanentError("schema", reason="rejected"))
    (name,) = rig.append(1)
    rig.settle()
    (letter,) = bench.journal.dead_letters("lake")
    assert (letter.delivery.event.event_id, letter.reason, letter.message) == (name, "rejected", "schema")
    assert rig.counts.dead_lettered == 1
    assert rig.script.sizes == [1]
    assert rig.health.breaker == "closed"


@pytest.mark.parametrize("culprit", [0, 77, 199])
def test_the_poison_event_is_found(bench, culprit):
    """Of 200 events 199 arrive, in order, with at most 17 attempts; no id of a batch stands for two sets of events."""
    rig = bench.rig()
    rig.script.on_deliver = refusing(f"lake{culprit}", reason="too_large")
    names = rig.append(200)
    rig.settle()
    assert rig.script.taken == [name for name in names if name != f"lake{culprit}"]
    (letter,) = bench.journal.dead_letters("lake")
    assert (letter.delivery.event.event_id, letter.reason) == (f"lake{culprit}", "too_large")
    assert rig.counts.dead_letter_reasons == {"too_large": 1}
    assert len(rig.script.batches) <= 17
    members = {batch.id: [event.event_id for event in batch] for batch in rig.script.batches}
    assert len(members) == len(rig.script.batches)


def test_a_hopeless_batch_costs_a_bounded_number_of_attempts(bench):
    """Where everything is refused the search ends, and every event is a dead letter."""
    rig = bench.rig()
    rig.script.answers(PermanentError("never"))
    rig.append(200)
    rig.settle()
    assert rig.counts.dead_lettered == 200
    assert len(rig.script.batches) == 1 + 2 * MAX_SPLITS


def test_halves_are_retried_as_batches_of_their_own(bench):
    """A destination that becomes busy during the search gets the half again, not the whole."""
    rig = bench.rig(batch_max_events=4)
    rig.script.answers(PermanentError("400"), RetryableError("503"), None)
    names = rig.append(4)
    rig.settle()
    assert rig.script.sizes == [4, 2, 2, 2]
    assert rig.script.taken == names


def test_partial_failure_sends_each_event_its_own_way(bench):
    """Taken, refused and retryable events of one batch: acked, dead-lettered, and only those sent again."""
    rig = bench.rig(batch_max_events=4)
    errors = {
        "lake1": PermanentError("bad", reason="too_large"),
        "lake2": RetryableError("busy"),
        "stranger": RetryableError("?"),
    }
    rig.script.answers(PartialFailure(errors), None)
    rig.append(4)
    rig.settle()
    first, second = rig.script.batches
    assert [event.event_id for event in second] == ["lake2"]
    assert second.id != first.id
    assert second.attempt == 2
    assert (rig.counts.delivered, rig.counts.dead_lettered) == (3, 1)
    assert [outcome.result for outcome in rig.outcomes] == ["partial", "delivered"]
    assert rig.script.times[1] - rig.script.times[0] >= 1.0


def test_a_batch_that_is_retryable_event_by_event_keeps_its_id(bench):
    """As long as the members are the same, the idempotency key is too."""
    rig = bench.rig(batch_max_events=2)
    rig.script.answers(PartialFailure({"lake0": RetryableError("busy"), "lake1": RetryableError("busy")}), None)
    rig.append(2)
    rig.settle()
    first, second = rig.script.batches
    assert first.id == second.id
    assert rig.counts.delivered == 2


def test_partial_failures_can_pause_the_sink(bench):
    """The longest Retry-After among the events holds for the sink."""
    rig = bench.rig(batch_max_events=3)
    busy = {"lake0": RetryableError("429", retry_after=40.0), "lake1": RetryableError("429", retry_after=90.0)}
    rig.script.answers(PartialFailure(busy), None)
    rig.append(3)
    rig.settle(step=0.5)
    assert 90.0 <= rig.script.times[1] - rig.script.times[0] < 100.0
    assert rig.counts.delivered == 3


@pytest.mark.parametrize(("unidentified", "dropped"), [(2, 2), (99, 5), (0, 0), (-1, 0)])
def test_unnamed_refusals_are_counted_by_number(bench, unidentified, dropped):
    """OTLP says how many spans it refused, not which: so many are dropped as rejected, the others delivered."""
    rig = bench.rig(batch_max_events=5)
    rig.script.answers(PartialFailure(unidentified=unidentified))
    rig.append(5)
    rig.settle()
    assert rig.counts.delivered == 5 - dropped
    assert rig.counts.dropped == ({"rejected": dropped} if dropped else {})
    assert rig.script.sizes == [5]


def test_what_is_restricted_while_it_waits_for_a_retry_never_leaves(bench):
    """A restriction learnt between two attempts takes the trace's events out of the batch, also out of its halves."""
    rig = bench.rig(batch_max_events=4)
    rig.script.answers(RetryableError("busy"), PermanentError("400"), None)
    secret = rig.append(1, trace_id="eu")
    rig.append(3, trace_id="us")
    bench.clock.advance_until(rig.attempted(1), step=0.01)
    before = list(rig.script.batches)
    bench.journal.drop_pending("lake", "restricted", {"eu"})
    rig.settle(step=0.05)
    later = [event.event_id for batch in rig.script.batches[len(before) :] for event in batch]
    assert secret[0] not in later
    assert rig.counts.dropped == {"restricted": 1}
    assert rig.counts.delivered == 3


def test_a_batch_that_is_restricted_as_a_whole_is_not_attempted_again(bench):
    """Every part of the lease knows what was revoked, also after the last revoked event left the journal."""
    rig = bench.rig(batch_max_events=4)
    rig.script.answers(PermanentError("400"), RetryableError("busy"))
    rig.append(4, trace_id="eu")
    bench.clock.advance_until(rig.attempted(2), step=0.01)
    count = len(rig.script.batches)
    bench.journal.drop_pending("lake", "restricted", {"eu"})
    rig.settle(step=0.05)
    assert len(rig.script.batches) == count
    assert rig.counts.dropped == {"restricted": 4}
