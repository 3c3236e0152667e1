"""MLflow: what arrives in a real server, read back by its REST API."""

import json
import urllib.request
from base64 import b64decode
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from fanlight import PermanentError, TelemetryEvent

pytestmark = pytest.mark.server

Deliver = Callable[..., None]
Eventually = Callable[[Callable[[], Any]], Any]


class Server(Protocol):
    http: str


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def traces(server: Server, experiment_id: str) -> list[dict[str, Any]]:
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
    found = post(f"{server.http}/api/3.0/mlflow/traces/search", {"locations": [place]})
    listed: list[dict[str, Any]] = found.get("traces", [])
    return listed


def spans(server: Server, trace_id: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server.http}/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}") as response:
        found: list[dict[str, Any]] = json.load(response)["trace"]["spans"]
    return found


@pytest.fixture
def experiment(mlflow: Server, request: pytest.FixtureRequest) -> str:
    created = post(f"{mlflow.http}/api/2.0/mlflow/experiments/create", {"name": request.node.name})
    return str(created["experiment_id"])


@pytest.mark.parametrize("semconv", [["genai"], ["genai", "openinference"]], ids="+".join)
def test_an_agent_run_arrives(
    mlflow: Server,
    experiment: str,
    agent_run: list[TelemetryEvent],
    deliver: Deliver,
    eventually: Eventually,
    semconv: list[str],
) -> None:
    """Tree, times, session, user and the sums of tokens are those of the run, with either convention."""
    deliver(agent_run, preset="mlflow", endpoint=mlflow.http, experiment_id=experiment, semconv=semconv)
    (trace,) = eventually(lambda: traces(mlflow, experiment))
    root = agent_run[-1]
    assert trace["trace_id"] == f"tr-{root.trace_id}"
    assert trace["execution_duration"] == "2.700s"
    assert trace["tags"]["service.name"] == "support-bot"
    metadata = trace["trace_metadata"]
    assert (metadata["mlflow.trace.session"], metadata["mlflow.trace.user"]) == (root.session_id, "u-17")
    usage = json.loads(metadata["mlflow.trace.tokenUsage"])
    assert (usage["input_tokens"], usage["output_tokens"]) == (2205, 130)
    assert usage["cache_read_input_tokens"] == 200

    found = {b64decode(span["span_id"]).hex(): span for span in spans(mlflow, root.trace_id)}
    for event in agent_run:
        span = found[event.span_id]
        assert b64decode(span.get("parent_span_id") or "").hex() == (event.parent_span_id or "")
        assert int(span["start_time_unix_nano"]) == event.start_time_unix_nano


def test_an_experiment_that_is_not_there_is_refused(
    mlflow: Server, agent_run: list[TelemetryEvent], deliver: Deliver
) -> None:
    """A wrong experiment id is no silence: MLflow's refusal reaches the lane with its reason."""
    with pytest.raises(PermanentError, match="HTTP 4"):
        deliver(agent_run, preset="mlflow", endpoint=mlflow.http, experiment_id="999999")
