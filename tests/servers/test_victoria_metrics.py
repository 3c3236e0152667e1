"""VictoriaMetrics: the GenAI client metrics in a real server, read back by its Prometheus API."""

import json
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from fanlight import TelemetryEvent
from fanlight_otel.testing import OtlpReceiver

pytestmark = pytest.mark.server

Deliver = Callable[..., None]
Eventually = Callable[[Callable[[], Any]], Any]


class Server(Protocol):
    http: str


def series(server: Server, name: str) -> list[dict[str, Any]]:
    selector = urllib.parse.quote(f'{{__name__="{name}"}}')
    with urllib.request.urlopen(f"{server.http}/api/v1/export?match[]={selector}") as response:
        return [json.loads(line) for line in response.read().splitlines()]


@pytest.fixture
def metrics_of_a_run(
    victoria_metrics: Server, agent_run: list[TelemetryEvent], deliver: Deliver, eventually: Eventually
) -> Callable[[str], dict[tuple[str, ...], float]]:
    """Sends an agent run; returns the last value of a metric's series, by model and kind of token."""
    with OtlpReceiver() as receiver:
        metrics = f"{victoria_metrics.http}/opentelemetry"
        deliver(agent_run, endpoint=receiver.http_endpoint, metrics_endpoint=metrics, instance=agent_run[0].trace_id)

    def values(name: str) -> dict[tuple[str, ...], float]:
        own = [
            s for s in series(victoria_metrics, name) if s["metric"].get("service.instance.id") == agent_run[0].trace_id
        ]
        labels = ("gen_ai.request.model", "gen_ai.token.type")
        return {tuple(s["metric"][key] for key in labels if key in s["metric"]): s["values"][-1] for s in own}

    eventually(lambda: values("gen_ai.client.operation.duration_count"))
    return values


def test_tokens_can_be_queried(metrics_of_a_run: Callable[[str], dict[tuple[str, ...], float]]) -> None:
    """The sums of tokens per model and kind are those of the run."""
    assert metrics_of_a_run("gen_ai.client.token.usage_sum") == {
        ("gpt-4o", "input"): 1000,
        ("gpt-4o", "output"): 50,
        ("text-embedding-3-small", "input"): 5,
        ("claude-sonnet-4-5", "input"): 1200,
        ("claude-sonnet-4-5", "output"): 80,
    }


def test_durations_can_be_queried(metrics_of_a_run: Callable[[str], dict[tuple[str, ...], float]]) -> None:
    """Each call is counted once, in seconds."""
    counts = metrics_of_a_run("gen_ai.client.operation.duration_count")
    assert counts == {("gpt-4o",): 1, ("text-embedding-3-small",): 1, ("claude-sonnet-4-5",): 1}
    sums = metrics_of_a_run("gen_ai.client.operation.duration_sum")
    assert sums == pytest.approx({("gpt-4o",): 0.8, ("text-embedding-3-small",): 0.02, ("claude-sonnet-4-5",): 1.5})
    assert metrics_of_a_run("gen_ai.client.operation.time_to_first_chunk_sum") == {("claude-sonnet-4-5",): 0.35}
