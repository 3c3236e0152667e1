"""The worker process: reads length-prefixed pieces from the inherited socket until its end, then prints its account."""

from __future__ import annotations

import json
import resource
import socket
import struct
import sys
import time
from io import BufferedReader

from handover_work import DECODER, Pipeline


def serve(stream: BufferedReader) -> Pipeline:
    pipeline = Pipeline()
    while header := stream.read(4):
        (size,) = struct.unpack(">I", header)
        pipeline.feed(DECODER.decode(stream.read(size)))
    pipeline.close()
    return pipeline


def main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        ready = time.process_time()
        pipeline = serve(BufferedReader(connection.makefile("rb", 0), 1 << 18))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"events": pipeline.events, "cpu": time.process_time() - ready, "rss_kb": peak}))


if __name__ == "__main__":
    main()
