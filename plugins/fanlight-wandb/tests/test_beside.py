"""Behind a router, in a process of its own: the application's W&B, environment and exit stay as they were."""

import json
import time
from typing import Any

import pytest

from fanlight_wandb.testing import read_runs

pytestmark = pytest.mark.long

ROUTER = """
import fanlight
from langchain_core.runnables import RunnableLambda
from langchain_core.language_models.fake_chat_models import FakeListChatModel

def router(**sink):
    runs = {"type": "wandb", "project": "shop", "mode": "offline", "directory": str(HERE / "ours"), **sink}
    return fanlight.Router.from_config({
        "version": 1, "service": "bot", "environments": ["dev"], "environment": "dev",
        "sinks": {"runs": runs}, "routes": [{"match": {}, "to": ["runs"]}],
    })

def work(router, count=3, **metadata):
    for number in range(count):
        chain = RunnableLambda(lambda text: text) | FakeListChatModel(responses=["yes"])
        chain.invoke("hello", config={"callbacks": [router.handler], "metadata": metadata})
"""


def rows(run: Any) -> int:
    return len(run.tables["traces"].rows)


def test_the_applications_own_run_does_not_notice(programs: Any) -> None:
    """Its run, rows, environment, directory, and the SDK's threads are what they are without fanlight."""
    out = programs.run(
        ROUTER
        + """
mine = start(project="mine", id="mine", config={"a": 1})
def around():
    threads = sorted(thread.name for thread in threading.enumerate() if not thread.name.startswith("fanlight-"))
    return dict(os.environ), os.getcwd(), sorted(os.listdir()), threads

before = around()
import wandb
with router() as r:
    for step in range(5):
        mine.log({"loss": step}, step=step)
        work(r, 1)
        r.flush(timeout=30)
    assert wandb.run is mine
after = around()
mine.log({"loss": 5}, step=5)
mine.finish()
changed = [(was, is_now) for was, is_now in zip(before, after) if was != is_now]
print(json.dumps({"changed": changed, "counts": r.health().sinks["runs"].counts.delivered}))
"""
    )
    assert json.loads(out.splitlines()[-1]) == {"changed": [], "counts": 15}
    (mine,) = read_runs(programs.directory / "wandb")
    assert mine.values("loss") == [0, 1, 2, 3, 4, 5]
    assert mine.config == {"a": 1}
    assert mine.tables == {}
    (ours,) = read_runs(programs.directory / "ours")
    assert (rows(ours), ours.exit_code, ours.project) == (15, 0, "shop")


def test_the_applications_environment_says_nothing_about_our_runs(programs: Any) -> None:
    """Names, notes, modes and sweeps of the application are not ours."""
    theirs = {
        "WANDB_MODE": "disabled", "WANDB_PROJECT": "theirs", "WANDB_RUN_ID": "theirs", "WANDB_NAME": "theirs",
        "WANDB_NOTES": "theirs", "WANDB_TAGS": "theirs", "WANDB_SWEEP_ID": "theirs", "WANDB_RUN_GROUP": "theirs",
        "WANDB_DIR": "/nowhere", "WANDB_SERVICE": "3-1-unix-/nowhere",
    }  # fmt: skip
    programs.run(ROUTER + "with router() as r: work(r)\n", theirs)
    (ours,) = read_runs(programs.directory / "ours")
    assert (rows(ours), ours.project, ours.group, ours.notes, ours.tags) == (9, "shop", "bot/dev", "", ())
    assert "theirs" not in (ours.run_id, ours.name)


def test_four_workers_make_four_runs_however_often_they_restart(programs: Any) -> None:
    """Each worker has a run of its own, and takes up one of the same four after each restart."""
    program = (
        ROUTER + "with router(batch={'linger': '50ms'}) as r:\n    work(r, 5)\n    r.flush(timeout=60)\n    input()\n"
    )
    for _ in range(2):
        workers = [programs.start(program) for _ in range(4)]
        wait_until_delivered(programs.directory / "ours", workers)
        for worker in workers:
            _, err = worker.communicate("\n", timeout=60)
            assert worker.returncode == 0, err
    runs = read_runs(programs.directory / "ours")
    assert len(runs) == 4
    assert sorted(run.config["writer"].partition("#")[2] for run in runs) == ["", "2", "3", "4"]
    assert [rows(run) for run in runs] == [30] * 4


def wait_until_delivered(directory: Any, workers: list[Any]) -> None:
    """All have their place before the first of them leaves it."""
    end = time.monotonic() + 60
    while len(list((directory / "slots").glob("*.lock"))) < len(workers):
        assert time.monotonic() < end
        assert all(worker.poll() is None for worker in workers)
        time.sleep(0.05)


def test_two_prompt_versions_in_a_notebook_are_two_runs_to_compare(programs: Any) -> None:
    """Without a word about W&B in the cells: W&B has both, each with its version, model, parameters and numbers."""
    programs.run(
        ROUTER
        + """
os.environ["IPYTHONDIR"] = str(HERE)
with router(run={"by": ["prompt_version"]}) as r:
    for version, temperature in (("v1", 0.2), ("v2", 0.9)):     # two cells
        told = {"ls_temperature": temperature, "ls_model_name": "fake-1"}
        model = FakeListChatModel(responses=["yes"], metadata=told)
        for question in ("a", "b", "c"):
            model.invoke(question, config={
                "callbacks": [r.handler], "metadata": {"prompt_version": version, "prompt_name": "greet"},
            })
    r.flush(timeout=30)
"""
    )
    runs = {run.config["prompt_version"]: run for run in read_runs(programs.directory / "ours")}
    assert runs.keys() == {"v1", "v2"}
    for run in runs.values():
        assert run.name.startswith(f"bot prompt_version={run.config['prompt_version']} (")
        assert run.group == "bot/dev"
        assert run.config["prompt_name"] == "greet"
        assert run.config["model"] == "fake-1"
        assert (run.summary["totals/runs"], run.summary["totals/llm_calls"]) == (3, 3)
        assert run.summary["llm/latency_ms"]["mean"] > 0
        assert len(run.values("llm/latency_ms")) == 3
    assert [runs[version].config["invocation_params"]["temperature"] for version in ("v1", "v2")] == [0.2, 0.9]


def test_content_metadata_leaves_what_was_said_out(programs: Any) -> None:
    """Names, times and numbers arrive; prompts and answers are nowhere in the files."""
    programs.run(ROUTER + "with router(content='metadata') as r: work(r)\n")
    (ours,) = read_runs(programs.directory / "ours")
    assert rows(ours) == 9
    assert {row["prompt"] for row in ours.tables["traces"].rows} == {None}
    kept = [path.read_bytes() for path in (programs.directory / "ours").rglob("*") if path.is_file()]
    assert not any(b"hello" in content for content in kept)


def test_an_interpreter_that_ends_without_a_word_ends_soon_and_loses_nothing(programs: Any) -> None:
    """Without `close` or `with`, the end of the program delivers what it has, and leaves no process behind."""
    start = time.monotonic()
    programs.run(ROUTER + "r = router()\nwork(r)\n")
    assert time.monotonic() - start < 60
    (ours,) = read_runs(programs.directory / "ours")
    assert (rows(ours), ours.exit_code) == (9, 0)
