"""A measured process: makes its handlers once, then answers each line, an order, with what that block cost."""

from __future__ import annotations

import gc
import json
import sys
import time

import msgspec
from overhead_handlers import HANDLERS, Handled
from overhead_load import Workload, workloads
from overhead_peers import PEERS


class Order(msgspec.Struct):
    """One block: which workload with which handler, and how many invokes."""

    workload: str
    handler: str
    count: int


class Block(msgspec.Struct):
    """CPU µs per invoke: of the application's threads, and of the whole process until everything was flushed."""

    caller: float
    total: float
    lost: int


def measure(workload: Workload, handled: Handled, count: int) -> Block:
    """Run one block."""
    lost = handled.lost()
    gc.collect()
    began = time.process_time()
    caller = workload.run(handled.config, count)
    handled.settle()
    total = time.process_time() - began
    return Block(caller / count * 1e6, total / count * 1e6, handled.lost() - lost)


def main(names: list[str], servers: dict[str, str]) -> None:
    loads = workloads()
    handlers = {
        name: PEERS[name](servers["peers"]) if name in PEERS else HANDLERS[name](servers["otlp"]) for name in names
    }
    for line in sys.stdin:
        order = msgspec.json.decode(line, type=Order)
        block = measure(loads[order.workload], handlers[order.handler], order.count)
        print(msgspec.json.encode(block).decode(), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), json.loads(sys.argv[2]))
