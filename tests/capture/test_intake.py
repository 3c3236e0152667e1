"""The queue between the application and the router thread, and its side of the ledger."""

from __future__ import annotations

import threading
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from fanlight.capture.intake import RECORD_OVERHEAD, Intake
from fanlight.capture.record import CallbackRecord


def record(size: int = 0) -> CallbackRecord:
    return CallbackRecord("chain_start", uuid4(), None, 1, 1, (), {}, size=size)


def test_a_full_intake_drops_and_counts() -> None:
    """What does not fit is dropped, counted, and never blocks."""
    intake = Intake(max_events=2, max_bytes=1 << 20)
    for _ in range(5):
        intake.append(record())

    counts = intake.counts()
    assert (counts.captured, counts.queued, counts.dropped) == (5, 2, {"intake_full": 3})
    assert counts.balanced


def test_the_byte_bound_holds() -> None:
    """Large records fill it by their bytes; taking them makes room again."""
    intake = Intake(max_events=1000, max_bytes=3000 + 3 * RECORD_OVERHEAD)
    for _ in range(4):
        intake.append(record(1000))
    assert intake.counts().queued == 3

    intake.take(10)
    intake.append(record(1000))

    assert intake.counts().queued == 4
    assert intake.counts().dropped == {"intake_full": 1}


def test_a_closed_intake_counts_what_comes_late() -> None:
    """After closing, nothing is taken and nothing is lost in silence."""
    intake = Intake(max_events=10, max_bytes=1 << 20)
    intake.close()
    intake.append(record())

    assert intake.counts().dropped == {"after_close": 1}


def test_the_router_is_woken_only_when_it_sleeps() -> None:
    """An append costs a wake-up only while nobody is looking."""
    woken: list[int] = []
    intake = Intake(max_events=10, max_bytes=1 << 20, wake=lambda: woken.append(1))
    intake.append(record())
    intake.idle = False
    intake.append(record())

    assert woken == [1]


def test_the_equation_holds_for_every_reader() -> None:
    """While eight threads append and one settles, every look at the ledger balances."""
    intake = Intake(max_events=500, max_bytes=1 << 30)
    done = threading.Event()

    def append() -> None:
        for _ in range(3000):
            intake.append(record())

    def settle() -> None:
        while not done.is_set() or len(intake):
            for index, _ in enumerate(intake.take(50)):
                intake.settle(records=1, routed=index % 3, unmatched=index % 2, dropped={"restricted": index % 2})

    threads = [threading.Thread(target=append) for _ in range(8)]
    settler = threading.Thread(target=settle)
    settler.start()
    for thread in threads:
        thread.start()
    looks = [intake.counts() for _ in range(3000)]
    for thread in threads:
        thread.join()
    done.set()
    settler.join()

    assert all(counts.balanced for counts in looks)
    assert intake.counts().balanced
    assert intake.counts().queued == 0


class IntakeModel(RuleBasedStateMachine):
    """Whatever is appended, taken and settled, in whatever order, both sides of the equation stay equal."""

    taken = Bundle("taken")

    def __init__(self) -> None:
        super().__init__()
        self.intake = Intake(max_events=5, max_bytes=10_000)

    @rule(size=st.integers(0, 5000))
    def append(self, size: int) -> None:
        self.intake.append(record(size))

    @rule(target=taken, limit=st.integers(1, 4))
    def take(self, limit: int) -> list[int]:
        return [len(self.intake.take(limit))]

    @rule(taken=taken, routed=st.integers(0, 3), unmatched=st.integers(0, 2))
    def settle(self, taken: list[int], routed: int, unmatched: int) -> None:
        if taken[0]:
            taken[0] -= 1
            self.intake.settle(records=1, routed=routed, unmatched=unmatched)

    @rule()
    def abandon(self) -> None:
        self.intake.abandon("shutdown")

    @invariant()
    def balanced(self) -> None:
        assert self.intake.counts().balanced


TestIntakeModel = IntakeModel.TestCase
