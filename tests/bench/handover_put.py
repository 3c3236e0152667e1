"""
What one `put` costs the caller's thread, with a consumer that drains: ns at p50 and p99, for each handover.

    python tests/bench/handover_put.py

`idle`: sixteen puts, then a pause, so that the consumer sleeps when the first comes; `busy`: puts without pause.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from handover_capture import Handover
from handover_run import HANDOVERS

RECORD: tuple[Any, ...] = ("on_chain_start", 1, 2, None, None, [], {})


class Consumer(threading.Thread):
    def __init__(self, intake: Handover) -> None:
        super().__init__(daemon=True)
        self.intake, self.stopping = intake, False

    def run(self) -> None:
        while not self.stopping:
            self.intake.take(256)


def puts(intake: Handover, count: int, pause: float) -> list[int]:
    spent = []
    for number in range(count):
        start = time.perf_counter_ns()
        intake.put(RECORD)
        spent.append(time.perf_counter_ns() - start)
        if pause and number % 16 == 15:
            time.sleep(pause)
    return sorted(spent)


def cost(name: str, count: int, pause: float) -> str:
    consumer = Consumer(HANDOVERS[name]())
    consumer.start()
    spent: list[Any] = puts(consumer.intake, count, pause)
    consumer.stopping = True
    consumer.join()
    return f"{spent[count // 2]} | {spent[count * 99 // 100]} | {sum(spent) / count:.0f}"


def main() -> None:
    print(f"Python {sys.version.split()[0]}\n")
    print("| put, ns | idle p50 | p99 | mean | busy p50 | p99 | mean |\n|---|---|---|---|---|---|---|")
    for name in HANDOVERS:
        print(f"| {name} | {cost(name, 8_000, 0.001)} | {cost(name, 100_000, 0.0)} |")


if __name__ == "__main__":
    main()
