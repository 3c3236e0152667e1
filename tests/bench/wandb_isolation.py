"""
W&B beside the user's own run: in the same process, or in a child? Prints what became of both.

    python tests/bench/wandb_isolation.py [scenario …]
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb_isolation_ours import seconds_until_gone

from fanlight_wandb.testing import Fault, WandbServer

BOTH = ("in-process", "child")
LIMIT = 60.0
"""Seconds after which an application that does not end is killed."""
ONLINE = {"mode": "online"}
ONLINE_5 = {"mode": "online", "finish_timeout": 5}


@dataclass
class Case:
    """One row of the table."""

    name: str
    scenario: str
    settings: dict[str, Any] = field(default_factory=lambda: {"mode": "offline"})
    hang: str = ""
    """The operation that the server never answers."""
    placements: tuple[str, ...] = BOTH


CASES = [
    Case("footprint", "footprint"),
    Case("our wandb-core is killed", "core_killed"),
    Case("the user's wandb-core is killed", "user_core_killed"),
    Case("the user's wandb-core is killed", "user_core_killed", placements=("inheriting child",)),
    Case("our run is begun anew (teardown, init)", "recovery"),
    Case("the user calls wandb.teardown()", "user_teardown"),
    Case("the user's wandb.init(reinit='finish_previous')", "user_finish_previous"),
    Case("our child is killed", "child_killed"),
    Case("the application is killed", "killed"),
    Case("our wandb-core hangs", "core_stopped"),
    Case(
        "the server hangs while our run is opened, and the application ends",
        "exit_while_opening",
        ONLINE,
        "UpsertBucket",
    ),
    Case("exit with close, offline", "exit_normally"),
    Case("exit with close, online, healthy", "exit_normally", ONLINE),
    Case("exit with close, online, rows hang", "exit_normally", ONLINE, "file_stream"),
    Case("exit without close, offline", "exit_without_close"),
    Case("exit without close, online, healthy", "exit_without_close", ONLINE),
    Case("exit without close, online, rows hang", "exit_without_close", ONLINE, "file_stream"),
    Case("exit without close, online, rows hang, finish_timeout=5", "exit_without_close", ONLINE_5, "file_stream"),
    Case("exit without close, online, everything but the start hangs", "exit_without_close", ONLINE, "[!U]*"),
    Case("four forks", "forked"),
    Case("four forks, one core is killed", "forked_core_killed"),
]


def measure(case: Case, placement: str) -> dict[str, Any]:
    """Run the application of *case*; what it printed, and how long it took to end after that."""
    with WandbServer() as server, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        if case.hang:
            server.order(Fault(operation=case.hang, hang=True))
        program = str(Path(__file__).with_name("wandb_isolation_app.py"))
        arguments = [sys.executable, program, case.scenario, placement, directory, json.dumps(case.settings)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
        environment |= {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": server.api_key, "WANDB_SILENT": "true"}
        environment |= {"WANDB_ERROR_REPORTING": "false", "WANDB_DATA_DIR": directory}
        with Path(directory, "stderr").open("w") as errors:
            application = subprocess.Popen(
                arguments, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True, start_new_session=True
            )
        seen = read_answer(application)
        if not seen:
            seen = {"stderr": Path(directory, "stderr").read_text()[-300:]}
        left = seen.pop("left", [])
        seen |= leave(application, seen)
        for core in left:
            os.kill(core, signal.SIGKILL)
        return seen


def read_answer(application: subprocess.Popen[str]) -> dict[str, Any]:
    line = application.stdout.readline() if application.stdout else ""
    return json.loads(line) if line else {}


def leave(application: subprocess.Popen[str], seen: dict[str, Any]) -> dict[str, Any]:
    """How the application ends."""
    if pids := seen.pop("kill me", None):
        application.kill()
        gone = [seconds_until_gone(pid) for pid in pids]
        return {"seconds until the rest is gone": [wait and round(wait, 2) for wait in gone]}
    start = time.monotonic()
    try:
        application.wait(LIMIT)
        return {"seconds from main's end to exit": round(time.monotonic() - start, 2)}
    except subprocess.TimeoutExpired:
        os.killpg(application.pid, signal.SIGKILL)
        application.wait()
        return {"seconds from main's end to exit": f"> {LIMIT:.0f}"}


def main() -> None:
    for case in CASES:
        if sys.argv[1:] and case.scenario not in sys.argv[1:]:
            continue
        print(f"\n## {case.name}")
        for placement in case.placements:
            print(f"{placement}: {json.dumps(measure(case, placement))}", flush=True)


if __name__ == "__main__":
    main()
