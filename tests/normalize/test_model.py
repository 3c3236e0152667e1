"""Which model was asked, with what, and which one answered."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import tool

from fanlight.normalize.model import provider_of

from .models import Scripted, Streaming, said


def test_requested_and_answering_model_are_told_apart(traced):
    """The model that was asked for and the one that answered are two fields."""
    answer = said("x", response_metadata={"model_name": "gpt-test-2026-01-01", "id": "resp-1"})
    Scripted(answers=[answer]).invoke("x", traced.config)
    end = traced.one("llm.end")
    assert (end.provider, end.request_model, end.response_model) == ("openai", "gpt-test", "gpt-test-2026-01-01")
    assert end.response_id == "resp-1"


def test_the_answering_model_is_known_when_streaming(traced):
    """Only the message's own metadata tells it then."""
    chunks = [AIMessageChunk("x"), AIMessageChunk("", response_metadata={"model_name": "gpt-test-0101"})]
    list(Streaming(chunks=chunks).stream("x", traced.config))
    assert traced.one("llm.end").response_model == "gpt-test-0101"


def test_a_model_bound_at_run_time_is_the_requested_one(traced):
    """`bind(model=…)` changes what is asked for."""
    Scripted(answers=[said("x")]).bind(model="other").invoke("x", traced.config)
    assert traced.one("llm.start").request_model == "other"


def test_the_gateways_choice_is_what_answered(traced):
    """A gateway says which provider and model it chose."""

    class Gateway(Scripted):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            info = {"lc_gateway_metadata": {"ls_provider": "mistralai", "ls_model_name": "mistral-small"}}
            return ChatResult(generations=[ChatGeneration(message=said("x"), generation_info=info)])

    Gateway().invoke("x", traced.config)
    end = traced.one("llm.end")
    assert (end.provider, end.request_model, end.response_model) == ("mistral_ai", "gpt-test", "mistral-small")


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("openai", "openai"),
        ("amazon_bedrock", "aws.bedrock"),
        ("google_genai", "gcp.gemini"),
        ("azure", "azure.ai.openai"),
        ("mistral", "mistral_ai"),
        ("my_own", "my_own"),
        ("", None),
        (None, None),
    ],
)
def test_providers_have_opentelemetrys_names(name, provider):
    """LangChain's words become `gen_ai.provider.name`; an unknown provider keeps its name."""
    assert provider_of(name) == provider


def test_invocation_parameters_are_allowed_by_name(traced):
    """What steers the answer is taken; headers, keys and whatever else an application passes is not."""
    params = {
        "temperature": 0.2,
        "max_tokens": 100,
        "api_key": "sk-secret",
        "extra_headers": {"Authorization": "Bearer secret"},
        "default_headers": {"X-Key": "secret"},
        "user": "jane@example.com",
        "http_client": object(),
    }
    Scripted(answers=[said("x")], params=params).invoke("x", traced.config, stop=["\n"])
    start = traced.one("llm.start")
    assert start.invocation_params == {"temperature": 0.2, "max_tokens": 100, "stop": ["\n"]}
    assert b"secret" not in start.to_json()
    assert b"jane@" not in start.to_json()


def test_tools_are_definitions_of_their_own(traced):
    """The tools a model could choose from have their own field."""

    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    Scripted(answers=[said("x")]).bind_tools([add], tool_choice="auto").invoke("x", traced.config)
    start = traced.one("llm.start")
    assert start.tool_definitions == ({"type": "function", "function": {"name": "add"}},)
    assert start.invocation_params == {"tool_choice": "auto"}


def test_the_first_token_is_timed(traced):
    """Time to first token is that of the first chunk with content, measured from the run's start."""

    class Slow(Streaming):
        def _stream(self, *args, **kwargs):
            for chunk in super()._stream(*args, **kwargs):
                yield chunk
                time.sleep(0.02)

    list(Slow(chunks=[AIMessageChunk(""), AIMessageChunk("a"), AIMessageChunk("b")]).stream("x", traced.config))
    end = traced.one("llm.end")
    assert 20 <= end.time_to_first_token_ms < end.duration_ms
    assert end.duration_ms >= 60
    assert end.streamed is True


def test_what_does_not_stream_has_no_first_token(traced):
    """No token came, so there is no time of the first."""
    Scripted(answers=[AIMessage("x")]).invoke("x", traced.config)
    end = traced.one("llm.end")
    assert (end.streamed, end.time_to_first_token_ms) == (False, None)


def test_a_decision_model_is_a_model(traced):
    """A chain that says it is a model (langchain-core 1.8's decision models) has model, provider and usage."""

    class Decided(dict):
        usage: ClassVar = {"input_tokens": 7, "output_tokens": 1, "total_tokens": 8}

    class Decide(RunnableLambda):
        def invoke(self, value, config=None, **kwargs):
            config = ensure_config(config)
            config["metadata"] = {**config["metadata"], "ls_provider": "openai", "ls_model_name": "judge-1"}
            return self._call_with_config(lambda _: Decided(urgent=0.9), value, config, run_type="llm")

    (RunnableLambda(lambda x: x) | Decide(lambda x: x, name="decide")).invoke("production is down", traced.config)
    end = traced.one("llm.end")
    assert (end.provider, end.request_model, end.operation) == ("openai", "judge-1", "chat")
    assert (end.inputs, end.outputs, end.total_tokens) == ("production is down", {"urgent": 0.9}, 8)
    assert (traced.root.rollup.llm_calls, traced.root.rollup.total_tokens) == (1, 8)


def test_a_real_decision_model(traced):
    """Where langchain-core has them: which model was asked, what it decided, and what that took."""
    decisions = pytest.importorskip("langchain_core.decisions")

    class Judge(decisions.BaseDecisionModel):
        @property
        def _provider(self):
            return "openai"

        def _classify(self, state, questions):
            answers = {name: {"type": "noul", "value": 0.9} for name in questions}
            return decisions.ClassifierResponse.model_construct(
                model="judge-1-0101", answers=answers, usage={"input_tokens": 7, "output_tokens": 1}
            )

    Judge(model="judge-1").invoke({"state": "down", "questions": {}}, traced.config)
    end = traced.one("llm.end")
    assert (end.provider, end.request_model, end.response_model) == ("openai", "judge-1", "judge-1-0101")
    assert (end.total_tokens, end.usage_missing, end.outputs["model"]) == (8, False, "judge-1-0101")


def test_a_fake_model_says_little(traced):
    """A model that names no model has none; LangChain makes its provider from the class's name."""
    FakeListLLM(responses=["x"]).invoke("x", traced.config)
    end = traced.one("llm.end")
    assert (end.provider, end.request_model, end.response_model, end.invocation_params) == ("fakelist", None, None, {})
