"""A batch that comes again after something broke: what is on disk is not logged again, and what is not, is."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from fanlight import PartialFailure, RetryableError
from fanlight.event import Rollup
from fanlight.testing import make_batch, make_event
from fanlight_wandb import own_runs
from fanlight_wandb import sink as sink_module
from fanlight_wandb.own_runs import MOST_OPEN
from fanlight_wandb.progress import Progress
from fanlight_wandb.sdk import Sdk

# The SDK leaves the temporary directories of its artifacts to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")


def break_off(monkeypatch: pytest.MonkeyPatch, sink: Any, events: list[Any]) -> None:
    """Deliver *events* in an attempt that fails after all is written."""
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "wait_for", _unheard)
        with pytest.raises(RetryableError, match="unheard"):
            sink.deliver(make_batch(events, timeout=20))


def _unheard(*_: object) -> None:
    raise RetryableError("unheard")


def test_rows_that_wandb_core_writes_on_its_way_out_are_not_logged_again(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is asked once wandb-core has ended, not before."""
    sink = bench.open()
    events = [make_event("llm.end", input_tokens=count) for count in range(50)]
    for _ in range(3):
        break_off(monkeypatch, sink, events)
    sink.deliver(make_batch(events, timeout=20))
    assert bench.only_run.values("llm/input_tokens") == list(range(50))
    assert len(bench.only_run.tables["traces"].rows) == 50


def test_a_run_goes_on_where_its_file_ended(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No step is there twice, though the attempt that came to it was not the last."""
    sink = bench.open()
    events = [make_event("llm.end", input_tokens=1)]
    break_off(monkeypatch, sink, events)
    sink.deliver(make_batch([*events, make_event("llm.end", input_tokens=2)], timeout=20))
    run = bench.only_run
    assert run.values("llm/input_tokens") == [1, 2]
    assert run.values("fanlight/step") == [1, 2, 3, 4]


def test_a_session_takes_its_steps_once(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root whose row went down with wandb-core is measured as it was."""
    sink = bench.open()
    roots = [make_event("chain.end", rollup=Rollup(steps=2), session_id="s")]
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "step", lambda _: 0)  # nothing reached the disk
        break_off(monkeypatch, sink, roots)
        with pytest.raises(RetryableError):
            sink.deliver(make_batch(roots, timeout=0.7))
    sink.deliver(make_batch(roots, timeout=20))
    assert set(bench.only_run.values("agent/steps_per_session")) == {2}


def test_a_state_that_cannot_be_kept_doubles_no_row(bench: Any) -> None:
    """The error names the file; the batch that comes again is logged once, and counted once."""
    sink = bench.open()
    sink.deliver(make_batch([make_event("llm.end", input_tokens=1)], timeout=20))
    (path,) = (bench.directory / "state").iterdir()
    beside = path.with_suffix(".new")
    beside.mkdir()
    events = [make_event("llm.end", input_tokens=2)]
    for _ in range(2):
        with pytest.raises(RetryableError, match=str(beside)):
            sink.deliver(make_batch(events, timeout=20))
    beside.rmdir()
    sink.deliver(make_batch(events, timeout=20))
    run = bench.only_run
    assert run.values("llm/input_tokens") == [1, 2]
    assert len(run.tables["traces"].rows) == 2
    assert run.summary["totals/input_tokens"] == 3


def test_more_runs_than_can_be_open_lose_nothing_when_wandb_core_goes(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody saw on disk is logged again, also in runs that would have had to make room."""
    monkeypatch.setattr(Progress, "step", lambda _: 0)  # nothing reached the disk
    sink = bench.open(run={"by": ["session_id"]})
    events = [make_event("llm.end", session_id=str(number)) for number in range(2 * MOST_OPEN)]
    break_off(monkeypatch, sink, events)
    sink.deliver(make_batch(events, timeout=60))
    assert [run.values("errors") for run in bench.runs] == [[0, 0]] * len(events)


@pytest.mark.parametrize(("seconds", "opened"), [(1.0, MOST_OPEN), (10.0, 3)])
def test_more_runs_than_there_is_time_for_come_again(
    bench: Any, monkeypatch: pytest.MonkeyPatch, seconds: float, opened: int
) -> None:
    """The lane has its answer in time: what is on disk is delivered, and only the rest comes again."""
    late = 0.0

    def open_slowly(*args: Any, **more: Any) -> Any:
        nonlocal late
        late += seconds
        return start(*args, **more)

    start = Sdk.start
    monkeypatch.setattr(Sdk, "start", open_slowly)
    for module in (sink_module, own_runs):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + late))
    sink = bench.open(run={"by": ["session_id"]})
    events = [make_event("llm.end", session_id=str(number)) for number in range(MOST_OPEN + 4)]
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(events, timeout=30))
    assert caught.value.errors.keys() == {event.event_id for event in events[opened:]}
    assert "W&B run" in str(caught.value)
    assert len(bench.runs) == opened
    seconds = late = 0.0
    sink.deliver(make_batch(events[opened:], timeout=30))
    assert [len(run.tables["traces"].rows) for run in bench.runs] == [1] * len(events)
