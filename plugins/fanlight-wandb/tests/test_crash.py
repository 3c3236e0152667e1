"""What was reported as delivered is on disk, whoever dies: the sink's process, its wandb-core, the application."""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from fanlight import Router
from fanlight.testing.clock import eventually
from fanlight_wandb.testing import WandbServer, read_runs

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="finds wandb-core in /proc"),
]

Configure = Callable[..., dict[str, Any]]
upper = RunnableLambda(str.upper)


def run(router: Router, name: str) -> None:
    upper.invoke("x", config={"callbacks": [router.handler], "run_name": name})


def names_on_disk(directory: Path) -> Counter[str]:
    return Counter(row["name"] for seen in read_runs(directory) if seen.tables for row in seen.tables["traces"].rows)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("victim", ["process", "wandb-core"])
@pytest.mark.parametrize("mode", ["offline", "online"])
def test_kills_lose_no_event(
    server: WandbServer, online: Configure, tmp_path: Path, cores_of: Any, victim: str, mode: str
) -> None:
    """The sink's process or its wandb-core killed three times in the traffic: every event is delivered and on disk."""
    names = [f"run-{number}" for number in range(400)]
    with Router.from_config(online(mode=mode, batch={"linger": "5ms", "max_events": 20})) as router:
        run(router, names[0])
        assert router.flush(timeout=30)
        for number, name in enumerate(names[1:], 1):
            run(router, name)
            if number % 100 == 0:
                eventually(lambda: router.health().sinks["runs"].child_pid is not None)
                child = router.health().sinks["runs"].child_pid or 0
                if victim == "wandb-core":
                    eventually(lambda: bool(cores_of(child)))  # noqa: B023
                for pid in [child] if victim == "process" else cores_of(child):
                    os.kill(pid, signal.SIGKILL)
        assert router.flush(timeout=60)
        health = router.health()
        assert health.balanced
        assert (health.sinks["runs"].counts.delivered, health.sinks["runs"].counts.dropped) == (400, {})
        assert health.sinks["runs"].retries > 0
    found = names_on_disk(tmp_path)
    assert set(found) == set(names)
    # What a batch had written when it was cut off comes again with the batch.
    assert sum(found.values()) <= 400 + 3 * 20


APPLICATION = """
import fanlight
from langchain_core.runnables import RunnableLambda
router = fanlight.Router.from_config(json.loads((HERE / "fanlight.json").read_text()))
upper = RunnableLambda(str.upper)
for number in range(1_000_000):
    name = f"{os.environ['GENERATION']}-{number}"
    upper.invoke("x", config={"callbacks": [router.handler], "run_name": name})
    if number % 7 == 0:
        assert router.flush(timeout=60)
        print(name, router.health().sinks["runs"].child_pid, flush=True)
"""


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_killed_application_loses_nothing_delivered(
    server: WandbServer,
    online: Configure,
    programs: Any,
    account: dict[str, str],
    tmp_path: Path,
    cores_of: Any,
    mode: str,
) -> None:
    """Killed three times in the traffic: what a flush had confirmed is on disk, is uploaded later, and nobody stays."""
    (tmp_path / "fanlight.json").write_text(json.dumps(online(mode=mode, run={"by": ["environment"]})))
    confirmed: set[str] = set()
    for generation in range(3):
        application = programs.start(APPLICATION, {"GENERATION": f"g{generation}"})
        for _ in range(5 + generation):
            last, child = application.stdout.readline().split()
        cores = cores_of(int(child))
        application.kill()
        application.wait()
        confirmed |= {f"g{generation}-{number}" for number in range(int(last.partition("-")[2]) + 1)}
        eventually(lambda: all(map(is_gone, [int(child), *cores])))  # noqa: B023
    assert confirmed <= set(names_on_disk(tmp_path))
    assert len(read_runs(tmp_path)) == 1
    programs.sync(account)
    (seen,) = server.runs
    assert confirmed <= {row["name"] for row in seen.tables["traces"].rows}
    assert seen.values("fanlight/step")[-1] >= len(confirmed)
