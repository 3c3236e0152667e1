"""When a batch is delivered, and what happens when it comes again."""

import os
import signal
import subprocess
from typing import Any

import pytest

from fanlight import PartialFailure, RetryableError
from fanlight.testing import make_batch, make_event
from fanlight.testing.clock import eventually
from fanlight_wandb import own_runs, sdk
from fanlight_wandb.progress import Progress
from fanlight_wandb.testing import Fault, WandbServer
from fanlight_wandb.transaction_log import TransactionLog

# The SDK leaves the temporary directories of its artifacts to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")


def test_delivered_rows_are_on_disk(bench: Any) -> None:
    """When `deliver` returns, all of the batch can be read from the run's files, while the run goes on."""
    sink = bench.open()
    for count in range(1, 6):
        sink.deliver(make_batch([make_event("llm.end", input_tokens=count) for _ in range(20)], timeout=20))
        run = bench.only_run
        assert len(run.values("llm/input_tokens")) == count * 20
        assert len(run.tables["traces"].rows) == count * 20
        assert run.exit_code is None


def test_rows_that_do_not_reach_the_disk_are_not_delivered(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that comes again after that is logged once: in metrics, in tables, in totals and in alerts."""
    sink = bench.open()
    batch = [make_event("llm.end", input_tokens=7), make_event("alert", name="hot")]
    sink.deliver(make_batch([make_event("llm.end", input_tokens=7)], timeout=20))
    with monkeypatch.context() as patched:
        patched.setattr(TransactionLog, "read_new", lambda _: [])  # the disk shows nothing new
        with pytest.raises(RetryableError, match="did not reach the run's transaction log"):
            sink.deliver(make_batch(batch, timeout=0.7))
    sink.deliver(make_batch(batch, timeout=20, attempt=2))
    run = bench.only_run
    assert run.values("llm/input_tokens") == [7, 7]
    assert [row["type"] for row in run.tables["traces"].rows] == ["llm", "llm", "alert"]
    assert [alert.title for alert in run.alerts] == ["hot"]
    assert (run.summary["totals/runs"], run.summary["totals/input_tokens"]) == (2, 14)


def test_an_event_that_is_twice_in_a_batch_is_logged_once(bench: Any) -> None:
    """Whoever merged batches did not make a second run of it."""
    event = make_event("llm.end", input_tokens=7)
    bench.deliver(event, event)
    assert bench.only_run.values("llm/input_tokens") == [7]


def test_a_replay_is_rows_and_no_metrics(bench: Any) -> None:
    """Old events stand in the table; they are counted, drawn and added up nowhere."""
    bench.deliver(make_event("llm.end", input_tokens=7), batch={"replay": True})
    run = bench.only_run
    assert len(run.tables["traces"].rows) == 1
    assert run.values("llm/input_tokens") == []
    assert run.summary["totals/runs"] == 0


def kill_core_of(parent: int) -> None:
    """Kill the wandb-core that the process *parent* started, and wait until its files and sockets are closed."""
    core = core_of(parent)
    assert core is not None
    os.kill(core, signal.SIGKILL)
    eventually(lambda: core_of(parent) is None)


def core_of(parent: int) -> int | None:
    listed = subprocess.run(["ps", "-ewwo", "pid=,ppid=,args="], check=True, capture_output=True, text=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    cores = [int(pid) for pid, ppid, program in rows if int(ppid) == parent and program.count("wandb-core --")]
    return cores[0] if cores else None


def test_after_wandb_core_was_killed_another_takes_its_place(bench_apart: Any) -> None:
    """The batch under way is retryable and comes again; nothing that was delivered is lost or doubled."""
    sink = bench_apart.open()
    sink.deliver(make_batch([make_event("llm.end", input_tokens=1)], timeout=20))
    kill_core_of(sink.pid)
    batch = [make_event("llm.end", input_tokens=2)]
    with pytest.raises(RetryableError, match="wandb-core is gone"):
        sink.deliver(make_batch(batch, timeout=20))
    sink.deliver(make_batch(batch, timeout=20, attempt=2))
    run = bench_apart.only_run
    assert run.values("llm/input_tokens") == [1, 2]
    assert len(run.tables["traces"].rows) == 2
    assert run.summary["totals/input_tokens"] == 3


def test_what_reached_the_disk_before_wandb_core_was_killed_is_not_logged_again(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file, and not the SDK, says what there is."""
    sink = bench.open()
    batch = [make_event("llm.end", input_tokens=1)]
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "wait_for", _unheard)
        with pytest.raises(RetryableError, match="unheard"):
            sink.deliver(make_batch(batch, timeout=20))
    eventually(lambda: bool(bench.only_run.tables))
    kill_core_of(os.getpid())
    sink.deliver(make_batch(batch, timeout=20, attempt=2))
    run = bench.only_run
    assert run.values("llm/input_tokens") == [1]
    assert len(run.tables["traces"].rows) == 1


def _unheard(*_: object) -> None:
    raise RetryableError("unheard")


@pytest.mark.parametrize(("status", "opens"), [(401, True), (403, True), (404, True), (500, False), (429, False)])
def test_a_server_that_says_no_is_retryable(bench_apart: Any, server: WandbServer, status: int, opens: bool) -> None:
    """Where somebody must act the breaker opens; afterwards the same batch arrives."""
    sink = bench_apart.open(mode="online", base_url=server.url, api_key=server.api_key, init_timeout="1s")
    batch = make_batch([make_event("llm.end", input_tokens=1)], timeout=20)
    server.order(Fault(status=status))
    with pytest.raises(RetryableError, match=str(status)) as caught:
        sink.deliver(batch)
    assert caught.value.open_breaker is opens
    assert server.api_key not in str(caught.value)
    server.lift_faults()
    sink.deliver(make_batch(batch.events, timeout=20))
    bench_apart.close(sink)
    assert server.runs[0].values("llm/input_tokens") == [1]


def test_no_key_opens_the_breaker(bench_apart: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a login nobody is asked on a terminal: the sink says what is missing."""
    monkeypatch.setenv("NETRC", str(bench_apart.directory / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    sink = bench_apart.open(mode="online", base_url="http://127.0.0.1:9")
    with pytest.raises(RetryableError, match="No API key configured") as caught:
        sink.deliver(make_batch([make_event("llm.end")], timeout=20))
    assert caught.value.open_breaker


def test_one_run_that_cannot_be_opened_keeps_back_its_own_events_only(bench_apart: Any, server: WandbServer) -> None:
    """The others of the batch are delivered, and stay delivered."""
    online = {"mode": "online", "base_url": server.url, "api_key": server.api_key, "init_timeout": "1s"}
    sink = bench_apart.open(**online, run={"by": ["session_id"]})
    first, second = (make_event("llm.end", session_id=name, input_tokens=1) for name in ("a", "b"))
    sink.deliver(make_batch([first], timeout=20))
    server.order(Fault(operation="UpsertBucket", status=500))
    third = make_event("llm.end", session_id="a", input_tokens=2)
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch([third, second], timeout=20))
    assert caught.value.errors.keys() == {second.event_id}
    server.lift_faults()
    sink.deliver(make_batch([second], timeout=20))
    bench_apart.close(sink)
    assert sorted(run.values("llm/input_tokens") for run in server.runs) == [[1], [1, 2]]


def test_a_directory_that_cannot_be_made_is_told(bench: Any) -> None:
    """The sentence says which key to set."""
    bench.directory.write_text("a file stands here")
    with pytest.raises(RetryableError, match="set `directory`"):
        bench.open()


@pytest.mark.long
def test_a_run_that_w_and_b_stopped_goes_on(
    bench: Any, server: WandbServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When uploading failed for good, the application is not interrupted: the run is resumed and uploads what comes."""
    monkeypatch.setattr(sdk, "_RETRIES", 1)
    monkeypatch.setattr(sdk, "_RETRY_WAIT", 0.1)
    # Without tables, whose uploads would have to end before the run can be opened again.
    sink = bench.open(mode="online", base_url=server.url, api_key=server.api_key, table={"enabled": False})
    server.order(Fault(operation="file_stream", status=500))
    numbers = iter(range(1000))

    def stopped() -> bool:
        sink.deliver(make_batch([make_event("llm.end", input_tokens=next(numbers))], timeout=20))
        return "W&B stopped the run" in caplog.text

    eventually(stopped, patience=60)
    server.lift_faults()
    sink.deliver(make_batch([make_event("llm.end", input_tokens=5000)], timeout=20))
    bench.close(sink)
    delivered = next(numbers)
    eventually(lambda: server.runs[0].exit_code is not None)
    assert server.runs[0].values("llm/input_tokens")[-1] == 5000
    assert bench.only_run.values("llm/input_tokens") == [*range(delivered), 5000]


def test_a_run_that_gets_nothing_is_finished(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Yesterday's run does not stay open for ever; should something come after all, it is opened again."""
    sink = bench.open(run={"by": ["session_id"]})
    first, second = (make_event("llm.end", session_id=name) for name in ("a", "b"))
    sink.deliver(make_batch([first], timeout=20))
    monkeypatch.setattr(own_runs, "_IDLE", -1.0)
    sink.deliver(make_batch([second], timeout=20))
    eventually(lambda: [run.exit_code for run in bench.runs] == [0, 0])
    sink.deliver(make_batch([make_event("llm.end", session_id="a")], timeout=20))
    assert sorted(run.summary["totals/runs"] for run in bench.runs) == [1, 2]
