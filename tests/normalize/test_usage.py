"""Tokens are read wherever a provider puts them, and each is counted once."""

from __future__ import annotations

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.runnables import RunnableLambda

from fanlight.normalize.usage import usage_of

from .models import Scripted, Streaming, said, usage


def generation(message=None, **kwargs):
    return ChatGeneration(message=AIMessage("x", usage_metadata=message), **kwargs)


def test_the_message_is_asked_first(traced):
    """LangChain's own usage on the message wins over what the provider said elsewhere."""
    model = Scripted(answers=[said("hi")], llm_output={"token_usage": {"prompt_tokens": 99, "completion_tokens": 99}})
    model.invoke("x", traced.config)
    end = traced.one("llm.end")
    assert (end.input_tokens, end.output_tokens, end.total_tokens) == (10, 5, 15)
    assert not end.usage_missing


def test_a_stream_has_its_usage_too(traced):
    """When streaming, usage is only on the merged message; it is read from there."""
    chunks = [AIMessageChunk("he"), AIMessageChunk("y"), AIMessageChunk("", usage_metadata=usage(7, 3))]
    list(Streaming(chunks=chunks).stream("x", traced.config))
    end = traced.one("llm.end")
    assert (end.input_tokens, end.output_tokens, end.streamed) == (7, 3, True)


def test_details_are_told_apart(traced):
    """Cached, reasoning and audio tokens have fields; what only one provider has is kept by its name."""
    details = usage(
        100,
        50,
        input_token_details={"cache_read": 30, "cache_creation": 20, "audio": 5, "priority": 7},
        output_token_details={"reasoning": 40, "audio": 3, "priority_reasoning": 1},
    )
    Scripted(answers=[AIMessage("x", usage_metadata=details)]).invoke("x", traced.config)
    end = traced.one("llm.end")
    assert end.input_tokens == 100
    assert (end.cache_read_tokens, end.cache_write_tokens, end.reasoning_tokens) == (30, 20, 40)
    assert (end.input_audio_tokens, end.output_audio_tokens) == (5, 3)
    assert end.usage_details == {"input.priority": 7, "output.priority_reasoning": 1}


def test_ephemeral_cache_writes_are_cache_writes():
    """Anthropic's integration sets `cache_creation` to 0 and details the writes by lifetime; they are not lost."""
    details = {
        "cache_creation": 0,
        "ephemeral_5m_input_tokens": 300,
        "ephemeral_1h_input_tokens": 100,
        "cache_read": 50,
    }
    fields = usage_of([generation(usage(500, 5, input_token_details=details))], None)
    assert fields["cache_write_tokens"] == 400
    assert fields["input_tokens"] == 500
    assert fields["usage_details"] == {"input.ephemeral_5m_input_tokens": 300, "input.ephemeral_1h_input_tokens": 100}


def test_ephemeral_cache_writes_are_not_counted_twice():
    """Where the sum is given beside its parts, the sum counts."""
    details = {"cache_creation": 400, "ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 100}
    assert usage_of([generation(usage(500, 5, input_token_details=details))], None)["cache_write_tokens"] == 400


def test_nothing_reported_is_missing_and_not_zero(traced):
    """No usage is not the same as no tokens."""
    Scripted(answers=[said("hi", tokens=None)]).invoke("x", traced.config)
    end = traced.one("llm.end")
    assert end.usage_missing
    assert end.input_tokens is None
    assert end.rollup.usage_missing == 1


def test_zero_tokens_are_zero():
    """A provider that says 0 is believed."""
    assert usage_of([generation(usage(0, 0))], None) == {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


def test_choices_that_repeat_the_usage_count_once(traced):
    """With n=3 some integrations put the call's usage on each choice."""
    Scripted(choices=[said("a"), said("b"), said("c")]).invoke("x", traced.config)
    end = traced.one("llm.end")
    assert (end.input_tokens, end.output_tokens) == (10, 5)
    assert len(end.output_messages) == 3


def test_choices_with_their_own_output_add_up():
    """Where each choice reports its own output for the one input, outputs add up."""
    fields = usage_of([generation(usage(10, 5)), generation(usage(10, 7))], None)
    assert (fields["input_tokens"], fields["output_tokens"], fields["total_tokens"]) == (10, 12, 22)


def test_the_cache_answered_for_free(traced):
    """LangChain's cache replays the original usage; no token of it is counted again."""
    model = Scripted(answers=[said("hi")], cache=InMemoryCache())
    chain = RunnableLambda(lambda x: model.invoke(x).content + model.invoke(x).content)
    chain.invoke("same", traced.config)
    first, second = traced.all("llm.end")
    assert (first.input_tokens, first.from_cache) == (10, False)
    assert (second.input_tokens, second.output_tokens, second.from_cache, second.usage_missing) == (
        None,
        None,
        True,
        False,
    )
    rollup = traced.root.rollup
    assert (rollup.llm_calls, rollup.from_cache, rollup.input_tokens, rollup.total_tokens) == (2, 1, 10, 15)


@pytest.mark.parametrize(
    ("llm_output", "expected"),
    [
        (
            {
                "token_usage": {
                    "prompt_tokens": 100,
                    "completion_tokens": 20,
                    "total_tokens": 120,
                    "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 1},
                    "completion_tokens_details": {"reasoning_tokens": 12, "accepted_prediction_tokens": 2},
                }
            },
            {
                "input_tokens": 100,
                "output_tokens": 20,
                "total_tokens": 120,
                "cache_read_tokens": 60,
                "input_audio_tokens": 1,
                "reasoning_tokens": 12,
                "usage_details": {"output.accepted_prediction_tokens": 2},
            },
        ),
        (
            {
                "usage": {
                    "input_tokens": 10,
                    "output_tokens": 4,
                    "cache_read_input_tokens": 90,
                    "cache_creation_input_tokens": 5,
                }
            },
            {
                "input_tokens": 105,
                "output_tokens": 4,
                "total_tokens": 109,
                "cache_read_tokens": 90,
                "cache_write_tokens": 5,
            },
        ),
        (
            {
                "usage_metadata": {
                    "prompt_token_count": 90,
                    "candidates_token_count": 4,
                    "cached_content_token_count": 60,
                }
            },
            {"input_tokens": 90, "output_tokens": 4, "total_tokens": 94, "cache_read_tokens": 60},
        ),
        (
            {
                "amazon-bedrock-invocationMetrics": {
                    "inputTokenCount": 10,
                    "outputTokenCount": 4,
                    "cacheReadInputTokenCount": 90,
                    "cacheWriteInputTokenCount": 5,
                }
            },
            {
                "input_tokens": 105,
                "output_tokens": 4,
                "total_tokens": 109,
                "cache_read_tokens": 90,
                "cache_write_tokens": 5,
            },
        ),
        (
            {"usage": {"prompt_tokens": 3, "completion_tokens": 4}},
            {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        ),
    ],
)
def test_what_providers_put_elsewhere_is_read(llm_output, expected):
    """OpenAI's and Anthropic's own dialects are understood; Anthropic's input is made to include the cached tokens."""
    assert usage_of([generation(None)], llm_output) == expected


@pytest.mark.parametrize(
    "metadata",
    [
        {"token_usage": {"prompt_tokens": 3, "completion_tokens": 4}},
        {"usage": {"input_tokens": 3, "output_tokens": 4}},
        {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 4}},
        {"prompt_eval_count": 3, "eval_count": 4},
    ],
)
def test_response_metadata_is_the_last_resort(metadata):
    """Adapters that fill only `response_metadata` still have usage."""
    message = AIMessage("x", response_metadata=metadata)
    assert usage_of([ChatGeneration(message=message)], None)["total_tokens"] == 7


def test_gemini_says_it_in_generation_info():
    """Older Google adapters put usage beside the message, in Google's own dialect: thoughts are not in candidates."""
    info = {"usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 4, "thoughts_token_count": 2}}
    fields = usage_of([Generation(text="x", generation_info=info)], None)
    assert (fields["input_tokens"], fields["output_tokens"], fields["reasoning_tokens"]) == (3, 6, 2)
    assert fields["total_tokens"] == 9


@pytest.mark.parametrize(
    ("made", "thought", "total", "output"),
    [
        (200, 100, 1300, 300),  # the total has them on top
        (200, 300, 1200, 500),  # more thoughts than the output has room for
        (500, 300, 1500, 500),  # included, as LangChain wants it
        (500, 300, 1800, 800),
        (200, 0, 1200, 200),
    ],
)
def test_vertex_leaves_thoughts_out_of_the_output(made, thought, total, output):
    """Vertex's adapter reports candidates without thoughts; where that shows, the output is made to include them."""
    reported = {**usage(1000, made, output_token_details={"reasoning": thought}), "total_tokens": total}
    fields = usage_of([generation(reported)], None)
    assert (fields["output_tokens"], fields["reasoning_tokens"]) == (output, thought)
    assert fields["total_tokens"] == 1000 + output


@pytest.mark.parametrize(
    ("spent", "total", "inputs"),
    [
        (1000, 1700, 1500),  # the total has what was cached on top, as Bedrock's Converse counts
        (1500, 1700, 1500),  # included, as LangChain wants it
        (400, 600, 900),  # more was cached than the input has room for
    ],
)
def test_an_input_without_what_was_cached_is_made_to_include_it(spent, total, inputs):
    """Older Bedrock adapters pass on an input that leaves out the cached tokens; where that shows, they are added."""
    details = {"cache_read": 400, "cache_creation": 100}
    reported = {**usage(spent, 200, input_token_details=details), "total_tokens": total}
    fields = usage_of([generation(reported)], None)
    assert (fields["input_tokens"], fields["total_tokens"]) == (inputs, inputs + 200)


def test_a_service_tier_does_not_hide_cached_and_reasoning_tokens():
    """OpenAI's integration names the tier in the keys: what was cached and reasoned is told all the same."""
    details = {"flex_cache_read": 600, "flex": 400}
    made = {"flex_reasoning": 64, "flex": 36}
    fields = usage_of([generation(usage(1000, 100, input_token_details=details, output_token_details=made))], None)
    assert (fields["cache_read_tokens"], fields["reasoning_tokens"]) == (600, 64)
    assert fields["usage_details"]["input.flex"] == 400
    assert (fields["input_tokens"], fields["output_tokens"]) == (1000, 100)


def test_an_input_smaller_than_its_cached_part_did_not_include_it():
    """Input always includes what was cached, whatever an adapter makes of it."""
    fields = usage_of([generation(usage(5, 1, input_token_details={"cache_read": 100}))], None)
    assert fields["input_tokens"] == 105
    assert fields["input_tokens"] >= fields["cache_read_tokens"]


@pytest.mark.parametrize("junk", [{"input_tokens": "many"}, {"input_tokens": -1}, {"input_tokens": True}, [], "x", 5])
def test_junk_is_no_usage(junk):
    """What is no token count counts as nothing reported."""
    message = AIMessage("x")
    message.__dict__["usage_metadata"] = junk if isinstance(junk, dict) else None
    assert usage_of([ChatGeneration(message=message)], {"token_usage": junk}) == {"usage_missing": True}


def test_several_prompts_report_once(traced):
    """A completion model called with several prompts reports for all with the first; the others are not missing."""

    class Reporting(FakeListLLM):
        def _generate(self, prompts, stop=None, run_manager=None, **kwargs):
            return LLMResult(
                generations=[[Generation(text="a")] for _ in prompts],
                llm_output={"token_usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}},
            )

    Reporting(responses=["a"]).generate(["p1", "p2", "p3"], callbacks=[traced.handler])
    ends = traced.all("llm.end")
    assert [end.total_tokens for end in ends] == [12, None, None]
    assert not any(end.usage_missing for end in ends)


def test_the_rollup_counts_every_token_once(traced):
    """Chains above a model repeat nothing: the root's sums are those of the models."""
    model = Scripted(answers=[said("a"), said("b", tokens=(100, 50)), said("c", tokens=None)])
    chain = RunnableLambda(lambda x: [model.invoke(x), (RunnableLambda(model.invoke) | str).invoke(x), model.invoke(x)])
    chain.invoke("x", traced.config)
    rollup = traced.root.rollup
    assert (rollup.input_tokens, rollup.output_tokens, rollup.total_tokens) == (110, 55, 165)
    assert (rollup.llm_calls, rollup.usage_missing, rollup.errors) == (3, 1, 0)
    assert rollup.runs == len([e for e in traced.events if e.starts_run])
    assert [e for e in traced.events if e.input_tokens is not None and e.run_type != "llm"] == []
