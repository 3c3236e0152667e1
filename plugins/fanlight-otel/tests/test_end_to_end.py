"""From a LangChain chain through fanlight's router and lane to a receiver."""

from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

import fanlight
from fanlight import Router
from fanlight_otel.testing import Fault, OtlpReceiver

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
        "sinks": {"traces": {"type": "otel", "retry": {"initial": "10ms"}, **sink}},
        "routes": [{"match": {}, "to": ["traces"]}],
    }


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_chain_arrives_as_a_tree(receiver: OtlpReceiver, protocol: str) -> None:
    """A chain's runs arrive as one trace below its root, with session, tokens and content, through a busy receiver."""
    receiver.faults.append(Fault(status=503, code="UNAVAILABLE"))
    endpoint = receiver.http_endpoint if protocol == "http" else receiver.grpc_endpoint
    with Router.from_config(config(protocol=protocol, endpoint=endpoint)) as router:
        with fanlight.context(user_id="u-1", session_id="s-1"):
            chain().invoke({"question": "hello"}, config={"callbacks": [router.handler]})
        assert router.flush(timeout=20).complete
        counts = router.health().sinks["traces"].counts
    assert (counts.delivered, counts.dropped) == (4, {})
    spans = {span.attributes["fanlight.name"]: span for span in receiver.spans}
    root, model = spans["RunnableSequence"], spans["GenericFakeChatModel"]
    assert {span.parent_span_id for span in spans.values()} == {None, root.span_id}
    assert len({span.trace_id for span in spans.values()}) == 1
    assert (model.name, model.kind, model.status) == ("chat", "client", "ok")
    assert model.attributes["gen_ai.usage.input_tokens"] == 3
    assert model.attributes["llm.input_messages.0.message.content"] == "hello"
    assert root.attributes["output.value"] == "hi there"
    assert (root.attributes["session.id"], root.attributes["user.id"]) == ("s-1", "u-1")
    assert root.resource["service.name"] == "bot"
    assert [p.count for p in receiver.metrics if p.name == "gen_ai.client.operation.duration"] == [1]


def test_metadata_only_sends_no_content(receiver: OtlpReceiver) -> None:
    """With `content: metadata` names, times and tokens arrive, and neither question nor answer."""
    with Router.from_config(config(endpoint=receiver.http_endpoint, content="metadata")) as router:
        chain().invoke({"question": "my secret question"}, config={"callbacks": [router.handler]})
        assert router.flush(timeout=20).complete
    assert len(receiver.spans) == 4
    assert [span.attributes["gen_ai.usage.input_tokens"] for span in receiver.spans if span.name == "chat"] == [3]
    assert "secret question" not in str(receiver.spans)
    assert "hi there" not in str(receiver.spans)


def test_a_wrong_key_keeps_the_events(receiver: OtlpReceiver) -> None:
    """While the receiver refuses the key the events wait, and health says what it answered."""
    receiver.faults += [Fault(status=401, body="who are you?")] * 50
    with Router.from_config(config(endpoint=receiver.http_endpoint)) as router:
        chain().invoke({"question": "hello"}, config={"callbacks": [router.handler]})
        receiver.wait_for_requests(1)
        assert not router.flush(timeout=1.0).complete
        health = router.health().sinks["traces"]
        assert (health.counts.pending, health.counts.dropped) == (4, {})
        assert "who are you?" in (health.last_error or "")
        router.close(timeout=0.1)
