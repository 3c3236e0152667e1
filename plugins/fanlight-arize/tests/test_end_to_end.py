"""From a LangChain chain, and from what its user says later, through fanlight's router and lane to Arize."""

import json
import urllib.request
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

from fanlight import Router
from fanlight_arize.testing import ArizeReceiver, Fault

pytestmark = pytest.mark.usefixtures("installed")


def chain() -> Runnable[Any, str]:
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    model = GenericFakeChatModel(messages=iter([AIMessage("hi there", usage_metadata=usage)]))
    return ChatPromptTemplate.from_messages([("user", "{question}")]) | model | StrOutputParser()


def config(**sink: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "service": "bot",
        "environments": ["test"],
        "environment": "test",
        "sinks": {"arize": {"type": "arize", "retry": {"initial": "10ms"}, **sink}},
        "routes": [{"match": {}, "to": ["arize"]}],
    }


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_chain_arrives_as_a_tree(receiver: ArizeReceiver, ax: dict[str, Any], protocol: str) -> None:
    """A chain's runs arrive in Arize AX as one trace below its root, with tokens and content, also when it was busy."""
    receiver.faults.append(Fault(status=503, code="UNAVAILABLE"))
    endpoint = receiver.http_endpoint if protocol == "http" else receiver.grpc_endpoint
    with Router.from_config(config(**ax, protocol=protocol, endpoint=endpoint)) as router:
        chain().invoke({"question": "hello"}, config={"callbacks": [router.handler]})
        assert router.flush(timeout=20).complete
        counts = router.health().sinks["arize"].counts
    assert (counts.delivered, counts.dropped) == (4, {})
    spans = {span.name: span for span in receiver.spans}
    root, model = spans["RunnableSequence"], spans["GenericFakeChatModel"]
    assert {span.parent_span_id for span in spans.values()} == {None, root.span_id}
    assert len({span.trace_id for span in spans.values()}) == 1
    assert model.attributes["llm.token_count.prompt"] == 3
    assert model.attributes["llm.input_messages.0.message.content"] == "hello"
    assert root.attributes["output.value"] == "hi there"
    assert root.attributes["openinference.span.kind"] == "CHAIN"


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_without_the_sdk_feedback_costs_no_span(receiver: ArizeReceiver, ax: dict[str, Any], isolation: str) -> None:
    """Feedback that Arize AX cannot be given is a dead letter under its reason; the run's spans are there."""
    addresses = {"endpoint": receiver.http_endpoint, "flight_endpoint": "flight.acme.example:443"}
    settings = config(**ax, **addresses, isolation=isolation)
    run_id = uuid4()
    with Router.from_config(settings) as router:
        chain().invoke({"question": "hello"}, config={"callbacks": [router.handler], "run_id": run_id})
        router.feedback(run_id, "helpful", score=1.0)
        assert router.flush(timeout=20).complete
        counts = router.health().sinks["arize"].counts
    assert (counts.delivered, counts.dead_letter_reasons) == (4, {"sdk_missing": 1})
    assert len(receiver.spans) == 4


@pytest.mark.server
def test_what_a_user_says_at_once_is_in_phoenix(phoenix: Any) -> None:
    """Feedback that follows the run within milliseconds waits for its span, and is then at it."""

    def data(path: str) -> Any:
        with urllib.request.urlopen(f"{phoenix.http}/v1/projects/end-to-end/{path}") as response:
            return json.load(response)["data"]

    settings = config(platform="phoenix", project="end-to-end", endpoint=phoenix.http, wait_for_span="10s")
    run_id = uuid4()
    with Router.from_config(settings) as router:
        chain().invoke({"question": "hello"}, config={"callbacks": [router.handler], "run_id": run_id})
        router.feedback(run_id, "helpful", score=1.0, user_id="u-7")
        router.feedback(run_id, "grounded", label="yes", source="model")
        router.feedback(trace_id=run_id.hex, name="solved", score=0.5)
        assert router.flush(timeout=30).complete
        counts = router.health().sinks["arize"].counts
    assert (counts.delivered, counts.dropped, counts.dead_lettered) == (7, {}, 0)
    (root,) = [span for span in data("spans") if span["parent_id"] is None]
    found = data(f"span_annotations?span_ids={root['context']['span_id']}")
    assert {each["name"]: (each["annotator_kind"], each["result"].get("score")) for each in found} == {
        "helpful": ("HUMAN", 1.0),
        "grounded": ("LLM", None),
    }
    (whole,) = data(f"trace_annotations?trace_ids={run_id.hex}")
    assert (whole["name"], whole["result"]["score"]) == ("solved", 0.5)
