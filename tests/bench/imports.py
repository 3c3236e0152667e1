"""What `import fanlight` adds to the import of LangChain's callbacks, each measured in a process of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 7
TIMED = "import time, {first}\nbegin = time.perf_counter()\n{second}\nprint(time.perf_counter() - begin)"
CASES = {
    "import fanlight": "import fanlight",
    "the names a plugin needs": "from fanlight import Sink, SinkConfig, TelemetryEvent, hookimpl",
    "Router": "from fanlight import Router",
    "install": "from fanlight import install",
}


def _milliseconds(statement: str) -> float:
    program = TIMED.format(first="langchain_core.callbacks.manager", second=statement)
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(ROUNDS)]
    return statistics.median(float(run.stdout) * 1000 for run in runs)


def main() -> None:
    """Print the medians."""
    for name, statement in CASES.items():
        print(f"{name:28} {_milliseconds(statement):7.1f} ms")


if __name__ == "__main__":
    main()
