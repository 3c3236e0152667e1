"""
A burst: as many rag invokes as the application can make, without a pause, with the whole router behind it.

    python tests/bench/burst.py [--invokes 20000] [--threads 1] [--bare]

Prints what the application felt and what became of the events; fails where the ledger does not account for each one.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from rag_load import RAG_EVENTS, rag_chain

from fanlight import Router
from fanlight.health import RouterHealth

QUESTION = {"question": "What is fan-out, and who pays for it?"}
WARM_UP = 100
TIMEOUT = 300.0


def make_router(directory: str) -> Router:
    """A router with one sink in memory and one in a file, everything at its defaults."""
    sinks = {"memory": {"type": "memory"}, "file": {"type": "jsonl", "path": str(Path(directory) / "events.jsonl")}}
    return Router.from_config(
        {
            "version": 1,
            "service": "bench",
            "environments": ["bench"],
            "environment": "bench",
            "sinks": sinks,
            "routes": [{"to": list(sinks)}],
        }
    )


def invoke_all(config: dict[str, Any], invokes: int, threads: int) -> list[float]:
    """Return the ms of each invoke, sorted."""
    chain, spent = rag_chain(), list[float]()

    def some() -> None:
        for _ in range(invokes // threads):
            began = time.perf_counter()
            chain.invoke(QUESTION, config=config)
            spent.append((time.perf_counter() - began) * 1e3)

    workers = [threading.Thread(target=some) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sorted(spent)


def check(health: RouterHealth, events: int) -> None:
    """Every callback is in the process's equation, and every routed event in each sink's."""
    assert health.balanced, health.to_dict()
    assert health.intake.captured == events, (health.intake, events)
    assert health.intake.queued == 0, health.intake
    for sink in health.sinks.values():
        counts = sink.counts
        assert counts.accepted + counts.collapsed == health.intake.routed, (counts, health.intake)
        assert counts.pending == 0, counts


def burst(invokes: int, threads: int) -> None:
    """Run it and print the account."""
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as directory, make_router(directory) as router:
        config = {"callbacks": [router.handler]}
        began = time.perf_counter()
        spent = invoke_all(config, invokes, threads)
        felt = time.perf_counter() - began
        report = router.flush(TIMEOUT)
        settled = time.perf_counter() - began
        health = router.health()
        assert report, report
        check(health, len(spent) * RAG_EVENTS)
    _print_times(spent, felt)
    intake = health.intake
    print(f"flushed after {settled:.1f} s; {intake.routed:,} of {intake.captured:,} routed, dropped {intake.dropped}")
    for name, sink in health.sinks.items():
        share = 100 * sink.counts.delivered / intake.captured
        print(f"{name}: {sink.counts.delivered:,} delivered ({share:.1f} %), dropped {sink.counts.dropped}")


def _print_times(spent: list[float], felt: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    p50, p99 = spent[len(spent) // 2], spent[len(spent) * 99 // 100]
    print(f"{len(spent):,} invokes in {felt:.1f} s, p50 {p50:.2f} ms, p99 {p99:.2f} ms, peak RSS {peak:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invokes", type=int, default=20_000, help="how many; 20000")
    parser.add_argument("--threads", type=int, default=1, help="from how many threads; 1")
    parser.add_argument("--bare", action="store_true", help="without a router, for comparison")
    options = parser.parse_args()
    invoke_all({}, WARM_UP, 1)
    if options.bare:
        began = time.perf_counter()
        _print_times(invoke_all({}, options.invokes, options.threads), time.perf_counter() - began)
    else:
        burst(options.invokes, options.threads)


if __name__ == "__main__":
    main()
