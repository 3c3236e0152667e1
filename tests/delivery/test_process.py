"""
A lane and the life of its process: exit with everything hung, and fork.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import atexit, json, logging, os, random, sys, threading, time
from fanlight.clock import SYSTEM_CLOCK
from fanlight.delivery.lane import Lane
from fanlight.delivery.settings import LaneSettings
from fanlight.event import TelemetryEvent
from fanlight.journal.memory import MemoryJournal
from fanlight.ledger import SinkLedger
from fanlight.sinks.base import Delivery, Sink, SinkConfig, SinkContext, SinkType

hang = threading.Event()
taken = []

class Recording(Sink[SinkConfig]):
    def deliver(self, batch):
        taken.extend(event.event_id for event in batch)

class Hanging(Sink[SinkConfig]):
    def deliver(self, batch):
        hang.wait()

journal = MemoryJournal()

def lane(name, sink, **settings):
    context = SinkContext(name=name, service_name="s", environment="e", instance_id="i", logger=logging.getLogger("x"))
    ledger = SinkLedger()
    return ledger, Lane(name, sink_type=SinkType(name="t", config_model=SinkConfig, factory=sink), config=SinkConfig(),
                context=context, settings=LaneSettings(**settings), journal=journal, ledger=ledger, clock=SYSTEM_CLOCK,
                random=random.random)

def anew(name, sink, **settings):
    # What a router does in a forked child: a journal and a lane of its own; the parent's stay untouched, and alive.
    global journal
    inherited.append(journal)
    journal = MemoryJournal()
    return lane(name, sink, **settings)

inherited = []

def append(name, *event_ids):
    journal.append([Delivery(sink=name, size=1, event=TelemetryEvent(event_id=one, type="text", run_id="r",
        root_run_id="r", trace_id="t", span_id="s", name="n", time_unix_nano=0)) for one in event_ids])

def counts(ledger):
    found = ledger.snapshot()
    assert found.balanced
    return {"accepted": found.accepted, "delivered": found.delivered, "pending": found.pending,
            "dropped": found.dropped}

def flush(one, seconds=20.0):
    return one.flush(time.monotonic() + seconds)
"""


def run(program: str, *, timeout: float = 60) -> list[dict]:
    """Run *program* in a process of its own, and return the lines of JSON that it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PRELUDE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_exit_with_hung_lanes():
    """Ten hung sinks with full queues: the process ends by itself after close, without a traceback, all counted."""
    lines = run(
        """
        lanes = [lane(f"s{number}", Hanging, batch_max_events=2, timeout=3600.0) for number in range(10)]
        for number in range(10):
            append(f"s{number}", *map(str, range(50)))
        def end():
            deadline = time.monotonic() + 0.5
            for _, one in lanes:
                one.close(deadline)
            for ledger, _ in lanes:
                print(json.dumps(counts(ledger)))
        atexit.register(end)
        """
    )
    assert lines == [{"accepted": 50, "delivered": 0, "pending": 0, "dropped": {"shutdown": 50}}] * 10


def test_exit_without_close():
    """A process that forgets its lanes, one of them hung, still ends: all their threads are daemons."""
    assert run("ledger, one = lane('s', Hanging, batch_linger=0.0); append('s', 'a'); print('{}')") == [{}]


def test_a_short_script_delivers_at_exit():
    """Events appended last, closed in atexit: the threads run already, although Python 3.12+ starts none now."""
    lines = run(
        """
        ledger, one = lane("s", Recording, batch_linger=3600.0)
        append("s", "a", "b")
        def end():
            one.close(time.monotonic() + 20)
            print(json.dumps(counts(ledger)))
        atexit.register(end)
        """
    )
    assert lines == [{"accepted": 2, "delivered": 2, "pending": 0, "dropped": {}}]


def test_first_event_in_atexit():
    """An event that comes when no thread may start any more is delivered or counted; nothing raises or hangs."""
    (line,) = run(
        """
        ledger, one = lane("s", Recording)
        def end():
            append("s", "a")
            one.close(time.monotonic() + 20)
            print(json.dumps(counts(ledger)))
        atexit.register(end)
        """
    )
    assert line["pending"] == 0
    assert line["delivered"] + line["dropped"].get("shutdown", 0) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_fork_with_a_full_queue_and_locks_held():
    """
    A fork while a batch is on the wire and the lane's locks are held: the child begins at zero and delivers its own.

    The parent's events are sent by the parent alone, once.
    """
    lines = run(
        """
        def send(pipe, name):
            os.write(pipe, (json.dumps({"who": name, "taken": taken, **counts(ledger)}) + "\\n").encode())

        started, go_on = threading.Event(), threading.Event()
        class Gated(Recording):
            def deliver(self, batch):
                if os.getpid() == parent:
                    started.set()
                    go_on.wait(20)
                super().deliver(batch)

        parent = os.getpid()
        ledger, one = lane("s", Gated, batch_max_events=2)
        append("s", "p1", "p2", "p3")
        started.wait(20)

        held, release = threading.Event(), threading.Event()
        def hold():
            with one._worker._condition, ledger.lock:
                held.set()
                release.wait(20)
        threading.Thread(target=hold, daemon=True).start()
        held.wait(20)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                parents, (ledger, one) = one, anew("s", Gated, batch_max_events=2)
                append("s", "c1")
                assert flush(one)
                one.close(time.monotonic() + 20)
                send(writing, "child")
            finally:
                os._exit(0)
        release.set()
        os.waitpid(child, 0)
        os.close(writing)
        print(os.read(reading, 10000).decode(), end="")
        go_on.set()
        assert flush(one)
        print(json.dumps({"who": "parent", "taken": taken, **counts(ledger)}))
        """
    )
    assert lines == [
        {"who": "child", "taken": ["c1"], "accepted": 1, "delivered": 1, "pending": 0, "dropped": {}},
        {"who": "parent", "taken": ["p1", "p2", "p3"], "accepted": 3, "delivered": 3, "pending": 0, "dropped": {}},
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_never_touches_the_parents_sink():
    """The inherited instance is neither used nor closed nor collected in the child, which opens one of its own."""
    lines = run(
        """
        import gc
        touched = []
        class Owned(Sink[SinkConfig]):
            def open(self, context):
                self.pid = os.getpid()
            def deliver(self, batch):
                if self.pid != os.getpid():
                    touched.append("deliver")
            def close(self):
                if self.pid != os.getpid():
                    touched.append("close")
            def __del__(self):
                if getattr(self, "pid", None) not in (None, os.getpid()):
                    touched.append("del")
        ledger, one = lane("s", Owned)
        append("s", "p1")
        assert flush(one)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                parents, (ledger, one) = one, anew("s", Owned)
                append("s", "c1")
                assert flush(one)
                one.close(time.monotonic() + 20)
                gc.collect()
                os.write(writing, json.dumps({"touched": touched, **counts(ledger)}).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        print(os.read(reading, 10000).decode())
        """
    )
    assert lines == [{"touched": [], "accepted": 1, "delivered": 1, "pending": 0, "dropped": {}}]
