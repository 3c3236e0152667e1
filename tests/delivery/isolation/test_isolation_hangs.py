"""
A lane over a sink's own process: what hangs is killed, what dies is started anew, and the ledger says so.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
from contextlib import suppress

import pytest

from fanlight import hookimpl
from fanlight.testing.clock import eventually


def sink_threads():
    return [thread for thread in threading.enumerate() if thread.name == "fanlight-sink-lake"]


@pytest.mark.parametrize("word", ["hang once", "hold once"])
def test_a_hung_sink_is_killed_and_made_anew(rig, notes, word, is_alive):
    """After the timeout its process is gone, one that holds the interpreter's lock too; a new one delivers."""
    one = rig(timeout=0.5)
    one.append(word, "fine")
    assert one.flush()
    assert one.results == ["timeout", "delivered"]
    first, second = notes.pids
    assert one.lane.health().child_pid == second
    eventually(lambda: not is_alive(first))
    eventually(lambda: one.lane.health().hung_threads == 0)
    assert len(sink_threads()) == 1
    assert one.lane.health().timeouts == 1
    assert one.counts.delivered == 2


def test_a_sink_that_always_hangs_holds_no_thread(rig, notes, is_alive):
    """Attempt after attempt, none of their processes and none of their threads stays."""
    one = rig(timeout=0.2, breaker_failures=100)
    one.append("hang")
    eventually(lambda: len(notes.pids) >= 3)
    one.close(0.0)
    eventually(lambda: not any(map(is_alive, notes.pids)))
    eventually(lambda: one.lane.health().hung_threads == 0)


def test_what_the_sink_started_is_killed_with_it(rig, notes, is_alive):
    """A program that the SDK started in the same group goes too."""
    one = rig(timeout=0.5)
    one.append("start once", "hang once")
    assert one.flush()
    (started,) = notes("started")
    eventually(lambda: not is_alive(started["pid"]))


def test_what_the_sink_started_does_not_outlive_its_close(rig, notes, is_alive):
    """A program that the SDK left behind is ended after the sink was closed in order."""
    one = rig()
    one.append("start")
    assert one.flush()
    one.close()
    (started,) = notes("started")
    eventually(lambda: not is_alive(started["pid"]))
    assert len(notes("closed")) == 1


def test_the_sink_can_end_what_it_started(rig, notes):
    """That the process itself minds no SIGTERM is not passed on to the programs of the SDK."""
    one = rig(timeout=20.0)
    one.append("start_and_end")
    assert one.flush()
    assert one.results == ["delivered"]


def test_a_process_that_dies_while_it_delivers(rig, notes):
    """The batch is sent again to a new one at once, not after the timeout, and counted once."""
    one = rig(timeout=3600.0)
    one.append("die once", "fine")
    assert one.flush()
    assert one.results == ["retry", "delivered"]
    assert one.outcomes[0].message.startswith("ProcessEndedError: its process was ended by SIGKILL")
    assert (one.counts.accepted, one.counts.delivered) == (2, 2)
    assert len(set(notes.pids)) == 2


def test_a_process_that_is_killed_between_two_batches(rig, notes):
    """The next batch finds that out, and is delivered by a new one."""
    one = rig()
    one.append("fine")
    assert one.flush()
    os.kill(one.lane.health().child_pid, signal.SIGKILL)
    one.append("fine")
    assert one.flush()
    assert one.results == ["delivered", "retry", "delivered"]
    assert one.counts.delivered == 2
    assert len(set(notes.pids)) == 2


def test_processes_that_are_killed_at_random(rig, notes):
    """Killed in the middle of its work again and again: every event arrives, and the ledger balances throughout."""
    one = rig(breaker_failures=10**6, retry_max=0.02, batch_max_events=5)
    done, chance = threading.Event(), random.Random(7)

    def kill():
        while not done.wait(chance.uniform(0.0, 0.2)):
            pid = one.lane.health().child_pid
            if pid in notes.pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def append():
        one.append(f"event {one.counts.accepted}")
        done.wait(0.01)
        return len(notes.pids) >= 6

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        eventually(append)
    finally:
        done.set()
        killer.join()
    assert one.flush()
    arrived = {event["name"] for note in notes("deliver") for event in note["events"]}
    assert arrived == {f"event {number}" for number in range(one.counts.accepted)}
    assert one.counts.delivered == one.counts.accepted


def test_the_breaker_sees_it(rig, notes):
    """A sink whose process dies again and again is left alone."""
    one = rig(breaker_failures=3)
    one.append("die")
    eventually(lambda: one.lane.health().breaker == "open")
    assert one.lane.health().last_error.startswith("ProcessEndedError")
    assert one.lane.health().opened is False


def test_a_hung_open_is_killed_too(rig, notes, monkeypatch, is_alive):
    """The events wait, and a new process takes them."""
    monkeypatch.setattr("fanlight.delivery.sender.OPEN_TIMEOUT", 1.0)
    one = rig({"opening": "hang once"}, timeout=1.0)
    one.append("fine")
    assert one.flush()
    first, _ = notes.pids
    eventually(lambda: not is_alive(first))
    assert one.counts.delivered == 1


def test_close_closes_the_sink(rig, notes, is_alive):
    """A lane that closes with time left delivers, has the sink closed in its process, and leaves none."""
    one = rig()
    one.append("fine")
    one.close()
    assert len(notes("delivered", "closed")) == 2
    assert not is_alive(notes.pids[0])
    assert one.lane.health().child_pid is None


@pytest.mark.parametrize("config", [{"closing": "hang"}, {}], ids=["in its close", "in its deliver"])
def test_close_of_a_hung_sink_kills_it(rig, notes, config, is_alive):
    """When `close` returns, at its deadline, nothing runs on."""
    one = rig(config, timeout=3600.0)
    one.append("fine" if config else "hang")
    eventually(lambda: notes("deliver"))
    closer = threading.Thread(target=lambda: one.close(0.5), daemon=True)
    closer.start()
    closer.join(30)
    assert not closer.is_alive()
    eventually(lambda: not is_alive(notes.pids[0]))
    assert one.counts.pending == 0


def test_wrappers_stay_here(rig, notes):
    """A plugin's wrapper sees the batch in the application's process, around the attempt."""
    seen = []

    class Wrapper:
        @hookimpl(wrapper=True)
        def fanlight_deliver(self, batch):
            seen.append((os.getpid(), len(batch)))
            return (yield)

    one = rig(wrappers=[Wrapper()])
    one.append("fine")
    assert one.flush()
    assert seen == [(os.getpid(), 1)]


def test_health_tells_where_it_runs(rig, notes):
    """`isolation` and `child_pid`; the id is there while the process is."""
    one = rig()
    assert (one.lane.health().isolation, one.lane.health().child_pid) == ("process", None)
    one.append("fine")
    assert one.flush()
    assert one.lane.health().child_pid == notes.pids[0]


def test_what_is_logged_between_two_calls_is_not_lost(rig, notes, quiet):
    """A line of a thread of the SDK arrives with the next batch."""
    quiet.set_level(logging.INFO, "fanlight.sinks.lake")
    one = rig()
    one.append("log_later")
    assert one.flush()
    notes.path.with_suffix(".answered").touch()
    eventually(lambda: notes("logged"))
    assert "later" not in quiet.messages
    one.append("fine")
    assert one.flush()
    assert "later" in quiet.messages
