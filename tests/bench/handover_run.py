"""One measured process: one variant of handover and router, one load; prints what it cost as JSON."""

from __future__ import annotations

import gc
import json
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from handover_capture import Conditioned, Evented, Handover, Polled, Queued, make_handler
from handover_wire import ENCODER, by_decoding, by_python, by_wire, joined
from handover_work import Pipeline, scan_events, scan_piece, scan_texts
from rag_load import RAG_EVENTS, rag_chain

QUESTION = {"question": "What is fan-out, and who pays for it?"}
HANDOVERS: dict[str, Callable[[], Handover]] = {
    "event": Evented,
    "condition": Conditioned,
    "simplequeue": Queued,
    "poll2": lambda: Polled(0.002),
    "poll10": lambda: Polled(0.010),
    "poll20": lambda: Polled(0.020),
    "poll50": lambda: Polled(0.050),
}
SCANS = {"piece": scan_piece, "event": scan_events, "text": scan_texts}


class Variant(msgspec.Struct):
    """What is compared. `router`: none, noop, keep (append), thread, wire, worker; `encoded`: by the caller."""

    router: str = "none"
    encoded: bool = False
    handover: str = "event"
    scan: str = "piece"
    chunk: int = 64
    piece_us: int = 500
    rest_us: int = 200
    relief: int = 0
    load: str = "busy"
    count: int = 1000
    context_kb: float = 1.5


class Route(Protocol):
    """Where drained records go: through the pipeline in this process, or over the socket to the worker's."""

    def feed(self, records: list[Any]) -> None: ...

    def close(self) -> dict[str, Any]: ...


class Local:
    def __init__(self, convert: Callable[[list[Any]], list[Any]], pipeline: Pipeline) -> None:
        self.convert, self.pipeline = convert, pipeline

    def feed(self, records: list[Any]) -> None:
        self.pipeline.feed(self.convert(records))

    def close(self) -> dict[str, Any]:
        self.pipeline.close()
        return {"events": self.pipeline.events, "cpu": 0.0, "rss_kb": 0}


class Remote:
    """Encodes pieces to a worker process behind a unix socket pair."""

    def __init__(self, encode: Callable[[list[Any]], bytes]) -> None:
        self.encode = encode
        self.socket, theirs = socket.socketpair()
        worker = [sys.executable, str(Path(__file__).with_name("handover_worker.py")), str(theirs.fileno())]
        self.worker = subprocess.Popen(worker, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE)
        theirs.close()

    def feed(self, records: list[Any]) -> None:
        payload = self.encode(records)
        self.socket.sendall(struct.pack(">I", len(payload)) + payload)

    def close(self) -> dict[str, Any]:
        self.socket.close()
        account: dict[str, Any] = json.loads(self.worker.communicate()[0])
        return account


class Drain(threading.Thread):
    """The router thread: works for `piece_us`, then rests so that a caller gets the GIL; not with a long backlog."""

    def __init__(self, intake: Handover, route: Route, variant: Variant) -> None:
        super().__init__(daemon=True)
        self.intake, self.route, self.variant = intake, route, variant
        self.handled, self.cpu, self.peak, self.stopping = 0, 0.0, 0, False

    def run(self) -> None:
        # Few records per call: encoding a piece must not hold the GIL for longer than the piece may take.
        while not (self.stopping and self.intake.size() == 0):
            self.peak = max(self.peak, self.intake.size())
            self._piece(time.perf_counter_ns() + self.variant.piece_us * 1000)
            self._rest()
        self.cpu = time.thread_time()

    def _piece(self, deadline: int) -> None:
        while records := self.intake.take(self.variant.chunk):
            self.route.feed(records)
            self.handled += len(records)
            if time.perf_counter_ns() > deadline:
                return

    def _rest(self) -> None:
        relieved = self.variant.relief and self.intake.size() > self.variant.relief
        if self.variant.rest_us >= 0 and not relieved:
            time.sleep(self.variant.rest_us / 1e6)


def make_route(variant: Variant) -> Route:
    if variant.router == "worker":
        return Remote(joined if variant.encoded else ENCODER.encode)
    convert = by_decoding if variant.encoded else by_wire if variant.router == "wire" else by_python
    return Local(convert, Pipeline(SCANS[variant.scan]))


def make_config(variant: Variant, put: Any) -> dict[str, Any]:
    if variant.router == "none":
        return {}
    if variant.encoded:
        return {"callbacks": [make_handler(lambda record: put(ENCODER.encode(record)))]}
    return {"callbacks": [make_handler(put)]}


class Collections:
    """How long the garbage collector paused the process: every queued container is one that it visits."""

    def __init__(self) -> None:
        self.began, self.total, self.longest = 0, 0.0, 0.0
        gc.callbacks.append(self)

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self.began = time.perf_counter_ns()
            return
        spent = (time.perf_counter_ns() - self.began) / 1e3
        self.total, self.longest = self.total + spent, max(self.longest, spent)


def invoke_all(chain: Any, config: Any, count: int, wait: float) -> list[float]:
    """µs of each invoke, less the model's own wait."""
    spent = []
    for _ in range(count):
        start = time.perf_counter_ns()
        chain.invoke(QUESTION, config=config)
        spent.append((time.perf_counter_ns() - start) / 1000 - wait * 1e6)
    return spent


def measure(variant: Variant) -> dict[str, Any]:
    bare = sorted(invoke_all(rag_chain(context_kb=variant.context_kb), {}, 300, 0.0))[150] / 1e6
    wait = bare if variant.load == "half" else 0.0
    if variant.router in ("none", "noop", "keep"):
        return _without_router(variant, wait)
    route = make_route(variant)
    drain = Drain(HANDOVERS[variant.handover](), route, variant)
    drain.start()
    return _with_router(variant, wait, drain, route)


def _without_router(variant: Variant, wait: float) -> dict[str, Any]:
    kept: list[Any] = []
    result = _timed(variant, wait, make_config(variant, kept.append if variant.router == "keep" else None), bool)
    return result | {"delivered": None, "router_cpu": 0.0, "worker_cpu": 0.0, "backlog": len(kept), "worker_rss": 0}


def _with_router(variant: Variant, wait: float, drain: Drain, route: Route) -> dict[str, Any]:
    handled = 0

    def settle() -> None:
        nonlocal handled
        handled = drain.handled
        drain.stopping = True
        drain.join()

    result = _timed(variant, wait, make_config(variant, drain.intake.put), settle)
    account = route.close()
    return result | {
        "kept_up": 100 * handled / RAG_EVENTS / variant.count,
        "delivered": account["events"] == RAG_EVENTS * variant.count,
        "router_cpu": drain.cpu / variant.count * 1e6,
        "worker_cpu": account["cpu"] / variant.count * 1e6,
        "worker_rss": account["rss_kb"] / 1024,
        "backlog": drain.peak,
        "settled": time.perf_counter() - result["began"],
    }


def _timed(variant: Variant, wait: float, config: Any, settle: Callable[[], object]) -> dict[str, Any]:
    chain, collections = rag_chain(wait, variant.context_kb), Collections()
    caller, process, began = time.thread_time(), time.process_time(), time.perf_counter()
    spent = sorted(invoke_all(chain, config, variant.count, wait))
    caller, wall = time.thread_time() - caller, time.perf_counter() - began
    settle()
    process = time.process_time() - process
    return {
        "p50": spent[len(spent) // 2],
        "p99": spent[len(spent) * 99 // 100],
        "caller_cpu": caller / variant.count * 1e6,
        "process_cpu": process / variant.count * 1e6,
        "wall": wall,
        "began": began,
        "gc": collections.total / variant.count,
        "gc_longest": collections.longest / 1e3,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(measure(msgspec.json.decode(sys.argv[1], type=Variant))))
