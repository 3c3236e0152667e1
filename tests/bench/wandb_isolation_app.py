"""
One application with a W&B run of its own, and ours beside it: one scenario, one placement; what it saw as JSON.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wandb_isolation_ours import InChild, InInheritingChild, InProcess, cores_of, seconds_until_gone, start_run

from fanlight_wandb.testing import read_runs

Ours = InProcess | InChild


class Application:
    """The user's part: a run, made as every tutorial makes it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run = start_run("users", directory, mode="offline")

    def log(self, rows: int = 10) -> str:
        try:
            for row in range(rows):
                self.run.log({"mine": row})
        except Exception as error:
            return type(error).__name__
        return "ok"

    def finish(self) -> str:
        try:
            self.run.finish()
        except Exception as error:
            return type(error).__name__
        return "ok"

    def init_again(self) -> str:
        try:
            start_run("users", self.directory, mode="offline").finish()
        except Exception as error:
            return type(error).__name__
        return "ok"


def rows_in(directory: Path) -> int:
    return sum(len(run.history) for run in read_runs(directory))


def core_killed(ours: Ours, directory: Path) -> dict[str, Any]:
    """The wandb-core that serves our run dies."""
    user = Application(directory / "user")
    ours.open()
    user.log()
    for core in cores_of(ours.pid):
        os.kill(core, signal.SIGKILL)
        seconds_until_gone(core)
    after = {"ours: log": ours.log(10), "user: log": user.log(), "user: init": user.init_again()}
    after |= {"ours: recovers": ours.recover(), "user: log after that": user.log(), "user: finish": user.finish()}
    ours.close()
    return after | {"user: rows of 30": rows_in(directory / "user")}


def user_core_killed(ours: Ours, directory: Path) -> dict[str, Any]:
    """The wandb-core that serves the user's run dies."""
    Application(directory / "user")
    ours.open()
    for core in cores_of(os.getpid()):
        os.kill(core, signal.SIGKILL)
        seconds_until_gone(core)
    return {"ours: log": ours.log(10)}


def recovery(ours: Ours, directory: Path) -> dict[str, Any]:
    """Nothing died, but our run is begun anew, as the lane does after a hang."""
    user = Application(directory / "user")
    ours.open()
    user.log()
    seen = {"ours: recovers": ours.recover(), "user: log": user.log(), "user: finish": user.finish()}
    ours.close()
    return seen | {"user: rows of 20": rows_in(directory / "user")}


def user_teardown(ours: Ours, directory: Path) -> dict[str, Any]:
    """The user's code calls wandb.teardown(), as notebooks and frameworks do."""
    import wandb

    Application(directory / "user")
    ours.open()
    ours.log(10)
    wandb.teardown()
    return {"ours: log": ours.log(10)}


def user_finish_previous(ours: Ours, directory: Path) -> dict[str, Any]:
    """The user begins his next run in the way that notebooks have as default."""
    import wandb

    Application(directory / "user")
    ours.open()
    ours.log(10)
    settings = wandb.Settings(mode="offline", silent=True, root_dir=str(directory / "user"), console="off")
    wandb.init(project="users", settings=settings, reinit="finish_previous").finish()
    return {"ours: log": ours.log(10)}


def exit_normally(ours: Ours, directory: Path) -> dict[str, Any]:
    """The application finishes its own run, closes ours within the deadline, and returns from main."""
    user = Application(directory / "user")
    ours.open()
    ours.log(100)
    user.log()
    seen = {"user: finish": user.finish()}
    start = time.monotonic()
    ours.close()
    return seen | {"seconds in our close": round(time.monotonic() - start, 2)}


def exit_without_close(ours: Ours, directory: Path) -> dict[str, Any]:
    """The application returns from main and closes nothing, as scripts do: what does the SDK's atexit hook wait for?"""
    user = Application(directory / "user")
    ours.open()
    ours.log(100)
    return {"user: finish": user.finish()}


def exit_while_opening(ours: Ours, directory: Path) -> dict[str, Any]:
    """Our run is still being opened, on a thread, when the application finishes its own and returns from main."""
    user = Application(directory / "user")
    opening = threading.Thread(target=ours.open, daemon=True)
    opening.start()
    opening.join(3)
    return {"still opening": opening.is_alive(), "user: log": user.log(), "user: finish": user.finish()}


def core_stopped(ours: Ours, directory: Path) -> dict[str, Any]:
    """The wandb-core that serves our run hangs."""
    user = Application(directory / "user")
    ours.open()
    user.log()
    cores = cores_of(ours.pid)
    for core in cores:
        os.kill(core, signal.SIGSTOP)
    log = within(10, user.log)
    finish = within(10, user.finish)
    ours.close()
    left = [core for core in cores if seconds_until_gone(core, 1.0) is None]
    return {"user: log": log, "user: finish": finish, "wandb-core is left behind": len(left), "left": left}


def within(seconds: float, call: Callable[[], str]) -> str:
    """What *call* returns, or how long it has blocked."""
    answers: list[str] = []
    calling = threading.Thread(target=lambda: answers.append(call()), daemon=True)
    calling.start()
    calling.join(seconds)
    return answers[0] if answers else f"blocked > {seconds:.0f} s"


def killed(ours: Ours, directory: Path) -> dict[str, Any]:
    """The application is killed: what stays behind?"""
    ours.open()
    ours.log(100)
    pids = [*cores_of(ours.pid), *([ours.pid] if ours.pid != os.getpid() else [])]
    return {"kill me": pids}


def child_killed(ours: Ours, directory: Path) -> dict[str, Any]:
    """Our child is killed; in one process there is nothing to kill but the application."""
    user = Application(directory / "user")
    ours.open()
    ours.log(100)
    cores = cores_of(ours.pid)
    os.kill(ours.pid, signal.SIGKILL)
    gone = [seconds_until_gone(core) for core in cores]
    seen = {"user: log": user.log(), "user: finish": user.finish(), "seconds until its wandb-core is gone": gone}
    return seen | {"user: rows of 10": rows_in(directory / "user")}


def forked(ours: Ours, directory: Path) -> dict[str, Any]:
    """A preforking server: a run before the fork, then four workers that log to a run of their own."""
    user = Application(directory / "user")
    start = time.monotonic()
    workers = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            mine = type(ours)(directory / f"worker{number}", mode="offline")
            mine.open()
            mine.log(50)
            time.sleep(1)
            report = {"memory": megabytes(os.getpid(), mine.pid, *cores_of(mine.pid))}
            (directory / f"worker{number}.json").write_text(json.dumps(report))
            mine.close()
            os._exit(0)
        workers.append(pid)
    statuses = [os.waitpid(pid, 0)[1] for pid in workers]
    seconds = round(time.monotonic() - start, 1)
    rows = [rows_in(directory / f"worker{number}") for number in range(4)]
    memory = [json.loads((directory / f"worker{number}.json").read_text())["memory"] for number in range(4)]
    seen = {"rows of 50 each": rows, "exit codes": statuses, "seconds": seconds, "MB per worker (PSS)": memory}
    return seen | {"user: log": user.log(), "user: finish": user.finish()}


def forked_core_killed(ours: Ours, directory: Path) -> dict[str, Any]:
    """As above, and the wandb-core that serves worker 0 is killed: what do the others notice?"""
    Application(directory / "user")
    workers = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            mine = type(ours)(directory / f"worker{number}", mode="offline")
            mine.open()
            mine.log(50)
            time.sleep(1)
            if number == 0:
                for core in cores_of(mine.pid) or cores_of(os.getppid()):
                    os.kill(core, signal.SIGKILL)
            time.sleep(1)
            (directory / f"worker{number}.json").write_text(json.dumps(mine.log(50)))
            os._exit(0)
        workers.append(pid)
    for pid in workers:
        os.waitpid(pid, 0)
    return {"log in each worker": [json.loads((directory / f"worker{n}.json").read_text()) for n in range(4)]}


def footprint(ours: Ours, directory: Path) -> dict[str, Any]:
    """What our run leaves in a process that has none of its own."""
    before = state()
    memory = resident()
    start = time.monotonic()
    ours.open()
    seconds = round(time.monotonic() - start, 1)
    ours.log(1000)
    after = state()
    changed = {key: value for key, value in after.items() if value != before[key]}
    seen: dict[str, Any] = {"seconds to open": seconds, "changed": changed}
    seen["MB in the application (RSS)"] = round(resident() - memory, 1)
    others = {*cores_of(ours.pid), ours.pid} - {os.getpid()}
    seen["MB beside it (PSS)"] = {name_of(pid): megabytes(pid) for pid in others}
    ours.close()
    return seen


def state() -> dict[str, Any]:
    """What a library should leave as it is."""
    from opentelemetry import metrics, trace

    return {
        "environ": sorted(key for key in os.environ if "WANDB" in key or "OTEL" in key),
        "sys.exit": sys.exit.__module__ if hasattr(sys.exit, "__func__") else "builtin",
        "sys.excepthook": getattr(sys.excepthook, "__module__", "builtin"),
        "atexit hooks": atexit._ncallbacks(),
        "signal handlers": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "global tracer provider": type(trace.get_tracer_provider()).__name__,
        "global meter provider": type(metrics.get_meter_provider()).__name__,
        "root log handlers": len(logging.getLogger().handlers),
        "wandb logger": [type(handler).__name__ for handler in logging.getLogger("wandb").handlers],
        "modules": len(sys.modules) // 100 * 100,
        "open files": len(list(Path("/proc/self/fd").iterdir())),
    }


def megabytes(*pids: int) -> float:
    """The proportional memory of these processes."""
    total = 0
    for pid in set(pids):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return round(total / 1024, 1)


def resident() -> float:
    """The memory of this process: what it shares with a child counts in full before and after."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


SCENARIOS: dict[str, Callable[[Ours, Path], dict[str, Any]]] = {
    scenario.__name__: scenario
    for scenario in (
        core_killed,
        user_core_killed,
        recovery,
        user_teardown,
        user_finish_previous,
        exit_normally,
        exit_without_close,
        exit_while_opening,
        core_stopped,
        killed,
        child_killed,
        forked,
        forked_core_killed,
        footprint,
    )
}


def main() -> None:
    scenario, placement, directory, settings = sys.argv[1:]
    placements: dict[str, type[Ours]] = {
        "in-process": InProcess,
        "child": InChild,
        "inheriting child": InInheritingChild,
    }
    ours = placements[placement](Path(directory) / "ours", **json.loads(settings))
    print(json.dumps(SCENARIOS[scenario](ours, Path(directory))), flush=True)
    if scenario == "killed":
        signal.pause()


if __name__ == "__main__":
    main()
