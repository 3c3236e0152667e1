"""A process that writes batches of ten events to a lake until it is told to stop, or killed: one line for each."""

import os
import sys
import time

from fanlight import Batch, Delivery, Seal, testing
from fanlight_lake import LakeConfig, LakeSink

EVENTS = 10


def main(path: str, format_: str, batches: int) -> None:
    context = testing.make_context("lake", instance_id=str(os.getpid()))
    sink = LakeSink(LakeConfig(path=path, format=format_))  # type: ignore[arg-type]
    print("ready", flush=True)
    sys.stdin.readline()
    sink.open(context)
    for number in range(batches):
        tags = (f"{os.getpid()}-{number}",)
        events = [testing.make_event(tags=tags, inputs=os.urandom(2000).hex()) for _ in range(EVENTS)]
        seal = Seal(writer=f"writer-{os.getpid()}", sequence=number)
        deliveries = tuple(Delivery(event=event, sink="lake") for event in events)
        sink.deliver(
            Batch(id=str(number), sink="lake", deliveries=deliveries, deadline=time.monotonic() + 30, seal=seal)
        )
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
