"""
What a lane tells about itself: health and log lines, without content and without floods.
"""

from __future__ import annotations

import gc
import logging
import threading
import weakref

import msgspec
import pytest

from fanlight.delivery.describe import describe
from fanlight.delivery.voice import Voice
from fanlight.errors import PartialFailure, PermanentError, RetryableError
from fanlight.journal.base import Bounds
from fanlight.testing.clock import FakeClock, eventually

CANARY = "my diagnosis is confidential"


class Mark:
    """Something to watch the end of: a struct takes no weak reference."""


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return caught


def test_foreign_messages_are_not_told():
    """An exception that quotes what it choked on shows its type and place only."""
    told = describe(raised(ValueError(f"cannot encode {CANARY}")))
    assert told.startswith("ValueError: at ")
    assert CANARY not in told
    assert __name__.rpartition(".")[2] in told


def test_the_own_errors_messages_are_told():
    """They are written for operators; in one line, of bounded length."""
    assert describe(RetryableError("busy:\n 503")) == "RetryableError: busy: 503"
    assert len(describe(PermanentError("x" * 10_000))) < 600


def test_the_systems_messages_are_told():
    """`Connection refused` is what an operator needs; a file name or an argument is not shown."""
    assert (
        describe(ConnectionRefusedError(111, "Connection refused", CANARY))
        == "ConnectionRefusedError: Connection refused"
    )
    assert CANARY not in describe(raised(OSError(CANARY)))


def test_an_exception_that_cannot_be_described_is_no_obstacle():
    """A raising __str__ ends in a placeholder."""

    class Broken(RetryableError):
        def __str__(self):
            raise RuntimeError

    assert describe(Broken("x")) == "Broken: no message"


def test_no_content_in_logs_and_health(bench, caplog):
    """Whatever a sink puts into its exceptions, a prompt reaches neither log nor health."""
    caplog.set_level(logging.DEBUG)
    rig = bench.rig(batch_linger=0.0)
    rig.script.answers(KeyError(CANARY), TypeError(CANARY), None)
    rig.append(1)
    rig.settle()
    rig.close()
    assert "KeyError" in caplog.text
    assert CANARY not in caplog.text
    assert CANARY not in str(rig.health)
    assert CANARY not in str(rig.outcomes)


def test_a_failing_sink_logs_once_a_minute(bench, caplog):
    """Dozens of failures within a minute are one line; the next line counts those it stands for."""
    rig = bench.rig(batch_linger=0.0, retry_max=1.0, breaker_failures=10_000, give_up_after=1e6)
    rig.script.answers(RetryableError("down"))
    rig.append(1)
    bench.clock.advance_until(rig.attempted(30), step=0.5)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["fanlight sink lake: an attempt failed: RetryableError: down"]
    bench.clock.advance_until(lambda: len(caplog.records) == 2, step=0.5)
    assert "more since the last line" in caplog.records[1].getMessage()
    assert {record.name for record in caplog.records} == {"fanlight.lane"}


def levels(caplog):
    return [record.levelname for record in caplog.records]


@pytest.mark.parametrize("named", [False, True])
def test_a_destination_that_wants_a_moment_is_no_warning(bench, caplog, named):
    """It asks for a short pause, of the batch or of events by name, and takes them then: that is told at INFO, once."""
    caplog.set_level(logging.INFO, logger="fanlight.lane")
    rig = bench.rig(batch_linger=0.0)
    later = RetryableError("not yet", retry_after=2.0)
    rig.script.answers(PartialFailure({"lake0": later}) if named else later, *[later] * 2, None)
    rig.append(1)
    bench.clock.advance_until(rig.attempted(4), step=0.5)
    rig.settle()
    assert levels(caplog) == ["INFO"]
    assert "it is to be tried again" in caplog.text
    assert rig.health.counts.delivered == 1


def test_a_destination_that_wants_a_moment_again_and_again_is_a_warning(bench, caplog):
    """After a few attempts the same events are a failure like any other."""
    caplog.set_level(logging.INFO, logger="fanlight.lane")
    rig = bench.rig(batch_linger=0.0)
    rig.script.answers(RetryableError("not yet", retry_after=2.0))
    rig.append(1)
    bench.clock.advance_until(rig.attempted(4), step=0.5)
    eventually(lambda: levels(caplog) == ["INFO", "WARNING"])


@pytest.mark.parametrize(
    "error",
    [
        RetryableError("down"),
        RetryableError("a long pause", retry_after=60.0),
        RetryableError("locked out", retry_after=1.0, open_breaker=True),
        PartialFailure({"lake0": RetryableError("not yet", retry_after=1.0), "lake1": PermanentError("never")}),
        PartialFailure({"lake0": RetryableError("not yet", retry_after=1.0)}, unidentified=1),
    ],
)
def test_every_other_failure_is_a_warning(bench, caplog, error):
    """A failure without a word, a long pause, a locked door and a refusal are told at once."""
    caplog.set_level(logging.INFO, logger="fanlight.lane")
    rig = bench.rig(batch_linger=0.0)
    rig.script.answers(error, None)
    rig.append(2)
    eventually(lambda: levels(caplog)[:1] == ["WARNING"])


def test_losses_are_logged_by_reason_with_their_number(bench, caplog):
    """What a full queue lost is told, although it was lost on another thread than the lane's."""
    rig = bench.rig(bounds=Bounds(max_events=2), batch_max_events=2)
    rig.script.on_deliver = bench.hang
    rig.append(2)
    eventually(rig.attempted(1))
    rig.append(5)
    rig.close()
    lines = [record.getMessage() for record in caplog.records]
    assert "fanlight sink lake: 5 events were dropped: queue_full" in lines
    assert "fanlight sink lake: 2 events were dropped: shutdown" in lines


def test_a_loss_that_was_not_told_is_counted_into_the_next_line(caplog):
    """Over the windows the numbers add up to all that was lost."""
    clock = FakeClock()
    voice = Voice("lake", clock)
    voice.losses({"queue_full": 3})
    voice.losses({"queue_full": 10})
    clock.advance(60)
    voice.losses({"queue_full": 12})
    voice.losses({"queue_full": 13}, at_last=True)
    assert [record.args[1] for record in caplog.records] == [3, 9, 1]


def test_health_is_a_record_that_can_be_sent_away(bench):
    """It names the sink, its counts, and when what happened; it can be encoded as JSON."""
    rig = bench.rig(batch_linger=0.0)
    rig.script.answers(RetryableError("busy"))
    rig.append(2)
    bench.clock.advance_until(lambda: rig.health.last_error is not None)
    bench.clock.advance(7)
    health = rig.health
    assert health.sink == "lake"
    assert health.opened
    assert health.oldest_pending_seconds >= 7
    assert health.last_success_unix_nano is None
    assert health.last_error == "RetryableError: busy"
    assert health.counts.balanced
    assert msgspec.json.decode(msgspec.json.encode(health))["breaker"] == "closed"


def test_a_batch_that_failed_and_went_leaves_nothing_behind(bench):
    """When an event has its final word, no exception, thread or lane keeps it in memory until the next collection."""
    rig = bench.rig(batch_max_events=2)

    def deliver(batch):
        if batch.attempt == 1:
            raise RetryableError("busy")

    rig.script.on_deliver = deliver
    rig.append(2)
    bench.clock.advance_until(rig.attempted(1))
    mark = Mark()
    gone = weakref.ref(mark)
    rig.script.batches[0].deliveries[0].event.__dict__["mark"] = mark
    del mark
    gc.disable()
    try:
        rig.settle()
        rig.script.batches.clear()
        eventually(lambda: gone() is None)
    finally:
        gc.enable()


@pytest.mark.parametrize("seconds", [1.5])
def test_outcomes_tell_how_long_an_attempt_took(bench, seconds):
    """Each attempt is reported with its batch, number, size and duration."""
    rig = bench.rig(batch_max_events=2)

    def deliver(batch):
        bench.clock.advance(seconds)

    rig.script.on_deliver = deliver
    rig.append(2)
    rig.settle()
    (outcome,) = rig.outcomes
    assert (outcome.sink, outcome.events, outcome.attempt, outcome.result) == ("lake", 2, 1, "delivered")
    assert outcome.batch_id == rig.script.batches[0].id
    assert outcome.duration_ms >= seconds * 1000


def test_health_never_waits_for_the_sink(bench):
    """While the sink hangs, health answers from another thread."""
    rig = bench.rig(batch_linger=0.0, timeout=1e6)
    rig.script.on_deliver = bench.hang
    rig.append(1)
    eventually(rig.attempted(1))
    answers = []
    asker = threading.Thread(target=lambda: answers.append(rig.health), daemon=True)
    asker.start()
    asker.join(20)
    assert answers[0].counts.pending == 1
