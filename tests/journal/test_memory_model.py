"""
The memory journal against a model that is too simple to be wrong, over random histories.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from fanlight.event import TelemetryEvent
from fanlight.journal.base import Bounds
from fanlight.journal.memory import MemoryJournal
from fanlight.ledger import SinkLedger
from fanlight.sinks.base import Delivery

TRACES = ("t0", "t1", "t2")


class JournalMachine(RuleBasedStateMachine):
    """The equation holds after every step, and each event ends where the model says."""

    leases = Bundle("leases")

    @initialize(
        max_events=st.integers(1, 6),
        max_bytes=st.integers(1, 20),
        when_full=st.sampled_from(["drop_oldest", "drop_newest"]),
    )
    def open(self, max_events, max_bytes, when_full):
        self.bounds = Bounds(max_events=max_events, max_bytes=max_bytes, when_full=when_full)
        self.journal, self.ledger = MemoryJournal(), SinkLedger()
        self.journal.open_sink("s", self.bounds, self.ledger, lambda: None)
        self.number = 0
        self.events = {}  # event id -> (number, size, trace), of all ever
        self.ready, self.leased = [], {}  # ids in order; lease id -> ids
        self.revoked = set()
        self.word = {}  # event id -> its final word

    @rule(sizes=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(TRACES)), max_size=4))
    def append(self, sizes):
        deliveries = []
        for size, trace in sizes:
            event_id = f"e{self.number}"
            self.events[event_id] = (self.number, size, trace)
            self.number += 1
            event = TelemetryEvent(
                event_id=event_id,
                type="text",
                run_id="r",
                root_run_id="r",
                trace_id=trace,
                span_id="s",
                name="n",
                time_unix_nano=0,
            )
            deliveries.append(Delivery(event=event, sink="s", size=size))
            self._model_append(event_id, size)
        self.journal.append(deliveries)

    def _model_append(self, event_id, size):
        held = [one for ids in self.leased.values() for one in ids]
        if size > self.bounds.max_bytes:
            self.word[event_id] = "too_large"
            return
        while not self._room([*held, *self.ready], size):
            if self.bounds.when_full == "drop_newest" or not self._room(held, size):
                self.word[event_id] = "queue_full"
                return
            self.word[self.ready.pop(0)] = "queue_full"
        self.ready.append(event_id)

    def _room(self, ids, size):
        return len(ids) < self.bounds.max_events and self._bytes(ids) + size <= self.bounds.max_bytes

    def _bytes(self, ids):
        return sum(self.events[one][1] for one in ids)

    @rule(target=leases, max_events=st.integers(1, 4), max_bytes=st.integers(1, 12))
    def lease(self, max_events, max_bytes):
        lease = self.journal.lease("s", max_events=max_events, max_bytes=max_bytes)
        expected = []
        while self.ready and len(expected) < max_events:
            if expected and self._bytes([*expected, self.ready[0]]) > max_bytes:
                break
            expected.append(self.ready.pop(0))
        assert [one.event.event_id for one in lease.deliveries] == expected if lease else not expected
        if lease:
            self.leased[lease.id] = expected
        return lease

    @rule(lease=leases, word=st.sampled_from(["delivered", "dead", "rejected"]), data=st.data())
    def settle(self, lease, word, data):
        if lease is None:
            return
        members = [one.event.event_id for one in lease.deliveries]
        chosen = data.draw(st.none() | st.sets(st.sampled_from([*members, "unknown"])))
        if word == "delivered":
            self.journal.ack("s", lease, chosen)
        elif word == "dead":
            self.journal.dead_letter("s", lease, "refused", "no", chosen)
        else:
            self.journal.drop("s", lease, word, chosen)
        left = self.leased.get(lease.id, [])
        for event_id in [one for one in left if chosen is None or one in chosen]:
            left.remove(event_id)
            self.revoked.discard(event_id)
            self.word[event_id] = word

    @rule(lease=consumes(leases))
    def give_back(self, lease):
        if lease is None:
            return
        self.journal.give_back("s", lease)
        for event_id in self.leased.pop(lease.id, []):
            if event_id in self.revoked:
                self.revoked.discard(event_id)
                self.word[event_id] = "restricted"
            else:
                self.ready.append(event_id)
        self.ready.sort(key=lambda one: self.events[one][0])

    @rule(traces=st.sets(st.sampled_from(TRACES)))
    def restrict(self, traces):
        gone = [one for one in self.ready if self.events[one][2] in traces]
        assert self.journal.drop_pending("s", "restricted", traces) == len(gone)
        self.ready = [one for one in self.ready if one not in gone]
        self.word.update(dict.fromkeys(gone, "restricted"))
        self.revoked |= {one for ids in self.leased.values() for one in ids if self.events[one][2] in traces}

    @rule(lease=leases)
    def revoked_is_as_marked(self, lease):
        if lease is not None:
            expected = {one: "restricted" for one in self.leased.get(lease.id, []) if one in self.revoked}
            assert {
                one: why for one, why in self.journal.revoked("s", lease).items() if one not in self.word
            } == expected

    @invariant()
    def the_equation_holds(self):
        assert self.ledger.snapshot().balanced

    @invariant()
    def counts_are_the_models(self):
        counts = self.ledger.snapshot()
        words = list(self.word.values())
        pending = [*self.ready, *(one for ids in self.leased.values() for one in ids)]
        assert counts.accepted == self.number
        assert counts.delivered == words.count("delivered")
        assert counts.dead_lettered == words.count("dead")
        assert counts.dropped == {word: words.count(word) for word in words if word not in {"delivered", "dead"}}
        assert (counts.pending, counts.pending_bytes) == (len(pending), self._bytes(pending))

    @invariant()
    def depth_is_the_models(self):
        depth = self.journal.depth("s")
        pending = [*self.ready, *(one for ids in self.leased.values() for one in ids)]
        assert depth.events == len(pending) <= self.bounds.max_events
        assert depth.bytes == self._bytes(pending) <= self.bounds.max_bytes
        assert depth.tail == self.number
        assert depth.head == min((self.events[one][0] for one in pending), default=self.number)


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
