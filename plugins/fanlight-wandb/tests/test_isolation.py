"""The application's own W&B run, its process and its exit: whatever becomes of ours, they do not notice."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fanlight_wandb.testing import Fault, WandbServer, read_runs

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="finds wandb-core in /proc"),
]

Configure = Callable[..., dict[str, Any]]

APPLICATION = """
import atexit, logging
begin = [time.monotonic()]
# Exit handlers run newest first: this one after fanlight's and the SDK's.
atexit.register(lambda: print(json.dumps({"exit": time.monotonic() - begin[0]}), flush=True))

import wandb
from opentelemetry import metrics, trace
from langchain_core.runnables import RunnableLambda

HERE = HERE / "mine"
HERE.mkdir()
mine = start(project="mine", id="mine")

def surroundings():
    return [dict(os.environ), str(sys.exit), str(sys.excepthook), str(signal.getsignal(signal.SIGTERM)),
            str(signal.getsignal(signal.SIGINT)), str(trace.get_tracer_provider()), str(metrics.get_meter_provider()),
            str(logging.getLogger().handlers), str(logging.getLogger("wandb").handlers), os.getcwd(), str(wandb.run),
            sorted(thread.name for thread in threading.enumerate() if not thread.name.startswith("fanlight"))]

def cores_of(pid):
    found = os.popen(f"ps -o pid=,args= --ppid {pid}").read().splitlines()
    return [int(line.split()[0]) for line in found if "wandb-core" in line]

before = surroundings()
import fanlight
router = fanlight.install(json.loads((HERE.parent / "fanlight.json").read_text()))
upper = RunnableLambda(str.upper)

def work(prefix):
    for row in range(10):
        upper.invoke("x", config={"run_name": f"{prefix}-{row}"})
        mine.log({"prefix": prefix, "row": row})

def lane():
    return router.health().sinks["runs"]

def wait_for(what):
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)

work("before")
"""

END = """
work("after")
assert wandb.run is mine
router.flush(timeout=1)
assert surroundings() == before, (surroundings(), before)
mine.finish()
print(json.dumps({"state": lane().breaker, "delivered": lane().counts.delivered}), flush=True)
begin[0] = time.monotonic()
"""

KILLED_CHILD = """
assert router.flush(timeout=30)
os.kill(lane().child_pid, signal.SIGKILL)
"""

KILLED_CORE = """
assert router.flush(timeout=30)
(core,) = cores_of(lane().child_pid)
assert core not in cores_of(os.getpid())
os.kill(core, signal.SIGKILL)
"""

HANGING_CORE = """
assert router.flush(timeout=30)
(core,) = cores_of(lane().child_pid)
os.kill(core, signal.SIGSTOP)
atexit.register(lambda: os.kill(core, signal.SIGKILL))
"""

FAILED = """
wait_for(lambda: "runs" in router.health().sinks and lane().last_error)
"""

INCIDENTS: dict[str, tuple[str, Fault | None]] = {
    "nothing": ("", None),
    "our process is killed": (KILLED_CHILD, None),
    "our wandb-core is killed": (KILLED_CORE, None),
    "our wandb-core hangs": (HANGING_CORE, None),
    "the key is refused": (FAILED, Fault(status=401)),
    "no run can be opened": (FAILED, Fault(operation="UpsertBucket", hang=True)),
    "uploads hang": ("assert router.flush(timeout=30)", Fault(operation="file_stream", hang=True)),
    "everything hangs once open": (FAILED, Fault(operation="[!RU]*", hang=True)),
}


@pytest.mark.parametrize(("incident", "fault"), INCIDENTS.values(), ids=INCIDENTS)
def test_the_users_run_notices_nothing(
    server: WandbServer, online: Configure, programs: Any, tmp_path: Path, incident: str, fault: Fault | None
) -> None:
    """All the user's rows are in his run, still `wandb.run`; nothing of his process changed; the exit is in time."""
    if fault:
        server.order(fault)
    config = online(init_timeout="2s", timeout="5s") | {"shutdown_timeout": "2s"}
    (tmp_path / "fanlight.json").write_text(json.dumps(config))
    process = programs.start(APPLICATION + incident + END)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    (mine,) = read_runs(tmp_path / "mine")
    assert Counter(mine.values("prefix")) == {"before": 10, "after": 10}
    assert (mine.project, mine.exit_code) == ("mine", 0)
    # The configured 2 s, twice, and twice that again for a machine that is busy with other things.
    assert json.loads(out.splitlines()[-1])["exit"] < 8


def test_what_the_user_does_with_wandb_does_not_end_our_run(
    server: WandbServer, online: Configure, programs: Any, tmp_path: Path
) -> None:
    """The user finishes all runs, tears the SDK down and sets its variables: ours goes on, one run, with every row."""
    (tmp_path / "fanlight.json").write_text(json.dumps(online(run={"by": ["environment"]})))
    programs.run(
        APPLICATION
        + """
os.environ |= {"WANDB_RUN_ID": "theirs", "WANDB_MODE": "disabled", "WANDB_PROJECT": "theirs"}
assert router.flush(timeout=30)
start(project="mine", id="second", mode="offline", reinit="finish_previous")
wandb.teardown()
for row in range(10):
    upper.invoke("x", config={"run_name": f"after-{row}"})
os.kill(lane().child_pid, signal.SIGKILL)  # the next one inherits these variables
for row in range(10):
    upper.invoke("x", config={"run_name": f"anew-{row}"})
assert router.flush(timeout=30)
""",
    )
    (ours,) = read_runs(tmp_path / "wandb")
    found = Counter(row["name"].partition("-")[0] for row in ours.tables["traces"].rows)
    assert set(found) == {"before", "after", "anew"}
    # What was on its way when the process was killed came again.
    assert found["before"] == 10 <= found["after"]
    assert [seen.run_id for seen in server.runs] == [ours.run_id]
    assert (ours.project, ours.exit_code) == ("p", 0)


WORKERS = """
import fanlight
from langchain_core.runnables import RunnableLambda

router = fanlight.install(json.loads((HERE / "fanlight.json").read_text()))  # in the master, as gunicorn's preload does
mine = start(project="mine", id="mine")
mine.log({"row": 0})
upper = RunnableLambda(str.upper)
ready = [os.pipe() for _ in range(4)]
pids = []
for worker in range(4):
    pid = os.fork()
    if pid == 0:
        upper.invoke("x", config={"run_name": f"{os.environ['GENERATION']}-{worker}-0"})
        assert router.flush(timeout=60)
        os.write(ready[worker][1], b"!")
        for other in ready:  # all four are open at the same time
            os.read(other[0], 1) and os.write(other[1], b"!")
        for row in range(1, 10):
            upper.invoke("x", config={"run_name": f"{os.environ['GENERATION']}-{worker}-{row}"})
        router.close(timeout=30)
        counts = router.health().sinks["runs"].counts
        os._exit(0 if counts.delivered == 10 else 1)
    pids.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])
mine.log({"row": 1})
mine.finish()
"""


@pytest.mark.parametrize(("run", "expected"), [({"by": ["environment"]}, 4), ("process", 8)], ids=["by", "process"])
def test_four_workers_and_a_restart(
    server: WandbServer, online: Configure, programs: Any, tmp_path: Path, run: Any, expected: int
) -> None:
    """Four workers have four runs, and the same ones after a restart unless each process has its own; all rows once."""
    (tmp_path / "fanlight.json").write_text(json.dumps(online(run=run)))
    for generation in ("first", "second"):
        printed = programs.run(WORKERS, {"GENERATION": generation})
        assert printed.splitlines()[-1] == "[0, 0, 0, 0]"
    assert len(server.runs) == expected
    assert {seen.group for seen in server.runs} == {"bot/test"}
    assert len({seen.name for seen in server.runs}) == expected
    found = Counter(row["name"] for seen in server.runs for row in seen.tables["traces"].rows)
    assert found == Counter(f"{g}-{w}-{row}" for g in ("first", "second") for w in range(4) for row in range(10))
    assert [seen.exit_code for seen in server.runs] == [0] * expected
    (mine,) = [seen for seen in read_runs(tmp_path) if seen.project == "mine"]
    assert mine.values("row") == [0, 1, 0, 1]
