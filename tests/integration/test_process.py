"""What happens to events when processes fork, spawn and end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

PRELUDE = """
import json, multiprocessing, os, sys, threading, time
import fanlight
from langchain_core.runnables import RunnableLambda

OUT = sys.argv[1]

def config(**sink):
    return {
        "version": 1, "service": "test", "environments": ["test"], "environment": "test", "shutdown_timeout": "2s",
        "sinks": {"file": {"type": "jsonl", "path": OUT, "batch": {"linger": "100ms"}}, **sink},
        "plugins": {"modules": ["fanlight_test_sinks"]} if sink else {},
        "routes": [{"match": {}, "to": ["file", *sink]}],
    }

chain = RunnableLambda(str.upper)
"""

SINKS = """
import threading
from fanlight import RetryableError, Sink, SinkConfig, SinkType, hookimpl

class Empty(SinkConfig):
    pass

class Hung(Sink[Empty]):
    def deliver(self, batch):
        threading.Event().wait()

class Failing(Sink[Empty]):
    def deliver(self, batch):
        raise RetryableError("busy")

@hookimpl
def fanlight_register_sinks():
    return [SinkType(name="hung", config_model=Empty, factory=Hung),
            SinkType(name="failing", config_model=Empty, factory=Failing)]
"""


starts_threads_at_exit = pytest.mark.skipif(
    (3, 12, 0) <= sys.version_info[:3] <= (3, 12, 2),
    reason="this Python starts no thread once the main thread has ended: python/cpython#113964",
)


def _run(tmp_path: Path, program: str, *, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    (tmp_path / "fanlight_test_sinks.py").write_text(SINKS)
    (tmp_path / "program.py").write_text(PRELUDE + program)
    return subprocess.run(
        [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "events.jsonl")],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), *sys.path)), "PYTHONWARNINGS": "ignore"},
    )


def _events(tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@starts_threads_at_exit
def test_a_short_script_loses_nothing(tmp_path: Path) -> None:
    """A script that ends right after its last run delivers everything at exit, unasked."""
    result = _run(tmp_path, "fanlight.install(config())\nfor i in range(50): chain.invoke(str(i))\n")

    assert (result.returncode, result.stderr) == (0, "")
    assert Counter(event["type"] for event in _events(tmp_path)) == {"chain.start": 50, "chain.end": 50}


@starts_threads_at_exit
def test_threads_that_outlive_the_main_thread_are_captured(tmp_path: Path) -> None:
    """Runs of non-daemon threads that go on after the main thread's end are delivered too."""
    program = """
fanlight.install(config())
def work():
    threading.main_thread().join()
    for i in range(10): chain.invoke(str(i))
threading.Thread(target=work).start()
"""
    result = _run(tmp_path, program)

    assert (result.returncode, result.stderr) == (0, "")
    assert len(_events(tmp_path)) == 20


@starts_threads_at_exit
def test_an_exit_with_hung_sinks_keeps_its_deadline(tmp_path: Path) -> None:
    """With a hung and a failing sink the process ends within twice `shutdown_timeout`; the healthy sink has it all."""
    program = """
import atexit
# Exit handlers run newest first: this one after fanlight's.
atexit.register(lambda: print(time.monotonic() - begin))
fanlight.install(config(stuck={"type": "hung"}, sick={"type": "failing"}))
for i in range(20): chain.invoke(str(i))
begin = time.monotonic()
"""
    result = _run(tmp_path, program)

    assert (result.returncode, result.stderr.count("Traceback")) == (0, 0), result.stderr
    assert len(_events(tmp_path)) == 40
    # The configured 2 s, twice, and twice that again for a machine that is busy with other things.
    assert float(result.stdout) < 8


@starts_threads_at_exit
def test_what_a_replaced_router_still_had_is_delivered_at_exit(tmp_path: Path) -> None:
    """A script that installs a second time and ends right away loses nothing of what the first router held."""
    program = """
slow = config()
slow["sinks"]["file"]["batch"] = {"linger": "30s"}
fanlight.install(slow)
for i in range(50): chain.invoke(str(i))
fanlight.install(config())
"""
    for _ in range(3):
        result = _run(tmp_path, program)
        assert (result.returncode, result.stderr) == (0, "")

    assert len(_events(tmp_path)) == 300


FORK = """
router = fanlight.install(config())
chain.invoke("parent before")
pids = []
for n in range(3):
    pid = os.fork()
    if pid == 0:
        chain.invoke(f"child {n}")
        report = router.flush(timeout=10)
        health = router.health()
        os._exit(0 if report and health.balanced and health.intake.captured == 2 else 1)
    pids.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
chain.invoke("parent after")
assert router.flush(timeout=10) and router.health().balanced
print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forked_children_deliver_their_own_and_nothing_twice(tmp_path: Path) -> None:
    """Three children of a parent with a live router: each delivers its own events, the parent's are sent once."""
    result = _run(tmp_path, FORK)

    assert result.stdout.strip() == "[0, 0, 0]", result.stderr
    inputs = Counter(event.get("inputs") for event in _events(tmp_path) if event["type"] == "chain.start")
    assert inputs == {"parent before": 1, "parent after": 1, "child 0": 1, "child 1": 1, "child 2": 1}
    assert len({event["process"]["pid"] for event in _events(tmp_path)}) == 4
    assert len({event["process"]["instance_id"] for event in _events(tmp_path)}) == 4


BUSY_FORK = """
router = fanlight.install(config())
# LangChain imports modules at its first run: a fork in the middle of an import hangs any Python program.
chain.invoke("warm") and router.flush(timeout=20)
stop = threading.Event()
def work():
    while not stop.is_set(): chain.invoke("busy")
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
codes = []
for n in range(20):
    pid = os.fork()
    if pid == 0:
        chain.invoke("child")
        os._exit(0 if router.flush(timeout=20) else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
stop.set()
for thread in threads: thread.join()
print(sorted(set(codes)), router.flush(timeout=20).complete, router.health().balanced)
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forking_while_events_come_never_deadlocks(tmp_path: Path) -> None:
    """Twenty forks while four threads emit: every child starts with fresh locks and delivers."""
    result = _run(tmp_path, BUSY_FORK, timeout=180)

    assert result.stdout.strip() == "[0] True True", result.stderr


PRELOAD = """
router = fanlight.install(config())  # the master installs, and has no event of its own
def serve(n):
    for i in range(5): chain.invoke(f"{n}/{i}")
    assert router.flush(timeout=10)
pids = []
for n in range(4):
    pid = os.fork()
    if pid == 0:
        serve(n)
        sys.stdout.flush()
        os._exit(0)
    pids.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids], router.health().state)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_preloading_before_the_fork_is_safe(tmp_path: Path) -> None:
    """Installed in a master that never runs a chain (gunicorn's preload), every worker delivers its events."""
    result = _run(tmp_path, PRELOAD)

    assert result.stdout.strip() == "[0, 0, 0, 0] idle", result.stderr
    assert len(_events(tmp_path)) == 40


SPAWN = """
def child(n):
    router = fanlight.install(config())
    chain.invoke(f"spawned {n}")

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=child, args=(n,)) for n in range(2)]
    for process in processes: process.start()
    for process in processes: process.join()
    print([process.exitcode for process in processes])
"""


def test_spawned_processes_deliver_at_their_end(tmp_path: Path) -> None:
    """A spawned process that installs fanlight and ends delivers what it captured."""
    result = _run(tmp_path, SPAWN)

    assert result.stdout.strip() == "[0, 0]", result.stderr
    assert len(_events(tmp_path)) == 4


def test_events_after_close_are_counted(tmp_path: Path) -> None:
    """A chain that runs after `close`, or in an exit handler, is counted and raises nothing."""
    program = """
import atexit
router = fanlight.Router.from_config(config())
handler = router.handler
atexit.register(lambda: chain.invoke("in an exit handler", config={"callbacks": [handler]}))
chain.invoke("a", config={"callbacks": [handler]})
router.close(timeout=10)
chain.invoke("b", config={"callbacks": [handler]})
print(router.health().intake.dropped, router.health().balanced)
"""
    result = _run(tmp_path, program)

    assert result.stdout.strip() == "{'after_close': 2} True", result.stderr
    assert result.stderr == ""
