"""
Compare the ways from the caller's thread to the sinks: handover, router thread, worker process, size of pieces.

    python tests/bench/handover.py [--quick] [--only SECTION]

Each variant runs in a fresh process, interleaved over rounds; the best round counts (the machine may be shared).
`busy`: invokes one after another, a whole core; `half`: the model waits as long as an invoke takes, half a core;
`burst`: 20 000 invokes without pause. What the figures say stands in handover.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

Options = dict[str, Any]
CHILD = Path(__file__).with_name("handover_run.py")
PACED: dict[str, dict[str, Options]] = {
    "floor": {
        "no handler": {"router": "none"},
        "no-op handler": {"router": "noop"},
        "snapshot, append": {"router": "keep"},
        "snapshot, encode, append": {"router": "keep", "encoded": True},
    },
    "handover": {
        name: {"router": "wire", "handover": name, "relief": 4096}
        for name in ("event", "condition", "simplequeue", "poll2", "poll10", "poll50")
    },
    "pieces": {
        "64, no rest": {"router": "wire", "piece_us": 10**7, "rest_us": -1},
        "64, sleep(0)": {"router": "wire", "piece_us": 0, "rest_us": 0},
        "16, rest 0.2 ms": {"router": "wire", "chunk": 16, "piece_us": 0, "rest_us": 200},
        "64, rest 0.2 ms": {"router": "wire", "piece_us": 0, "rest_us": 200},
        "256, rest 0.2 ms": {"router": "wire", "chunk": 256, "piece_us": 0, "rest_us": 200},
        "1024, rest 0.2 ms": {"router": "wire", "chunk": 1024, "piece_us": 0, "rest_us": 200},
        "1024, rest 5 ms": {"router": "wire", "chunk": 1024, "piece_us": 0, "rest_us": 5000},
    },
    "pieces to the worker": {
        "for 0.5 ms, rest 0.2 ms": {"router": "worker"},
        "64, rest 0.2 ms": {"router": "worker", "piece_us": 0, "rest_us": 200},
        "64, rest 1 ms": {"router": "worker", "piece_us": 0, "rest_us": 1000},
        "256, rest 5 ms": {"router": "worker", "chunk": 256, "piece_us": 0, "rest_us": 5000},
        "1024, rest 20 ms": {"router": "worker", "chunk": 1024, "piece_us": 0, "rest_us": 20_000},
    },
    "128 KB of context": {
        "no handler": {"router": "none", "context_kb": 128},
        "snapshot, append": {"router": "keep", "context_kb": 128},
        "snapshot, encode, append": {"router": "keep", "encoded": True, "context_kb": 128},
        "worker": {"router": "worker", "relief": 4096, "context_kb": 128},
        "worker, caller encodes": {"router": "worker", "encoded": True, "relief": 4096, "context_kb": 128},
    },
    "scan": {
        "thread, a scan per text": {"router": "wire", "scan": "text", "relief": 4096},
        "thread, a scan per event": {"router": "wire", "scan": "event", "relief": 4096},
        "thread, a scan per piece": {"router": "wire", "relief": 4096},
    },
    "work": {
        "thread, Python conversion": {"router": "thread", "relief": 4096},
        "thread, by the wire form": {"router": "wire", "relief": 4096},
        "thread, by the wire form, poll10": {"router": "wire", "handover": "poll10", "relief": 4096},
        "thread, caller encodes": {"router": "wire", "encoded": True, "relief": 4096},
        "worker": {"router": "worker", "relief": 4096},
        "worker, poll10": {"router": "worker", "handover": "poll10", "relief": 4096},
        "worker, caller encodes": {"router": "worker", "encoded": True, "relief": 4096},
        "worker, caller encodes, poll10": {"router": "worker", "encoded": True, "handover": "poll10", "relief": 4096},
    },
}
BURST: dict[str, Options] = {
    "no handler": {"router": "none"},
    "thread, pieces always": {"router": "wire"},
    "thread, no rest above 4096": {"router": "wire", "relief": 4096},
    "thread, caller encodes": {"router": "wire", "encoded": True, "relief": 4096},
    "worker": {"router": "worker", "relief": 4096},
    "worker, caller encodes": {"router": "worker", "encoded": True, "relief": 4096},
}
PACED_COLUMNS = (
    "p50",
    "p99",
    "caller_cpu",
    "process_cpu",
    "router_cpu",
    "worker_cpu",
    "gc",
    "gc_longest",
    "backlog",
    "kept_up",
)
BURST_COLUMNS = (
    "wall",
    "settled",
    "delivered",
    "backlog",
    "rss",
    "worker_rss",
    "process_cpu",
    "worker_cpu",
    "p50",
    "p99",
)


def run(options: Options, load: str, count: int) -> Options:
    variant = json.dumps({**options, "load": load, "count": count})
    done = subprocess.run([sys.executable, str(CHILD), variant], stdout=subprocess.PIPE, check=True)
    result: Options = json.loads(done.stdout)
    assert result["delivered"] is not False, (options, load, "events were lost")
    return result


def best(results: list[Options]) -> Options:
    """The lowest figure of each column over the rounds; an undelivered event in any round shows."""
    merged = {key: min(result[key] for result in results) for key in results[0] if key != "delivered"}
    return merged | {"delivered": _all_delivered(results)}


def _all_delivered(results: list[Options]) -> bool | None:
    answers = [result["delivered"] for result in results]
    return None if None in answers else all(answers)


def paced(section: str, rounds: int, count: int) -> None:
    cases = [(name, load) for name in PACED[section] for load in ("busy", "half")]
    found: dict[tuple[str, str], list[Options]] = {case: [] for case in cases}
    for _ in range(rounds):
        for name, load in cases:
            found[name, load].append(run(PACED[section][name], load, count))
    _table(section, PACED_COLUMNS, {f"{name}, {load}": best(found[name, load]) for name, load in cases})


def burst(count: int) -> None:
    _table(f"burst of {count}", BURST_COLUMNS, {name: run(options, "burst", count) for name, options in BURST.items()})


def _table(title: str, columns: tuple[str, ...], rows: dict[str, Options]) -> None:
    print(f"\n| {title} | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(_cell(row.get(column)) for column in columns)} |", flush=True)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "all" if value else "NOT ALL"
    return f"{value:.0f}" if value >= 100 or isinstance(value, int) else f"{value:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round, a burst of 2 000")
    parser.add_argument("--only", choices=[*PACED, "burst"], help="one section")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    for section in PACED if given.only is None else {given.only} & set(PACED):
        paced(section, given.rounds, 500 if given.quick else 1500)
    if given.only in (None, "burst"):
        burst(2000 if given.quick else 20_000)


if __name__ == "__main__":
    main()
