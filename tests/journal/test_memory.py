"""
The memory journal: order, bounds, leases, and every event with exactly one final word.
"""

from __future__ import annotations

import threading

import pytest

from fanlight.journal.base import Bounds, Lease
from fanlight.journal.dead_letters import MAX_BYTES, MAX_LETTERS
from fanlight.journal.memory import MemoryJournal
from fanlight.ledger import SinkLedger
from fanlight.testing.clock import FakeClock

ALL = {"max_events": 1000, "max_bytes": 1 << 30}


class Opened:
    """A journal with one sink, `lake`."""

    def __init__(self, **bounds):
        self.clock = FakeClock()
        self.journal = MemoryJournal(self.clock)
        self.ledger = SinkLedger()
        self.notified = 0
        self.journal.open_sink("lake", Bounds(**bounds), self.ledger, self.hear)

    def hear(self):
        self.notified += 1

    def lease(self, **limits) -> Lease | None:
        return self.journal.lease("lake", **{**ALL, **limits})

    def leased_ids(self, **limits) -> list[str]:
        lease = self.lease(**limits)
        return [] if lease is None else ids(lease)

    @property
    def counts(self):
        counts = self.ledger.snapshot()
        assert counts.balanced
        return counts


def ids(lease: Lease) -> list[str]:
    return [delivery.event.event_id for delivery in lease.deliveries]


def test_events_are_leased_in_the_order_of_their_acceptance(delivery):
    """A lease holds the oldest events, no more than asked for, and they stay pending."""
    opened = Opened()
    opened.journal.append([delivery(f"e{number}") for number in range(5)])
    assert opened.leased_ids(max_events=2) == ["e0", "e1"]
    assert opened.leased_ids(max_events=9) == ["e2", "e3", "e4"]
    assert opened.lease() is None
    assert opened.counts.pending == 5
    assert opened.journal.depth("lake").leased == 5


def test_a_lease_ends_before_the_bytes_run_over(delivery):
    """A lease keeps to its bytes, but an event that is larger alone still gets its turn."""
    opened = Opened()
    opened.journal.append([delivery("big", size=100), delivery("a", size=4), delivery("b", size=4), delivery("c")])
    assert opened.leased_ids(max_bytes=8) == ["big"]
    assert opened.leased_ids(max_bytes=8) == ["a", "b"]
    assert opened.leased_ids(max_bytes=8) == ["c"]


def test_acceptance_is_stamped_by_the_journal(delivery):
    """`accepted_at` is the clock's time at append, and depth names the oldest."""
    opened = Opened()
    opened.journal.append([delivery("a")])
    opened.clock.advance(7)
    opened.journal.append([delivery("b")])
    lease = opened.lease()
    assert [one.accepted_at for one in lease.deliveries] == [1000.0, 1007.0]
    assert opened.journal.depth("lake").oldest_accepted_at == 1000.0


def test_a_full_queue_loses_its_oldest_unleased_event(delivery):
    """drop_oldest never takes what a lane is working on, and counts each loss."""
    opened = Opened(max_events=3)
    opened.journal.append([delivery("a"), delivery("b"), delivery("c")])
    lease = opened.lease(max_events=1)
    opened.journal.append([delivery("d")])
    assert ids(lease) == ["a"]
    assert opened.leased_ids() == ["c", "d"]
    assert opened.counts.dropped == {"queue_full": 1}


def test_when_everything_is_leased_the_newest_is_lost(delivery):
    """There is nothing older to drop than what is on the wire."""
    opened = Opened(max_events=2)
    opened.journal.append([delivery("a"), delivery("b")])
    opened.lease()
    opened.journal.append([delivery("c")])
    assert opened.lease() is None
    assert opened.counts.dropped == {"queue_full": 1}
    assert opened.counts.pending == 2


def test_drop_newest_keeps_what_is_there(delivery):
    """drop_newest refuses the new event, counted as accepted and dropped."""
    opened = Opened(max_events=2, when_full="drop_newest")
    opened.journal.append([delivery("a"), delivery("b"), delivery("c")])
    assert opened.leased_ids() == ["a", "b"]
    assert opened.counts.accepted == 3
    assert opened.counts.dropped == {"queue_full": 1}


def test_the_queue_is_bounded_by_bytes(delivery):
    """As many old events go as the new one needs bytes."""
    opened = Opened(max_bytes=10)
    opened.journal.append([delivery("a", size=4), delivery("b", size=4), delivery("c", size=2), delivery("d", size=6)])
    assert opened.leased_ids() == ["c", "d"]
    assert opened.counts.pending_bytes == 8
    assert opened.counts.dropped == {"queue_full": 2}


def test_old_events_are_not_sacrificed_for_one_that_cannot_fit(delivery):
    """Where leased bytes leave no room even in an empty queue, the new event is lost and no other."""
    opened = Opened(max_bytes=10)
    opened.journal.append([delivery("a", size=8), delivery("b", size=1)])
    opened.lease(max_events=1)
    opened.journal.append([delivery("c", size=5)])
    assert opened.leased_ids() == ["b"]


def test_an_event_larger_than_the_queue_is_too_large(delivery):
    """It is counted as such and costs no other event its place."""
    opened = Opened(max_bytes=10)
    opened.journal.append([delivery("a", size=3), delivery("huge", size=11)])
    assert opened.leased_ids() == ["a"]
    assert opened.counts.dropped == {"too_large": 1}


def test_each_event_of_a_lease_can_have_its_own_word(delivery):
    """ack, drop and dead_letter settle the named events, the rest can be given back."""
    opened = Opened()
    opened.journal.append([delivery(name, size=2) for name in "abcde"])
    lease = opened.lease()
    opened.journal.ack("lake", lease, {"a"})
    opened.journal.drop("lake", lease, "rejected", {"b"})
    opened.journal.dead_letter("lake", lease, "too_large", "413", {"c"})
    opened.journal.give_back("lake", lease)
    counts = opened.counts
    assert (counts.delivered, counts.dead_lettered, counts.dropped) == (1, 1, {"rejected": 1})
    assert (counts.pending, counts.pending_bytes) == (2, 4)
    assert opened.leased_ids() == ["d", "e"]
    (letter,) = opened.journal.dead_letters("lake")
    assert (letter.delivery.event.event_id, letter.reason, letter.message) == ("c", "too_large", "413")


def test_a_second_word_about_an_event_is_ignored(delivery):
    """A late ack after a drop counts nothing: an event is delivered or dropped, never both."""
    opened = Opened()
    opened.journal.append([delivery("a"), delivery("b")])
    lease = opened.lease()
    opened.journal.drop("lake", lease, "shutdown", {"a"})
    opened.journal.ack("lake", lease)
    opened.journal.ack("lake", lease)
    opened.journal.give_back("lake", lease)
    counts = opened.counts
    assert (counts.delivered, counts.dropped, counts.pending) == (1, {"shutdown": 1}, 0)


def test_what_is_given_back_stands_in_its_old_place(delivery):
    """Leases given back in any order leave the queue in the order of acceptance."""
    opened = Opened()
    opened.journal.append([delivery(name) for name in "abcdef"])
    first, second = opened.lease(max_events=2), opened.lease(max_events=2)
    opened.journal.give_back("lake", first)
    opened.journal.give_back("lake", second)
    assert opened.leased_ids() == list("abcdef")


def test_pending_events_of_a_trace_can_be_dropped(delivery):
    """Only the named trace goes, counted under the given reason, and whoever waits hears of it."""
    opened = Opened()
    opened.journal.append([delivery("a", trace_id="t1"), delivery("b", trace_id="t2"), delivery("c", trace_id="t1")])
    before = opened.notified
    assert opened.journal.drop_pending("lake", "restricted", {"t1"}) == 2
    assert opened.notified == before + 1
    assert opened.leased_ids() == ["b"]
    assert opened.counts.dropped == {"restricted": 2}


def test_leased_events_of_a_dropped_trace_are_revoked(delivery):
    """What a lane holds is marked with the reason; given back, it is dropped instead of queued."""
    opened = Opened()
    opened.journal.append([delivery("a", trace_id="t1"), delivery("b", trace_id="t2")])
    lease = opened.lease()
    assert opened.journal.revoked("lake", lease) == {}
    assert opened.journal.drop_pending("lake", "restricted", {"t1"}) == 0
    assert opened.journal.revoked("lake", lease) == {"a": "restricted"}
    opened.journal.give_back("lake", lease)
    assert opened.leased_ids() == ["b"]
    assert opened.counts.dropped == {"restricted": 1}


def test_head_passes_a_position_when_all_before_it_have_their_word(delivery):
    """Depth's head is the oldest pending position, leased or ready: what a flush waits for."""
    opened = Opened()
    opened.journal.append([delivery("a"), delivery("b"), delivery("c")])
    mark = opened.journal.depth("lake").tail
    lease = opened.lease(max_events=2)
    opened.journal.append([delivery("d")])
    opened.journal.ack("lake", lease, {"b"})
    assert opened.journal.depth("lake").head == mark - 3
    opened.journal.ack("lake", lease)
    assert opened.journal.depth("lake").head == mark - 1
    opened.journal.ack("lake", opened.lease(max_events=1))
    assert opened.journal.depth("lake").head == mark


def test_dead_letters_are_bounded_but_all_are_counted(delivery):
    """The newest letters are kept, by number and by bytes."""
    opened = Opened(max_events=5000)
    opened.journal.append([delivery(f"e{number}") for number in range(MAX_LETTERS + 5)])
    opened.journal.dead_letter("lake", opened.lease(max_events=5000), "rejected", "no")
    letters = opened.journal.dead_letters("lake")
    assert len(letters) == MAX_LETTERS
    assert letters[-1].delivery.event.event_id == f"e{MAX_LETTERS + 4}"
    assert opened.counts.dead_lettered == MAX_LETTERS + 5
    opened.journal.append([delivery("big", size=MAX_BYTES)])
    opened.journal.dead_letter("lake", opened.lease(), "rejected", "no")
    assert [letter.delivery.event.event_id for letter in opened.journal.dead_letters("lake")] == ["big"]


def test_nothing_is_accepted_when_one_sink_is_unknown(delivery):
    """A sink that was never opened is a KeyError, before any event is accepted."""
    opened = Opened()
    with pytest.raises(KeyError):
        opened.journal.append([delivery("a"), delivery("b", sink="nowhere")])
    assert opened.counts.accepted == 0


def test_a_sink_has_one_queue():
    """Opening a sink twice is refused: its pending events would be lost without a count."""
    opened = Opened()
    with pytest.raises(ValueError, match="lake"):
        opened.journal.open_sink("lake", Bounds(), SinkLedger(), lambda: None)


def test_notify_is_called_without_locks(delivery):
    """Whoever is notified may have another thread look at the ledger without a deadlock."""
    seen = []

    def hear():
        reader = threading.Thread(target=lambda: seen.append(ledger.snapshot().accepted), daemon=True)
        reader.start()
        reader.join(10)

    journal, ledger = MemoryJournal(), SinkLedger()
    journal.open_sink("lake", Bounds(), ledger, hear)
    journal.append([delivery("a"), delivery("b")])
    assert seen == [2]


def test_close_drops_what_is_left(delivery):
    """Ready or leased, what is pending at close is counted as shutdown."""
    opened = Opened()
    opened.journal.append([delivery("a"), delivery("b")])
    lease = opened.lease(max_events=1)
    opened.journal.close()
    opened.journal.ack("lake", lease)
    assert opened.counts.dropped == {"shutdown": 2}
    assert opened.counts.pending == opened.counts.pending_bytes == 0
