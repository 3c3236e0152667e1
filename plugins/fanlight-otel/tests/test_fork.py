"""A sink after a fork, as under gunicorn's preload and celery's prefork."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fanlight_otel.testing import OtlpReceiver

RECORDED = Path(__file__).parent / "data" / "support_agent.jsonl"

PROGRAM = """
import logging, os, sys, time
from fanlight import Batch, Delivery, SinkContext, TelemetryEvent
from fanlight_otel import OtelConfig, OtelSink

protocol, endpoint, recorded = sys.argv[1:]
event = TelemetryEvent.from_json(open(recorded, "rb").readline())

def deliver(name):
    sink = OtelSink(OtelConfig(protocol=protocol, endpoint=endpoint))
    logger = logging.getLogger("fanlight.sinks.traces")
    sink.open(SinkContext(name="t", service_name="s", environment="e", instance_id=name, logger=logger))
    delivery = Delivery(event=event.replace(user_id=name), sink="t")
    sink.deliver(Batch(id="b", sink="t", deliveries=(delivery,), deadline=time.monotonic() + 20))
    return sink

parents = deliver("parent")
child = os.fork()
if child == 0:
    deliver("child").close()
    os._exit(0)
os.waitpid(child, 0)
parents.close()
"""


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_child_delivers_with_a_sink_of_its_own(receiver: OtlpReceiver, protocol: str) -> None:
    """After a fork a new sink delivers, and what the parent counted is not sent a second time by the child."""
    endpoint = receiver.http_endpoint if protocol == "http" else receiver.grpc_endpoint
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), protocol, endpoint, str(RECORDED)]
    subprocess.run(command, check=True, timeout=60)
    assert [span.attributes["user.id"] for span in receiver.spans] == ["parent", "child"]
    durations = [p for p in receiver.metrics if p.name == "gen_ai.client.operation.duration"]
    assert sorted((p.resource["service.instance.id"], p.count) for p in durations) == [("child", 1), ("parent", 1)]
