"""Arize Phoenix: what arrives in a real server, read back by its REST API."""

import json
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import pytest

from fanlight import TelemetryEvent

pytestmark = pytest.mark.server

Deliver = Callable[..., None]
Eventually = Callable[[Callable[[], Any]], Any]


class Server(Protocol):
    http: str
    grpc: str


def spans(server: Server, project: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server.http}/v1/projects/{project}/spans?limit=100") as response:
        found: list[dict[str, Any]] = json.load(response)["data"]
    return found


def sessions(server: Server, project: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server.http}/v1/projects/{project}/sessions") as response:
        found: list[dict[str, Any]] = json.load(response)["data"]
    return found


def nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


@pytest.fixture(params=["http", "grpc"])
def delivered(
    request: pytest.FixtureRequest,
    phoenix: Server,
    agent_run: list[TelemetryEvent],
    deliver: Deliver,
    eventually: Eventually,
) -> tuple[dict[str, TelemetryEvent], dict[str, dict[str, Any]], str]:
    """An agent run that went to Phoenix: its events and Phoenix's spans by span id, and the project."""
    project = f"agent-{request.param}"
    deliver(
        agent_run, preset="phoenix", protocol=request.param, endpoint=getattr(phoenix, request.param), project=project
    )
    wanted = {event.span_id: event for event in agent_run}

    def all_there() -> dict[str, dict[str, Any]] | None:
        found = {span["context"]["span_id"]: span for span in spans(phoenix, project)}
        return found if wanted.keys() <= found.keys() else None

    found = eventually(all_there)
    return wanted, {span_id: found[span_id] for span_id in wanted}, project


def test_the_tree_arrives(delivered: tuple[dict[str, TelemetryEvent], dict[str, dict[str, Any]], str]) -> None:
    """Trace, ids and parents in Phoenix are those of the run, over HTTP and gRPC alike."""
    events, found, _ = delivered
    for span_id, event in events.items():
        assert found[span_id]["context"]["trace_id"] == event.trace_id
        assert found[span_id]["parent_id"] == event.parent_span_id


def test_the_times_arrive(delivered: tuple[dict[str, TelemetryEvent], dict[str, dict[str, Any]], str]) -> None:
    """Start and duration are the measured ones, to the microsecond that Phoenix keeps."""
    events, found, _ = delivered
    for span_id, event in events.items():
        start, end = (nanoseconds(found[span_id][key]) for key in ("start_time", "end_time"))
        assert abs(start - (event.start_time_unix_nano or 0)) < 1000
        assert end - start == pytest.approx((event.duration_ms or 0) * 1e6, abs=1000)


def test_kinds_and_statuses_arrive(
    delivered: tuple[dict[str, TelemetryEvent], dict[str, dict[str, Any]], str],
) -> None:
    """Phoenix shows models, tools, retriever and agent as such; only the failed tool is an error."""
    events, found, _ = delivered
    shown = {event.name: (found[i]["span_kind"], found[i]["status_code"]) for i, event in events.items()}
    assert shown == {
        "ChatOpenAI": ("LLM", "OK"),
        "lookup_order": ("TOOL", "OK"),
        "refund": ("TOOL", "ERROR"),
        "text-embedding-3-small": ("EMBEDDING", "OK"),
        "VectorStoreRetriever": ("RETRIEVER", "OK"),
        "ChatAnthropic": ("LLM", "OK"),
        "approve": ("CHAIN", "UNSET"),
        "support-agent": ("AGENT", "UNSET"),
    }


def test_tokens_messages_and_documents_arrive(
    delivered: tuple[dict[str, TelemetryEvent], dict[str, dict[str, Any]], str],
) -> None:
    """What Phoenix's pages are built from is where it looks for it, and not overwritten by the other convention."""
    events, found, _ = delivered
    named = {event.name: found[span_id]["attributes"] for span_id, event in events.items()}
    chat = named["ChatOpenAI"]
    assert chat["llm.token_count.prompt"] == 1000
    assert chat["llm.token_count.completion"] == 50
    assert chat["llm.token_count.prompt_details.cache_read"] == 200
    assert chat["llm.input_messages.0.message.content"] == "You help customers."
    assert chat["llm.output_messages.0.message.tool_calls.0.tool_call.function.name"] == "lookup_order"
    assert json.loads(chat["input.value"])[1]["parts"][0]["content"] == "Where is order 7?"
    assert named["VectorStoreRetriever"]["retrieval.documents.0.document.content"] == "Orders ship within two days."
    assert named["support-agent"]["output.value"] == '{"answer":"Order 7 is on its way."}'


def test_the_exception_arrives(delivered: tuple[dict[str, TelemetryEvent], dict[str, dict[str, Any]], str]) -> None:
    """The failed tool carries its exception."""
    events, found, _ = delivered
    (span,) = [found[span_id] for span_id, event in events.items() if event.name == "refund"]
    (exception,) = span["events"]
    assert exception["name"] == "exception"
    assert exception["attributes"]["exception.type"] == "PaymentError"
    assert span["status_message"] == "the ledger is closed"


def test_the_session_has_the_sums(
    delivered: tuple[dict[str, TelemetryEvent], dict[str, dict[str, Any]], str], phoenix: Server
) -> None:
    """Phoenix groups the trace under the session and counts each model's tokens once."""
    events, _, project = delivered
    root = next(event for event in events.values() if event.name == "support-agent")
    (session,) = [found for found in sessions(phoenix, project) if found["session_id"] == root.session_id]
    assert [trace["trace_id"] for trace in session["traces"]] == [root.trace_id]
    assert (session["token_count_prompt"], session["token_count_completion"]) == (2200, 130)


def test_genai_names_alone_are_understood(
    phoenix: Server, agent_run: list[TelemetryEvent], deliver: Deliver, eventually: Eventually
) -> None:
    """With `semconv: [genai]` Phoenix still knows models, tokens and messages: the names are the real ones."""
    deliver(agent_run, preset="phoenix", endpoint=phoenix.http, project="genai", semconv=["genai"])
    found = eventually(lambda: len(all_ := spans(phoenix, "genai")) == len(agent_run) and all_)
    (chat,) = [span for span in found if span["name"] == "chat gpt-4o"]
    attributes = chat["attributes"]
    assert chat["span_kind"] == "LLM"
    assert attributes["llm.model_name"] == "gpt-4o"
    assert attributes["llm.token_count.prompt"] == 1000
    assert attributes["llm.input_messages.0.message.role"] == "system"
    assert attributes["llm.input_messages.1.message.content"] == "Where is order 7?"
    assert attributes["llm.output_messages.0.message.tool_calls.0.tool_call.function.name"] == "lookup_order"
    (answer,) = [span for span in found if span["name"] == "chat claude-sonnet-4-5"]
    assert answer["attributes"]["llm.input_messages.3.message.tool_call_id"] == "call_1"


def test_a_batch_that_is_sent_again_changes_nothing(
    phoenix: Server, agent_run: list[TelemetryEvent], deliver: Deliver, eventually: Eventually
) -> None:
    """Delivery is at least once, and Phoenix knows a span by its id: nothing is there twice."""
    for _ in range(2):
        deliver(agent_run, preset="phoenix", endpoint=phoenix.http, project="again")
    marker = agent_run[0].replace(span_id="00" * 7 + "01", event_id="marker")
    deliver([marker], preset="phoenix", endpoint=phoenix.http, project="again")
    found = eventually(lambda: (all_ := spans(phoenix, "again")) and marker.span_id in str(all_) and all_)
    assert len(found) == len(agent_run) + 1
