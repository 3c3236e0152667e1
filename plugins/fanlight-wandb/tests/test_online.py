"""The sink behind a real router, the real SDK before a stand-in of its server: what arrives when not all goes well."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from fanlight import Router
from fanlight.testing.clock import eventually
from fanlight_wandb.testing import Fault, SeenRun, WandbServer

Configure = Callable[..., dict[str, Any]]
upper = RunnableLambda(str.upper)
# Tries again soon, so that a test need not wait for the pauses that a real server is given.
IMPATIENT = {"init_timeout": "1s", "breaker": {"open": "200ms", "max_open": "500ms"}}


def run(router: Router, names: Iterable[str]) -> None:
    for name in names:
        upper.invoke("x", config={"callbacks": [router.handler], "run_name": name})


def lane(router: Router) -> Any:
    eventually(lambda: "runs" in router.health().sinks)
    return router.health().sinks["runs"]


def names(count: int, prefix: str = "run") -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


def in_tables(runs: list[SeenRun]) -> Counter[str]:
    return Counter(row["name"] for seen in runs if seen.tables for row in seen.tables["traces"].rows)


def test_everything_arrives(server: WandbServer, online: Configure) -> None:
    """Each finished run is one row of the table and of the metrics, once, and the W&B run ends well."""
    with Router.from_config(online()) as router:
        run(router, names(300))
        assert router.flush(timeout=30)
        counts = lane(router).counts
    assert (counts.delivered, counts.dropped) == (300, {})
    (seen,) = server.runs
    assert in_tables([seen]) == Counter(names(300))
    assert seen.values("errors") == [0] * 300
    assert seen.values("_step") == list(range(len(seen.history)))
    assert (seen.project, seen.group, seen.exit_code) == ("p", "bot/test", 0)


@pytest.mark.long
@pytest.mark.parametrize(
    "fault",
    [
        Fault(operation="file_stream", status=429, retry_after=1, times=2),
        Fault(operation="file_stream", status=500, times=2),
        Fault(operation="file_stream", reset=True, times=2),
        Fault(operation="file_stream", reset=True, times=2, accept=True),
        Fault(operation="UpsertBucket", status=503, times=2),
        Fault(operation="CreateArtifact*", status=500, times=2),
        Fault(operation="upload", status=500, times=2),
    ],
    ids=["429", "500", "reset", "reset-after-taking", "no-run", "no-artifact", "no-upload"],
)
def test_a_server_with_hiccups_gets_everything_once(server: WandbServer, online: Configure, fault: Fault) -> None:
    """Refusals, failures and cut connections are tried again until each row is there, once."""
    server.order(fault)
    config = online(finish_timeout="40s") | {"shutdown_timeout": "40s"}
    with Router.from_config(config) as router:
        run(router, names(20))
        assert router.flush(timeout=30)
    (seen,) = server.runs
    assert in_tables([seen]) == Counter(names(20))
    assert seen.values("errors") == [0] * 20
    assert seen.exit_code == 0


@pytest.mark.long
def test_uploads_that_hang_keep_nobody_waiting(
    server: WandbServer, online: Configure, programs: Any, account: dict[str, str]
) -> None:
    """While uploads hang, rows are delivered to the disk; close keeps its deadline; `wandb sync` brings the rest."""
    server.order(Fault(operation="file_stream", hang=True))
    with Router.from_config(online()) as router:
        run(router, names(20))
        assert router.flush(timeout=30)
        health = lane(router)
        assert (health.counts.delivered, health.timeouts, health.last_error) == (20, 0, None)
    closed = lane(router)
    assert (closed.hung_threads, closed.zombie, closed.child_pid) == (0, False, None)
    assert [seen.history for seen in server.runs] == [[]]
    server.lift_faults()
    programs.sync(account)
    (seen,) = server.runs
    assert in_tables([seen]) == Counter(names(20))
    assert seen.values("errors") == [0] * 20


@pytest.mark.long
def test_a_server_that_hangs_at_the_start_delays_and_loses_nothing(server: WandbServer, online: Configure) -> None:
    """While no run can be opened the events wait, and health says why; then all arrive."""
    server.order(Fault(operation="UpsertBucket", hang=True))
    with Router.from_config(online(**IMPATIENT)) as router:
        run(router, names(20))
        eventually(lambda: lane(router).last_error is not None)
        health = lane(router)
        assert (health.counts.pending, health.counts.delivered, health.counts.dropped) == (20, 0, {})
        assert "W&B did not open the run" in (health.last_error or "")
        server.lift_faults()
        assert router.flush(timeout=60)
    assert in_tables(server.runs) == Counter(names(20))


@pytest.mark.long
def test_a_refused_key_opens_the_breaker_and_loses_nothing(server: WandbServer, online: Configure) -> None:
    """While the key is refused the breaker is open, the events wait, and the key is not told; then all arrive."""
    server.order(Fault(status=401))
    with Router.from_config(online(**IMPATIENT)) as router:
        run(router, names(20))
        eventually(lambda: lane(router).breaker != "closed")
        health = lane(router)
        assert (health.attempts, health.counts.pending, health.counts.dropped) == (1, 20, {})
        assert server.api_key not in (health.last_error or "")
        server.lift_faults()
        assert router.flush(timeout=60)
    assert in_tables(server.runs) == Counter(names(20))


@pytest.mark.long
def test_a_server_that_is_down_is_waited_for(server: WandbServer, online: Configure) -> None:
    """A server that is not there at the start, and one that goes away under a run, cost time and no row."""
    server.stop()
    with Router.from_config(online(**IMPATIENT, finish_timeout="40s") | {"shutdown_timeout": "40s"}) as router:
        run(router, names(10, "before"))
        eventually(lambda: lane(router).last_error is not None)
        assert lane(router).counts.pending == 10
        server.start()
        assert router.flush(timeout=60)
        eventually(lambda: in_tables(server.runs) == Counter(names(10, "before")))
        server.stop()
        run(router, names(10, "during"))
        assert router.flush(timeout=30)
        server.start()
    (seen,) = server.runs
    assert in_tables([seen]) == Counter(names(10, "before") + names(10, "during"))
    assert seen.values("errors") == [0] * 20


@pytest.mark.long
def test_a_restart_goes_on_with_the_run(server: WandbServer, online: Configure) -> None:
    """After a restart the same W&B run goes on: no row is lost, none replaced, and the steps go on counting."""
    for generation in range(3):
        with Router.from_config(online()) as router:
            run(router, names(10, f"g{generation}"))
            assert router.flush(timeout=30)
    (seen,) = server.runs
    assert in_tables([seen]) == Counter(name for generation in range(3) for name in names(10, f"g{generation}"))
    assert seen.values("errors") == [0] * 30
    assert seen.values("_step") == list(range(len(seen.history)))
    assert seen.values("fanlight/step") == sorted(set(seen.values("fanlight/step")))
    assert seen.metrics["llm/cost_usd"].step_metric == "fanlight/step"
