"""Which W&B runs there are: by day, process and key, after restarts and beside other workers."""

import fcntl
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fanlight.event import Feedback, Rollup
from fanlight.testing import make_batch, make_context, make_event
from fanlight_wandb.own_runs import MOST_OPEN
from fanlight_wandb.sink import default_directory
from fanlight_wandb.slots import Slot
from fanlight_wandb.testing import WandbServer

# The SDK leaves the temporary directories of its artifacts to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")


def on(day: int, **fields: Any) -> Any:
    at = int(datetime(2026, 1, day, 23, 59, 59, tzinfo=UTC).timestamp()) * 10**9
    return make_event("chain.end", start_time_unix_nano=at, duration_ms=1.0, **fields)


def test_each_day_is_a_run(bench: Any) -> None:
    """An event goes to the day on which it happened, in UTC, also when it comes late."""
    bench.deliver(on(5), on(6), on(5))
    assert {run.config["day"]: len(run.tables["traces"].rows) for run in bench.runs} == {
        "2026-01-05": 2,
        "2026-01-06": 1,
    }
    assert {run.name.rpartition(" (")[0] for run in bench.runs} == {"bot 2026-01-05", "bot 2026-01-06"}
    assert {(run.group, run.job_type, run.project) for run in bench.runs} == {("bot/prod", "fanlight", "shop")}


def test_each_process_is_a_run(bench: Any) -> None:
    """Two processes of one machine at one time have two runs; days and keys do not matter."""
    for instance in ("first", "second"):
        context = make_context("runs", service_name="bot", environment="prod", instance_id=instance)
        sink = bench.open(context, run="process")
        sink.deliver(make_batch([on(5), on(6)], timeout=20))
    assert [len(run.tables["traces"].rows) for run in bench.runs] == [2, 2]
    assert {run.name.rpartition("-")[2] for run in bench.runs} == {"first)", "second)"}


def test_each_value_of_a_key_is_a_run(bench: Any) -> None:
    """What lacks the key has a run of its own, and nothing is lost."""
    events = [on(5, metadata={"prompt_version": version}) for version in ("v1", "v2", "v1")]
    bench.deliver(*events, on(6), run={"by": ["metadata.prompt_version"]})
    rows = {run.config["metadata"]["prompt_version"]: len(run.tables["traces"].rows) for run in bench.runs}
    assert rows == {"v1": 2, "v2": 1, "none": 1}


def test_feedback_goes_to_the_run_of_its_trace(bench: Any) -> None:
    """Whoever gives feedback need not know the prompt's version."""
    root = on(5, prompt_version="v2")
    judged = make_event("feedback", parent=root, feedback=Feedback(name="helpful", score=1.0))
    bench.deliver(root, judged, run={"by": ["prompt_version"]})
    assert bench.only_run.values("feedback/helpful") == [1]


def test_more_runs_than_can_be_open_lose_nothing(bench: Any) -> None:
    """The one that was idle longest is finished to make room, and opened again when it gets something."""
    sink = bench.open(run={"by": ["session_id"]})
    for _ in range(2):
        sink.deliver(make_batch([on(5, session_id=str(number)) for number in range(MOST_OPEN + 3)], timeout=60))
    runs = bench.runs
    assert len(runs) == MOST_OPEN + 3
    assert {len(run.tables["traces"].rows) for run in runs} == {2}
    assert {tuple(run.values("fanlight/step")) for run in runs} == {(1, 2, 3, 4)}


def test_a_restart_goes_on_with_the_same_run(bench: Any) -> None:
    """Steps and totals continue, and what varied over the restarts is in the configuration."""
    for model in ("gpt-a", "gpt-b", "gpt-a"):
        bench.deliver(on(5, rollup=Rollup(errors=1)), make_event("llm.end", response_model=model, input_tokens=10))
    run = bench.only_run
    assert len(list((bench.directory / "wandb").glob("offline-run-*"))) == 3
    assert run.values("fanlight/step") == list(range(1, 10))
    assert [run.summary[f"totals/{name}"] for name in ("runs", "errors", "input_tokens")] == [6, 3, 30]
    assert run.config["model"] == ["gpt-a", "gpt-b"]


def test_a_state_that_cannot_be_read_costs_the_steps_only(bench: Any) -> None:
    """A half-written or foreign file does not keep the sink from working."""
    bench.deliver(on(5))
    (state,) = (bench.directory / "state").iterdir()
    state.write_bytes(b'{"step": "ma')
    bench.deliver(on(5))
    assert len(bench.only_run.tables["traces"].rows) == 2
    assert json.loads(state.read_bytes())["step"] == 2


@pytest.mark.long
def test_what_the_machine_forgot_is_taken_from_w_and_b(bench_apart: Any, server: WandbServer) -> None:
    """A container that lost its disk goes on with the run where W&B has it: steps, totals and tables."""
    online = {"mode": "online", "base_url": server.url, "api_key": server.api_key}
    for life in range(3):
        bench_apart.deliver(
            make_event("llm.end", input_tokens=7, cost_usd=0.1), directory=bench_apart.directory / str(life), **online
        )
    (run,) = server.runs
    assert run.values("fanlight/step") == [1, 2, 3, 4, 5, 6]
    assert [run.summary[f"totals/{name}"] for name in ("runs", "input_tokens", "cost_usd")] == [3, 21, 0.3]
    assert [table["increment_num"] for table in run.values("traces")] == [0, 1, 2]


@pytest.mark.long
def test_a_resumed_table_is_begun_anew_too(bench_apart: Any, server: WandbServer) -> None:
    """The SDK would let a resumed run's tables name their increments for ever."""
    online = {"mode": "online", "base_url": server.url, "api_key": server.api_key, "table": {"max_increments": 3}}
    for _ in range(2):
        sink = bench_apart.open(**online)
        for _ in range(4):
            sink.deliver(make_batch([on(5)], timeout=20))
        bench_apart.close(sink)
    (run,) = server.runs
    assert [table["increment_num"] for table in run.values("traces")] == [0, 1, 2, 0, 1, 2, 0, 1]
    assert len(run.tables["traces"].rows) == 8


def test_processes_at_one_time_write_different_runs(bench: Any) -> None:
    """W&B has one writer for a run: the second takes the next place, and leaves it to the next one."""
    sinks = [bench.open() for _ in range(3)]
    bench.close(sinks[1])
    sinks[1] = bench.open()
    for sink in sinks:
        sink.deliver(make_batch([on(5)], timeout=20))
    assert sorted(run.config["writer"].partition("#")[2] for run in bench.runs) == ["", "2", "3"]


def test_a_place_is_free_when_its_process_is_gone(tmp_path: Path) -> None:
    """A lock, and no file that a killed process would leave behind, tells who is there."""
    program = (
        "import sys, pathlib; from fanlight_wandb.slots import Slot\n"
        "slot = Slot(pathlib.Path(sys.argv[1]), 'x'); print(slot.number, flush=True); sys.stdin.read()"
    )
    held = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert held.stdout is not None
    assert held.stdout.readline() == "0\n"
    beside = Slot(tmp_path, "x")
    assert (beside.number, Slot(tmp_path, "y").number) == (1, 0)
    held.kill()
    held.communicate()
    assert Slot(tmp_path, "x").number == 0
    beside.release()
    (file,) = [path for path in tmp_path.iterdir() if path.name.endswith(".1.lock")]
    with file.open() as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_configuration_says_what_the_run_is_about(bench: Any) -> None:
    """Code, prompt, model, parameters and attributes; what varies is a sorted list, what varies a lot one word."""
    fields = {
        "vcs_revision": "abc123", "service_version": "1.2", "prompt_name": "greet", "provider": "openai",
        "request_model": "gpt", "attributes": {"team": "support", "nested": {"a": 1}},
    }  # fmt: skip
    events = [
        on(5, prompt_version=f"v{n % 2}", invocation_params={"temperature": n % 3, "seed": n, "stop": ["x"]}, **fields)
        for n in range(20)
    ]
    bench.deliver(*events, tags=["nightly"])
    run = bench.only_run
    known = {"service", "environment", "writer", "fanlight_version", "day"}
    assert {key: value for key, value in run.config.items() if key not in known} == {
        "vcs_revision": "abc123", "service_version": "1.2", "prompt_name": "greet", "provider": "openai",
        "model": "gpt", "prompt_version": ["v0", "v1"], "attributes": {"team": "support"},
        "invocation_params": {"temperature": [0, 1, 2], "seed": "various"},
    }  # fmt: skip
    assert (run.config["service"], run.config["environment"], run.tags) == ("bot", "prod", ("nightly",))


def test_all_rows_of_all_restarts_arrive_by_sync(
    bench: Any, server: WandbServer, account: dict[str, str], tmp_path: Path
) -> None:
    """`wandb sync` of the directories of one run makes one run with all rows, in order."""
    for _ in range(3):
        bench.deliver(on(5), make_event("llm.end", input_tokens=1))
    directories = sorted(map(str, (bench.directory / "wandb").glob("offline-run-*")))
    command = [sys.executable, "-m", "wandb", "sync", "--yes", *directories]
    subprocess.run(command, env=os.environ | account, cwd=tmp_path, check=True, capture_output=True)
    (run,) = server.runs
    assert run.values("fanlight/step") == list(range(1, 10))
    assert run.values("_step") == list(range(9))
    assert len({row["event_id"] for row in run.tables["traces"].rows}) == 6
    assert run.summary["totals/runs"] == 6


def test_nothing_can_be_read_by_others(bench: Any) -> None:
    """The directory is the owner's alone, and so is fanlight's own memory; no key stands anywhere."""
    secret = "0123456789abcdef" * 3
    bench.deliver(on(5), api_key=secret)
    assert bench.directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (bench.directory / "state").iterdir()} == {0o600}
    for path in bench.directory.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes()


@pytest.mark.parametrize("state_home", ["set", ""])
def test_files_are_kept_below_the_state_directory(
    state_home: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The working directory is the application's, so nothing is put there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state") if state_home else "")
    wanted = tmp_path / "state" if state_home else tmp_path / ".local" / "state"
    assert default_directory().expanduser() == wanted / "fanlight" / "wandb"
