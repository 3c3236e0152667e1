"""
What fanlight costs the application, beside a handler that does nothing, the floor, and its peers.

    python tests/bench/overhead.py [--quick] [--peers] [--workload rag ...] [--json]

Prints, for each workload and handler, the CPU that it adds to an invoke without any handler: in the application's
threads (`caller`), and in the whole process until everything was flushed (`total`). All handlers take turns in short
blocks; each figure is the median of its rounds, and each round is compared with its own block without a handler.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import IO, Any, Self

import msgspec
from overhead_handlers import HANDLERS
from overhead_load import Workload, workloads
from overhead_peers import PEERS, environment
from overhead_table import Row, render
from overhead_worker import Block, Order

HERE = Path(__file__).parent
FANLIGHT = "fanlight, memory"


class Child:
    """A process that is spoken to line by line."""

    def __init__(self, python: Path, script: str, *args: str) -> None:
        command = [str(python), str(HERE / script), *args]
        quiet = {**os.environ, "LANGSMITH_TRACING": "false", "OTEL_SDK_DISABLED": "false", "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env=quiet
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def ask(self, line: str) -> str:
        """Send *line* and return the answer."""
        _there(self._process.stdin).write(line + "\n")
        _there(self._process.stdin).flush()
        return self.read()

    def read(self) -> str:
        """Return the next line; SystemExit where the process has ended."""
        answer = _there(self._process.stdout).readline()
        if not answer:
            raise SystemExit(f"{self._process.args} ended")
        return answer

    def end(self) -> str:
        """Close its input, wait for its end and return its last words."""
        if self._process.poll() is None:
            return self._process.communicate(timeout=60)[0]
        return ""


def _there(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


class Worker(Child):
    """A process that measures the handlers it was started with."""

    def __init__(self, python: Path, handlers: list[str], servers: str) -> None:
        super().__init__(python, "overhead_worker.py", json.dumps(handlers), servers)
        self.handlers = handlers

    def block(self, workload: Workload, handler: str, count: int) -> Block:
        """Measure one block."""
        order = Order(workload.name, handler, count)
        return msgspec.json.decode(self.ask(msgspec.json.encode(order).decode()), type=Block)


Samples = dict[tuple[str, str], list[Block]]


def sample(workers: list[Worker], chosen: list[Workload], rounds: int) -> Samples:
    """Let all handlers take turns, each round beginning with another one; the first round only warms up."""
    samples: Samples = {}
    for turn in range(rounds + 1):
        for workload in chosen:
            for worker in workers:
                for handler in _rotated(worker.handlers, turn):
                    block = worker.block(workload, handler, workload.count)
                    if turn:
                        samples.setdefault((workload.name, handler), []).append(block)
    return samples


def _rotated(handlers: list[str], turn: int) -> list[str]:
    at = turn % len(handlers)
    return handlers[at:] + handlers[:at]


def rows(samples: Samples, chosen: list[Workload], handlers: list[str]) -> list[Row]:
    """The medians, less what the same round cost without a handler."""
    table = []
    for workload in chosen:
        bare = samples[workload.name, "none"]
        added = {handler: _added(samples[workload.name, handler], bare) for handler in handlers}
        for handler, (caller, total, lost) in added.items():
            table.append(
                Row(
                    workload=workload.name,
                    events=workload.events,
                    bare=median(block.caller for block in bare),
                    handler=handler,
                    caller=caller,
                    total=total,
                    to_noop=_ratio(caller, added["no-op"][0]),
                    to_floor=_ratio(caller, added["floor"][0]),
                    to_floor_dual=_ratio(caller, added["floor, dual"][0]),
                    to_fanlight=_ratio(caller, added[FANLIGHT][0]),
                    total_to_fanlight=_ratio(total, added[FANLIGHT][1]),
                    lost=lost,
                )
            )
    return table


def _ratio(what: float, of: float) -> float | None:
    return what / of if of > 0 else None  # lost in the noise


def _added(blocks: list[Block], bare: list[Block]) -> tuple[float, float, int]:
    pairs = list(zip(blocks, bare, strict=True))
    caller = median(block.caller - none.caller for block, none in pairs)
    total = median(block.total - none.total for block, none in pairs)
    return caller, total, sum(block.lost for block in blocks)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Start the processes, measure, end them."""
    python = environment(options.venv) if options.peers else Path(sys.executable)
    known = workloads()
    chosen = [known[name] for name in options.workload or known]
    peers = list(PEERS) if options.peers else []
    with Child(python, "overhead_server.py") as server:
        servers = server.read()
        workers = [Worker(python, list(HANDLERS), servers), *(Worker(python, [name], servers) for name in peers)]
        try:
            samples = sample(workers, chosen, options.rounds or (5 if options.quick else 25))
        finally:
            for worker in workers:
                worker.end()
        received = json.loads(server.end())
    return {
        "rows": rows(samples, chosen, [*list(HANDLERS)[1:], *peers]),
        "received": received,
        "machine": _machine(python),
    }


def _machine(python: Path) -> str:
    what = (
        "import sys, langchain_core as c; print('CPython', sys.version.split()[0] + ', langchain-core', c.__version__)"
    )
    versions = subprocess.run([str(python), "-c", what], check=True, capture_output=True, text=True).stdout.strip()
    return f"{versions}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="five rounds")
    parser.add_argument("--rounds", type=int, help="how many rounds; 25, with --quick 5")
    parser.add_argument("--peers", action="store_true", help="the peers too, in an environment made for them")
    parser.add_argument("--venv", type=Path, help="where that environment is, or is made")
    parser.add_argument("--workload", nargs="+", choices=list(workloads()), help="only these")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    options = parser.parse_args()
    result = measure(options)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
    else:
        print(render(result["rows"], result["machine"], result["received"]))


if __name__ == "__main__":
    main()
