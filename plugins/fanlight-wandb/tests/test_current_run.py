"""`run: current`: fanlight's rows in the application's own run, which stays the application's."""

from collections.abc import Iterator
from typing import Any

import pytest
import wandb

from fanlight import RetryableError
from fanlight.testing import make_batch, make_context, make_event
from fanlight.testing.clock import eventually
from fanlight_wandb import WandbConfig, WandbSink
from fanlight_wandb.testing import SeenRun

# The SDK leaves the temporary directories of its artifacts to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")


@pytest.fixture
def sink() -> Iterator[WandbSink]:
    opened = WandbSink(WandbConfig(run="current"))
    opened.open(make_context("runs", service_name="bot"))
    yield opened
    opened.close()


@pytest.fixture
def run(bench: Any) -> Iterator[Any]:
    """The application's own run."""
    bench.directory.mkdir()
    settings = wandb.Settings(console="off", silent=True, x_disable_stats=True, disable_git=True)
    with wandb.init(
        mode="offline", project="mine", id="mine", dir=bench.directory, config={"model": "mine"}, settings=settings
    ) as opened:
        yield opened


def seen(bench: Any, run_id: str = "mine") -> SeenRun:
    """What the run has, once it is finished; wandb-core writes the end of its file a little later."""

    def found() -> SeenRun | None:
        return next((run for run in bench.runs if run.run_id == run_id and run.exit_code is not None), None)

    eventually(lambda: found() is not None)
    run = found()
    assert run is not None
    return run


def test_rows_go_into_the_applications_run(bench: Any, run: Any, sink: WandbSink) -> None:
    """Metrics, tables, totals and alerts are there, beside what the application logged, none of it changed."""
    run.define_metric("llm/loss", step_metric="epoch")
    for epoch in range(3):
        run.log({"epoch": epoch, "llm/loss": 1.0 / (epoch + 1)})
        sink.deliver(make_batch([make_event("llm.end", input_tokens=epoch, request_model="gpt")], timeout=5))
    run.finish()
    found = seen(bench)
    assert found.values("llm/loss") == [1.0, 0.5, 1.0 / 3]
    assert found.metrics["llm/loss"].step_metric == "epoch"
    assert found.values("llm/input_tokens") == [0, 1, 2]
    assert found.metrics["llm/input_tokens"].step_metric == "fanlight/step"
    assert len(found.tables["traces"].rows) == 3
    assert (found.project, found.summary["totals/runs"]) == ("mine", 3)


def test_the_runs_configuration_is_added_to_under_one_key(bench: Any, run: Any, sink: WandbSink) -> None:
    """The application's own `model` keeps its value."""
    sink.deliver(make_batch([make_event("llm.end", request_model="gpt")], timeout=5))
    run.finish()
    config = seen(bench).config
    assert (config["model"], config["fanlight"]["model"]) == ("mine", "gpt")


def test_the_run_is_never_finished(run: Any, sink: WandbSink) -> None:
    """Closing the sink leaves the run open and `wandb.run` as it was."""
    sink.deliver(make_batch([make_event("llm.end")], timeout=5))
    sink.close()
    assert wandb.run is run
    run.log({"still": "open"})


def test_without_a_run_the_batch_waits_for_one(bench: Any, sink: WandbSink) -> None:
    """The sentence says what to do; once there is a run, the same batch goes there."""
    batch = [make_event("llm.end", input_tokens=4)]
    with pytest.raises(RetryableError, match=r"call wandb.init\(\) first"):
        sink.deliver(make_batch(batch, timeout=5))
    bench.directory.mkdir()
    settings = wandb.Settings(console="off", silent=True, x_disable_stats=True)
    with wandb.init(mode="offline", project="mine", id="mine", dir=bench.directory, settings=settings):
        sink.deliver(make_batch(batch, timeout=5, attempt=2))
    assert seen(bench).values("llm/input_tokens") == [4]


def test_the_next_run_of_the_application_gets_what_comes_next(bench: Any, sink: WandbSink) -> None:
    """A notebook that begins another run need not know of fanlight."""
    bench.directory.mkdir()
    settings = wandb.Settings(console="off", silent=True, x_disable_stats=True)
    for number in range(2):
        with wandb.init(mode="offline", project="mine", id=f"run{number}", dir=bench.directory, settings=settings):
            sink.deliver(make_batch([make_event("llm.end", input_tokens=number)], timeout=5))
    runs = [seen(bench, f"run{number}") for number in range(2)]
    assert [run.values("llm/input_tokens") for run in runs] == [[0], [1]]
    assert runs[1].summary["totals/runs"] == 1


def test_a_finished_run_takes_nothing_more(run: Any, sink: WandbSink) -> None:
    """Between two runs of a notebook batches wait."""
    sink.deliver(make_batch([make_event("llm.end")], timeout=5))
    run.finish()
    with pytest.raises(RetryableError, match="no W&B run open"):
        sink.deliver(make_batch([make_event("llm.end")], timeout=5))
