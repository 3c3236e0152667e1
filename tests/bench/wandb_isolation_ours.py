"""Our W&B run, in the application's process or in a child of it, with the same four calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

DEADLINE = 5.0
"""Seconds that closing may take, after which fanlight goes on without it."""


def start_run(project: str, directory: Path, **settings: Any) -> Any:
    """A run as quiet as the SDK can be made."""
    import wandb

    quiet = wandb.Settings(
        silent=True,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        disable_git=True,
        disable_code=True,
        console="off",
        x_save_requirements=False,
        root_dir=str(directory),
        x_transaction_log_flush_interval=0.2,
        **settings,
    )
    directory.mkdir(parents=True, exist_ok=True)
    return wandb.init(project=project, settings=quiet, reinit="create_new")


class InProcess:
    """Beside the user's run, on a thread of fanlight's at most."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.directory = directory
        self._settings = settings
        self.run: Any = None

    def open(self) -> None:
        self.run = start_run("ours", self.directory, **self._settings)

    def log(self, rows: int) -> str:
        try:
            for row in range(rows):
                self.run.log({"row": row})
        except Exception as error:
            return type(error).__name__
        return "ok"

    def recover(self) -> str:
        """What the SDK needs after its core died: nothing less brings it back."""
        import wandb

        try:
            wandb.teardown()
        except Exception as error:
            print("teardown:", type(error).__name__, file=sys.stderr)
        self.open()
        return self.log(10)

    def close(self) -> None:
        """Finish on a thread and go on without it after the deadline, as a lane would."""
        finishing = threading.Thread(target=self.run.finish, daemon=True)
        finishing.start()
        finishing.join(DEADLINE)

    @property
    def pid(self) -> int:
        return os.getpid()


class InChild:
    """In a child that gets one JSON array per call and answers with one."""

    withheld = frozenset({"WANDB_SERVICE"})
    """Names of the environment that the child does not inherit."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.directory = directory
        self._arguments = [sys.executable, __file__, str(directory), json.dumps(settings)]

    def open(self) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in self.withheld}
        self.child = subprocess.Popen(
            self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        self._call("open")

    def log(self, rows: int) -> str:
        return self._call("log", rows)

    def recover(self) -> str:
        self.child.kill()
        self.child.wait()
        self.open()
        return self.log(10)

    def close(self) -> None:
        asked = threading.Thread(target=self._call, args=("close",), daemon=True)
        asked.start()
        asked.join(DEADLINE)
        self.child.kill()
        self.child.wait()

    def _call(self, name: str, *arguments: Any) -> str:
        if self.child.stdin is None or self.child.stdout is None:
            raise AssertionError
        try:
            print(json.dumps([name, *arguments]), file=self.child.stdin, flush=True)
            return str(json.loads(self.child.stdout.readline() or '"gone"'))
        except OSError as error:
            return type(error).__name__

    @property
    def pid(self) -> int:
        return self.child.pid


class InInheritingChild(InChild):
    """In a child that finds the address of the user's wandb-core in its environment."""

    withheld = frozenset()


def serve() -> None:
    """The child."""
    ours = InProcess(Path(sys.argv[1]), **json.loads(sys.argv[2]))
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(getattr(ours, name)(*arguments)), flush=True)
    os._exit(0)


def cores_of(pid: int) -> list[int]:
    """The wandb-core processes that *pid* started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        name, _, rest = stat.partition("(")[2].rpartition(")")
        if name.startswith("wandb-core") and int(rest.split()[1]) == pid and rest.split()[0] != "Z":
            found.append(int(entry.name))
    return found


def seconds_until_gone(pid: int, limit: float = 60.0) -> float | None:
    """How long *pid* still lives; None if longer than *limit*."""
    start = time.monotonic()
    while time.monotonic() < start + limit:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            state = "gone"
        if state in ("gone", "Z"):
            return time.monotonic() - start
        time.sleep(0.01)
    return None


if __name__ == "__main__":
    serve()
