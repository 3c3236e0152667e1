"""
A sink's own process and the end of the application: by itself, by a signal, by a kill; and its forks.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fanlight.testing.clock import eventually

IMPORTABLE = Path(__file__).parent / "importable"

PRELUDE = """
import ctypes, json, os, sys, time
sys.path.insert(0, sys.argv[2])  # nothing but this process knows
import fanlight
from langchain_core.runnables import RunnableLambda

with open(sys.argv[1] + ".main", "a") as stream:
    stream.write("once\\n")

def install(**sink):
    settings = {"type": "alone", "log": sys.argv[1], "batch": {"linger": "10ms"}, "timeout": "1h", **sink}
    return fanlight.install({
        "version": 1, "service": "test", "environments": ["test"], "environment": "test", "shutdown_timeout": "2s",
        "plugins": {"modules": ["acting_sinks"]}, "sinks": {"actor": settings},
        "routes": [{"match": {}, "to": ["actor"]}],
    })

def run(name):
    RunnableLambda(str.upper).with_config(run_name=name).invoke("x")

def child(router):
    return router.health().sinks["actor"].child_pid

def tell(**what):
    print(json.dumps(what), flush=True)
"""


@pytest.fixture
def start(notes, tmp_path):
    """Starts a program as a process and group of its own, killed with its group at the end of the test."""
    started = []

    def start(program):
        path = tmp_path / "program.py"
        path.write_text(PRELUDE + textwrap.dedent(program))
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore::DeprecationWarning", path, notes.path, IMPORTABLE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ended(process):
    """Wait for the end of a program, without a traceback, and return what it told."""
    out, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (0, False), err
    return [json.loads(line) for line in out.splitlines()]


def names(notes, call="deliver"):
    return [event["name"] for note in notes(call) for event in note["events"]]


@pytest.mark.skipif(
    (3, 12, 0) <= sys.version_info[:3] <= (3, 12, 2),
    reason="these versions start no thread once the main thread has ended (python/cpython#113964)",
)
def test_a_short_script_loses_nothing(start, notes):
    """What was captured last is delivered at exit, the sink is closed, and no process is left."""
    ended(start("install()\nfor number in range(20): run(f'run {number}')\n"))
    assert len(names(notes)) == 40
    assert len(notes("closed")) == 1


def test_the_applications_main_is_not_imported_again(start, notes):
    """The process of a sink is a program of its own, although the sink's module is the application's."""
    ended(start("install(); run('fine')"))
    assert Path(f"{notes.path}.main").read_text() == "once\n"


def test_an_application_that_ignores_its_children(start, notes):
    """Where the system takes the exit code away, delivery, a death and the end go on as they would."""
    (told,) = ended(
        start(
            """
            import signal
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            router = install()
            run('fine')
            assert router.flush(30)
            os.kill(child(router), 9)
            run('again')
            assert router.flush(30)
            router.close()
            tell(delivered=router.health().sinks['actor'].counts.delivered)
            """
        )
    )
    assert told == {"delivered": 4}
    assert len(notes("closed")) == 1


def test_an_application_that_ends_at_a_broken_pipe(start, notes):
    """SIGPIPE at its default, as in a command line tool: a sink's process that died does not take the tool along."""
    (told,) = ended(
        start(
            """
            import signal
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            router = install()
            run('fine')
            assert router.flush(30)
            os.kill(child(router), 9)
            os.waitid(os.P_PID, child(router), os.WEXITED | os.WNOWAIT)
            run('again')
            assert router.flush(30)
            tell(delivered=router.health().sinks['actor'].counts.delivered)
            """
        )
    )
    assert told == {"delivered": 4}


@pytest.mark.parametrize("word", ["hang", "hold"])
def test_an_exit_with_a_hung_sink_leaves_none(start, notes, word, is_alive):
    """The application ends at its deadline, without a traceback, and the hung process is gone with it."""
    (told,) = ended(
        start(
            f"""
            router = install()
            run({word!r})
            while not os.path.exists(sys.argv[1]): time.sleep(0.01)
            tell(pid=child(router))
            """
        )
    )
    eventually(lambda: not is_alive(told["pid"]))
    assert notes("closed") == []


def test_an_application_that_is_killed_takes_an_idle_sink_along(start, notes, is_alive):
    """The sink is closed in order, and its process is gone within seconds."""
    process = start("router = install(); run('fine'); assert router.flush(30); tell(); time.sleep(3600)")
    process.stdout.readline()
    process.kill()
    process.wait()
    eventually(lambda: not is_alive(notes.pids[0]))
    assert len(notes("closed")) == 1


@pytest.mark.parametrize("word", ["hang", pytest.param("hold", marks=pytest.mark.long)])
def test_an_application_that_is_killed_takes_a_hung_sink_along(start, notes, word, is_alive):
    """It has some seconds to come back, and is killed then; half a minute where it holds the interpreter's lock."""
    process = start(f"router = install(); run({word!r}); time.sleep(3600)")
    eventually(lambda: notes("deliver"))
    process.kill()
    process.wait()
    eventually(lambda: not is_alive(notes.pids[0]), patience=60.0)
    assert notes("closed") == []


def test_a_fork_that_holds_the_socket_open_keeps_no_sink_alive(start, notes, is_alive):
    """A forked sibling of the application that lives on, and that Python knows nothing of, makes no difference."""
    process = start(
        """
        router = install()
        run('fine')
        assert router.flush(30)
        if ctypes.CDLL(None).fork() == 0:
            time.sleep(3600)
        tell()
        time.sleep(3600)
        """
    )
    process.stdout.readline()
    process.kill()
    process.wait()
    eventually(lambda: not is_alive(notes.pids[0]))
    assert len(notes("closed")) == 1


def test_ctrl_c_lets_the_last_batch_out(start, notes):
    """SIGINT for the whole group ends the application, which delivers what it has; the sink's process does not mind."""
    process = start(
        """
        router = install(batch={"linger": "1h"})
        run('warm')
        assert router.flush(30)
        run('last')
        tell()
        time.sleep(3600)
        """
    )
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert err.splitlines()[-1] == "KeyboardInterrupt"
    assert names(notes).count("last") == 2
    assert len(notes("closed")) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_for_the_application_are_not_for_the_sink(rig, notes, number):
    """A supervisor that signals every process of a service does not cut off the last batches."""
    one = rig()
    one.append("fine")
    assert one.flush()
    os.kill(notes.pids[0], number)
    one.append("fine")
    assert one.flush()
    assert one.results == ["delivered", "delivered"]


def test_each_forked_worker_has_a_sink_of_its_own(start, notes):
    """The parent's process stays the parent's, and works on; each worker starts one at its first event."""
    told = ended(
        start(
            """
            router = install()
            run('parent')
            assert router.flush(30)
            tell(who='parent', pid=child(router))
            workers = []
            for number in range(2):
                worker = os.fork()
                if worker == 0:
                    try:
                        before = router.health().sinks['actor']
                        run(f'worker {number}')
                        assert router.flush(30)
                        tell(who=f'worker {number}', pid=child(router), before=before.opened)
                        router.close()
                    finally:
                        os._exit(0)
                workers.append(worker)
            for worker in workers:
                os.waitpid(worker, 0)
            run('parent again')
            assert router.flush(30)
            tell(who='parent again', pid=child(router))
            """
        )
    )
    pids = {line["who"]: line["pid"] for line in told}
    assert pids["parent"] == pids["parent again"]
    assert len(set(pids.values())) == 3
    by_pid = {note["pid"]: set() for note in notes("open")}
    for note in notes("deliver"):
        by_pid[note["pid"]] |= {event["name"] for event in note["events"]}
    assert by_pid[pids["parent"]] == {"parent", "parent again"}
    assert by_pid[pids["worker 0"]] == {"worker 0"}
    assert by_pid[pids["worker 1"]] == {"worker 1"}
    assert [line["before"] for line in told if "before" in line] == [False, False]


@pytest.mark.long
def test_forks_while_processes_are_being_started(start, notes):
    """However a fork meets a start, the parent delivers: what a worker inherits keeps nothing waiting."""
    told = ended(
        start(
            """
            import threading
            router = install(breaker={"failures": 1000}, retry={"initial": "1ms", "max": "1ms"})
            done = threading.Event()
            def work():
                for number in range(20):
                    run(f'run {number}')
                    if not router.flush(10):
                        break
                    os.kill(child(router), 9)
                done.set()
            threading.Thread(target=work, daemon=True).start()
            workers = []
            while not done.is_set():
                worker = os.fork()
                if worker == 0:
                    time.sleep(3600)
                workers.append(worker)
                if len(workers) == 200:
                    done.wait()
            health = router.health().sinks['actor']
            tell(delivered=health.counts.delivered, timeouts=health.timeouts)
            for worker in workers:
                os.kill(worker, 9)
                os.waitpid(worker, 0)
            """
        )
    )
    assert told == [{"delivered": 40, "timeouts": 0}]
