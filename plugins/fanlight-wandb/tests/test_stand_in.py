"""The stand-in of the W&B server: the real SDK cannot tell, and what arrived is what was logged."""

import threading
from contextlib import closing
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fanlight_wandb.testing import Fault, SeenAlert, SeenMetric, SeenRun, WandbServer, read_runs

RUN = """
import wandb
run = start(mode=MODE, project="p", id="r1", name="first", group="g", job_type="j", tags=["a", "b"], notes="n",
            config={"nested": {"x": 1}, "flat": "y"}, settings={"x_file_stream_transmit_interval": 0.2})
run.define_metric("llm/step", hidden=True)
run.define_metric("llm/*", step_metric="llm/step", summary="mean")
for step in range(3):
    run.log({"llm/step": step, "llm/x": float(step), "_timestamp": 1_700_000_000.5 + step})
run.config.update({"late": [1, 2]})
run.log({"full": wandb.Table(columns=["a", "b"], data=[[1, "x"]])})
run.log({"full": wandb.Table(columns=["a", "b"], data=[[2, "y"], [3, "z"]])})
traces = wandb.Table(columns=["n"], log_mode="INCREMENTAL")
for n in range(3):
    traces.add_data(n)
    run.log({"traces": traces})
run.alert(title="t", text="tt", level=wandb.AlertLevel.WARN, wait_duration=60)
run.summary["total"] = 3
run.finish(exit_code=3)
"""


def check(run: SeenRun) -> None:
    assert (run.run_id, run.project, run.name, run.group, run.job_type) == ("r1", "p", "first", "g", "j")
    assert (run.tags, run.notes, run.exit_code) == (("a", "b"), "n", 3)
    assert run.config == {"nested": {"x": 1}, "flat": "y", "late": [1, 2]}
    assert run.metrics["llm/*"] == SeenMetric("llm/*", "llm/step", ("mean",))
    assert run.metrics["llm/step"].hidden
    assert run.values("llm/x") == [0, 1, 2]
    assert [row["_timestamp"] for row in run.history[:3]] == [1_700_000_000.5, 1_700_000_001.5, 1_700_000_002.5]
    assert run.tables["full"].rows == [{"a": 2, "b": "y"}, {"a": 3, "b": "z"}]
    assert run.tables["traces"].rows == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert (run.summary["total"], run.summary["llm/x"]) == (3, {"mean": 1})
    assert run.alerts == [SeenAlert("t", "tt", "WARN", 60.0)]


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_run_reads_the_same_from_disk_and_server(
    programs: Any, server: WandbServer, account: dict[str, str], tmp_path: Path, mode: str
) -> None:
    """Identity, config, metrics, rows with their times, tables, summary, alerts and end: as the program gave them."""
    programs.run(RUN.replace("MODE", repr(mode)), account)
    (on_disk,) = read_runs(tmp_path)
    check(on_disk)
    if mode == "online":
        (on_server,) = server.runs
        check(on_server)
        assert on_server.history == on_disk.history
        keys = {request.api_key for request in server.requests if request.operation != "upload"}
        assert keys == {server.api_key}


def test_a_run_is_resumed(programs: Any, server: WandbServer, account: dict[str, str]) -> None:
    """A second process that resumes the run goes on after its last row, and its config comes on top."""
    programs.run(
        "run = start('online', project='p', id='r1', config={'a': 1}); run.log({'x': 1}); run.finish()", account
    )
    programs.run(
        "run = start('online', project='p', id='r1', resume='must', config={'b': 2}); run.log({'x': 2}); run.finish()",
        account,
    )
    (run,) = server.runs
    assert [(row["_step"], row["x"]) for row in run.history] == [(0, 1), (1, 2)]
    assert run.config == {"a": 1, "b": 2}


def stream(server: WandbServer) -> tuple[int, str | None]:
    with closing(HTTPConnection(urlsplit(server.url).netloc, timeout=20)) as connection:
        connection.request("POST", "/files/e/p/r/file_stream", b'{"files": {}, "complete": true, "exitcode": 0}')
        response = connection.getresponse()
        return response.status, response.headers["retry-after"]


def test_faults_befall_what_they_name_as_often_as_they_say(server: WandbServer) -> None:
    """Faults come in their order, n times, to the operations that they name, and end when they are lifted."""
    server.order(Fault(operation="Viewer", status=500))
    server.order(Fault(operation="file_*", status=429, retry_after=2, times=2))
    server.order(Fault(status=401))
    assert [stream(server) for _ in range(4)] == [(429, "2"), (429, "2"), (401, None), (401, None)]
    assert server.runs == []
    server.lift_faults()
    assert stream(server) == (200, None)
    assert [run.exit_code for run in server.runs] == [0]
    assert [request.operation for request in server.requests] == ["file_stream"] * 5


def test_a_reset_may_hide_that_the_request_was_taken(server: WandbServer) -> None:
    """A connection that is cut before or after the request was taken looks the same to the client."""
    for accept, runs in ((False, 0), (True, 1)):
        server.order(Fault(reset=True, times=1, accept=accept))
        with pytest.raises((ConnectionResetError, RemoteDisconnected)):
            stream(server)
        assert len(server.runs) == runs


def test_a_request_hangs_until_it_is_let_go(server: WandbServer) -> None:
    """A request that hangs gets no answer, and is cut when faults are lifted."""
    server.order(Fault(hang=True))
    failed = threading.Event()

    def ask() -> None:
        with pytest.raises((ConnectionResetError, RemoteDisconnected)):
            stream(server)
        failed.set()

    asking = threading.Thread(target=ask)
    asking.start()
    assert not failed.wait(0.3)
    server.lift_faults()
    asking.join()
    assert failed.is_set()


def test_a_server_goes_and_comes_back(server: WandbServer) -> None:
    """A server that was stopped refuses connections, cuts those that were open, and comes back where it was."""
    url = server.url
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=20)) as kept:
        kept.request("POST", "/files/e/p/r/file_stream", b"{}")
        kept.getresponse().read()
        server.stop()
        assert kept.sock.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        stream(server)
    server.start()
    assert server.url == url
    assert stream(server) == (200, None)
