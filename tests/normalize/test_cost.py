"""
Cost, worked out by hand: calls as LangChain's integrations report them, through the real handler and normaliser.

Each case names the list prices, in US dollars for a million tokens, as of 15 November 2026 or the day that it says;
the arithmetic stands beside it. The dollars on the event have to be exactly those.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.caches import InMemoryCache
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from msgspec.structs import replace

import fanlight
from fanlight.event import TelemetryEvent
from fanlight.hookspecs import Price, PriceSource
from fanlight.normalize import Normalizer
from fanlight.normalize.rollup import Tally
from fanlight.pipeline.prices import Override, PriceTable, Pricing, Rates
from fanlight.testing import make_event

from .conftest import Traced, settings
from .models import Scripted, said, usage

TABLE = PriceTable()


class Priced(Traced):
    """What was captured, as if on *day*, and priced."""

    def __init__(self, pricing: Pricing, day: str = "2026-11-15") -> None:
        super().__init__()
        self.pricing = pricing
        self.normalizer = Normalizer(settings(), pricing.price)
        self._begin = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 10**9

    @property
    def events(self) -> list[TelemetryEvent]:
        for record in self.intake.take(1_000_000):
            self._events += self.normalizer.feed(replace(record, time_unix_nano=self._begin))
        return self._events


def call(
    provider: str, model: str, reported: dict, *, day: str = "2026-11-15", answered: str | None = None, **params
) -> TelemetryEvent:
    """The end of one call, priced by the table."""
    traced = Priced(Pricing(table=TABLE), day)
    metadata = {"model_name": answered} if answered else {}
    message = AIMessage("x", usage_metadata=reported, response_metadata=metadata)
    Scripted(provider=provider, model=model, answers=[message], params=params).invoke("x", traced.config)
    return traced.one("llm.end")


def dollars(event: TelemetryEvent) -> Decimal | None:
    """The cost as it is written, not as a float may be near it."""
    return None if event.cost_usd is None else Decimal(repr(event.cost_usd))


CASES = {
    # OpenAI gpt-4o: input 2.50, cached input 1.25, output 10.00.
    # 86 * 2.50 + 1920 * 1.25 + 300 * 10.00 = 215 + 2400 + 3000 millionths
    "openai, cached": (
        ("openai", "gpt-4o", usage(2006, 300, input_token_details={"audio": 0, "cache_read": 1920})),
        {"answered": "gpt-4o-2024-08-06"},
        "0.005615",
    ),
    # OpenAI o3 since 10 June 2025: input 2.00, output 8.00; reasoning is output.
    # 1000 * 2.00 + 2000 * 8.00 = 2000 + 16000
    "openai, reasoning": (
        ("openai", "o3", usage(1000, 2000, output_token_details={"reasoning": 1536})),
        {"answered": "o3-2025-04-16"},
        "0.018",
    ),
    # OpenAI o3 before that day: input 10.00, output 40.00.
    # 1000 * 10.00 + 2000 * 40.00 = 10000 + 80000
    "openai, before the price fell": (
        ("openai", "o3", usage(1000, 2000, output_token_details={"reasoning": 1536})),
        {"day": "2025-06-09"},
        "0.09",
    ),
    # OpenAI gpt-audio: text 2.50 and 10.00, audio 32.00 and 64.00.
    # 40 * 2.50 + 110 * 32.00 + 40 * 10.00 + 180 * 64.00 = 100 + 3520 + 400 + 11520
    "openai, audio": (
        (
            "openai",
            "gpt-audio",
            usage(150, 220, input_token_details={"audio": 110}, output_token_details={"audio": 180}),
        ),
        {},
        "0.01554",
    ),
    # OpenAI gpt-5 in the flex tier: input 0.625, cached 0.0625, output 5.00.
    # 400 * 0.625 + 600 * 0.0625 + 100 * 5.00 = 250 + 37.5 + 500
    "openai, flex": (
        (
            "openai",
            "gpt-5",
            usage(
                1000,
                100,
                input_token_details={"flex_cache_read": 600, "flex": 400},
                output_token_details={"flex_reasoning": 64, "flex": 36},
            ),
        ),
        {"service_tier": "flex"},
        "0.0007875",
    ),
    # Azure has OpenAI's prices; its deployments are called anything, the answer names the model.
    # 86 * 2.50 + 1920 * 1.25 + 300 * 10.00
    "azure, a deployment": (
        ("azure", "chat-production", usage(2006, 300, input_token_details={"cache_read": 1920})),
        {"answered": "gpt-4o-2024-11-20"},
        "0.005615",
    ),
    # Anthropic Claude Sonnet 4.5: input 3.00, read 0.30, written for 5 minutes 3.75, for an hour 6.00, output 15.00.
    # 100 * 3.00 + 1000 * 0.30 + 2000 * 3.75 + 500 * 6.00 + 200 * 15.00 = 300 + 300 + 7500 + 3000 + 3000
    "anthropic, both lifetimes": (
        (
            "anthropic",
            "claude-sonnet-4-5",
            usage(
                3600,
                200,
                input_token_details={
                    "cache_read": 1000,
                    "cache_creation": 0,
                    "ephemeral_5m_input_tokens": 2000,
                    "ephemeral_1h_input_tokens": 500,
                },
            ),
        ),
        {"answered": "claude-sonnet-4-5-20250929"},
        "0.0141",
    ),
    # The same without lifetimes: all of it for 5 minutes.
    # 100 * 3.00 + 1000 * 0.30 + 2500 * 3.75 + 200 * 15.00 = 300 + 300 + 9375 + 3000
    "anthropic, one lifetime": (
        (
            "anthropic",
            "claude-sonnet-4-5-20250929",
            usage(3600, 200, input_token_details={"cache_read": 1000, "cache_creation": 2500}),
        ),
        {},
        "0.012975",
    ),
    # Google Gemini 2.5 Pro up to 200 000 tokens of prompt: input 1.25, cached 0.125, output and thoughts 10.00.
    # 600 * 1.25 + 400 * 0.125 + 500 * 10.00 = 750 + 50 + 5000
    "gemini, thoughts in the output": (
        (
            "google_genai",
            "models/gemini-2.5-pro",
            usage(1000, 500, input_token_details={"cache_read": 400}, output_token_details={"reasoning": 300}),
        ),
        {"answered": "gemini-2.5-pro"},
        "0.0058",
    ),
    # Vertex's adapter leaves the thoughts out of the output: 200 of answer, 300 of thoughts, 1500 in all. It is the
    # same call.
    "vertex, thoughts beside the output": (
        (
            "google_vertexai",
            "gemini-2.5-pro",
            {
                **usage(1000, 200, input_token_details={"cache_read": 400}, output_token_details={"reasoning": 300}),
                "total_tokens": 1500,
            },
        ),
        {},
        "0.0058",
    ),
    # 200 000 * 1.25 + 1000 * 10.00: the last call of the lower tier.
    "gemini, the end of a tier": (("google_genai", "gemini-2.5-pro", usage(200_000, 1000)), {}, "0.26"),
    # Above it everything costs more: input 2.50, cached 0.25, output 15.00.
    # 240 000 * 2.50 + 10 000 * 0.25 + 1000 * 15.00 = 600000 + 2500 + 15000
    "gemini, the upper tier": (
        ("google_genai", "gemini-2.5-pro", usage(250_000, 1000, input_token_details={"cache_read": 10_000})),
        {},
        "0.6175",
    ),
    # Gemini 2.5 Flash: text 0.30, audio 1.00, output 2.50.
    # 400 * 0.30 + 600 * 1.00 + 100 * 2.50 = 120 + 600 + 250
    "gemini, audio": (
        ("google_genai", "gemini-2.5-flash", usage(1000, 100, input_token_details={"audio": 600})),
        {},
        "0.00097",
    ),
    # Cached, of text: 0.03. 300 * 0.30 + 300 * 1.00 + 400 * 0.03 + 100 * 2.50 = 90 + 300 + 12 + 250
    "gemini, audio behind a cached text": (
        ("google_genai", "gemini-2.5-flash", usage(1000, 100, input_token_details={"audio": 300, "cache_read": 400})),
        {},
        "0.000652",
    ),
    # Gemini 3.8 Flash Lite TTS in the flex tier, which Google's integration tells by the request alone: 0.25 and 3.00.
    # 1000 * 0.25 + 100 * 3.00 = 250 + 300
    "gemini, flex": (
        ("google_genai", "gemini-3.8-flash-lite-tts", usage(1000, 100)),
        {"service_tier": "flex"},
        "0.00055",
    ),
    # Bedrock, Claude Sonnet 4.5 through a regional profile: 3.30, read 0.33, written 4.125, output 16.50.
    # 100 * 3.30 + 1000 * 0.33 + 2000 * 4.125 + 200 * 16.50 = 330 + 330 + 8250 + 3300
    "bedrock, regional": (
        (
            "amazon_bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            usage(3100, 200, input_token_details={"cache_read": 1000, "cache_creation": 2000}),
        ),
        {"answered": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
        "0.01221",
    ),
    # The global profile has Anthropic's own prices, also where the answer names the bare model.
    # 100 * 3.00 + 1000 * 0.30 + 2000 * 3.75 + 200 * 15.00 = 300 + 300 + 7500 + 3000
    "bedrock, global": (
        (
            "amazon_bedrock",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            usage(3100, 200, input_token_details={"cache_read": 1000, "cache_creation": 2000}),
        ),
        {"answered": "claude-sonnet-4-5-20250929"},
        "0.0111",
    ),
    # Older adapters of the Converse API report an input without the 500 that were cached: 3000, and 3700 in all.
    # 3000 * 3.30 + 400 * 0.33 + 100 * 4.125 + 200 * 16.50 = 9900 + 132 + 412.5 + 3300
    "bedrock, cached beside the input": (
        (
            "amazon_bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            {
                **usage(3000, 200, input_token_details={"cache_read": 400, "cache_creation": 100}),
                "total_tokens": 3700,
            },
        ),
        {},
        "0.0137445",
    ),
    # Amazon Nova Pro: input 0.80, cached 0.20, output 3.20.
    # 600 * 0.80 + 400 * 0.20 + 100 * 3.20 = 480 + 80 + 320
    "bedrock, an inference profile by ARN": (
        (
            "amazon_bedrock",
            "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-pro-v1:0",
            usage(1000, 100, input_token_details={"cache_read": 400}),
        ),
        {},
        "0.00088",
    ),
}


@pytest.mark.parametrize(("asked", "options", "expected"), CASES.values(), ids=CASES)
def test_a_call_costs_what_its_arithmetic_says(asked, options, expected):
    """The cost on the event is the provider's list price times the tokens, to the last digit, and so is the roll-up."""
    end = call(*asked, **options)
    assert dollars(end) == Decimal(expected)
    assert end.price_source.startswith("genai-prices ")
    assert round(end.input_cost_usd + end.output_cost_usd, 12) == end.cost_usd
    assert (end.rollup.cost_usd, end.rollup.cost_unknown) == (end.cost_usd, 0)


def test_anthropics_own_dialect_costs_the_same():
    """An adapter that passes Anthropic's usage on, whose input leaves out what was cached, comes to the same cost."""
    reported = {
        "input_tokens": 100,
        "output_tokens": 200,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 2500,
    }
    traced = Priced(Pricing(table=TABLE))
    Scripted(
        provider="anthropic",
        model="claude-sonnet-4-5",
        answers=[said("x", tokens=None)],
        llm_output={"usage": reported, "model_name": "claude-sonnet-4-5-20250929"},
    ).invoke("x", traced.config)
    assert dollars(traced.one("llm.end")) == Decimal("0.012975")


def test_bedrocks_metrics_cost_the_same():
    """The metrics at the end of a Bedrock stream leave out of the input what was cached; they cost what it cost."""
    metrics = {
        "inputTokenCount": 100,
        "outputTokenCount": 200,
        "cacheReadInputTokenCount": 1000,
        "cacheWriteInputTokenCount": 2000,
    }
    message = AIMessage("x", response_metadata={"amazon-bedrock-invocationMetrics": metrics})
    traced = Priced(Pricing(table=TABLE))
    Scripted(provider="amazon_bedrock", model="us.anthropic.claude-sonnet-4-5-20250929-v1:0", answers=[message]).invoke(
        "x", traced.config
    )
    assert dollars(traced.one("llm.end")) == Decimal("0.01221")


UNKNOWN = {
    "no such model": ("openai", "gpt-99", usage(10, 5), {}),
    "a name of one's own": ("openai", "my-gpt-4o-finetune", usage(10, 5), {}),
    "a provider with a known name in its own": ("my-openai-gateway", "gpt-4o", usage(10, 5), {}),
    "a model behind an alias": ("openai", "gpt-4o", usage(10, 5), {"answered": "acme-router-small"}),
    "an account's own profile": (
        "amazon_bedrock",
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3",
        usage(10, 5),
        {},
    ),
    "a custom model by its base": (
        "amazon_bedrock",
        "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-pro-v1:0/a1b2c3",
        usage(10, 5),
        {},
    ),
    "a tuned model": ("google_genai", "tunedModels/gemini-2.5-pro-mine", usage(10, 5), {}),
    "an audio price that is not there": (
        "openai",
        "gpt-4o-audio-preview",
        usage(150, 20, input_token_details={"audio": 110}),
        {},
    ),
    "a tier before it had a price": (
        "openai",
        "gpt-5",
        usage(100, 10, input_token_details={"flex": 100}),
        {"day": "2026-01-15"},
    ),
    "a tier that was asked for and has no price": ("openai", "gpt-4o", usage(100, 10), {"service_tier": "scale"}),
    "a tier that was asked for and not confirmed": ("openai", "gpt-5", usage(100, 10), {"service_tier": "priority"}),
    "a tier of another provider's model": ("azure", "gpt-5", usage(100, 10, input_token_details={"priority": 100}), {}),
    "a prompt of a model that is charged by the hour": ("openai", "whisper-1", usage(100, 0), {}),
    "an answer of a model that has none": ("openai", "text-embedding-3-small", usage(100, 10), {}),
}


@pytest.mark.parametrize(("provider", "model", "reported", "options"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_neither_guessed_nor_nothing(provider, model, reported, options):
    """Where the table cannot tell, the cost is `None`, and the roll-up counts the call."""
    end = call(provider, model, reported, **options)
    assert (end.cost_usd, end.input_cost_usd, end.output_cost_usd, end.price_source) == (None, None, None, None)
    assert (end.rollup.cost_usd, end.rollup.cost_unknown) == (None, 1)


@pytest.mark.parametrize(
    ("provider", "model", "options", "expected"),
    [
        ("openai", "gpt-4o", {"answered": "gpt-4o-2031-01-31"}, "0.0035"),  # 2.50 and 10.00
        ("openai", "ft:gpt-4o-2024-08-06:acme::a1b2c3", {}, "0.00525"),  # 3.75 and 15.00
        ("anthropic", "claude-sonnet-4-5", {"service_tier": "auto"}, "0.0045"),  # 3.00 and 15.00
        ("openai", "gpt-4o", {"service_tier": "default"}, "0.0035"),
        ("google_vertexai", "publishers/google/models/gemini-2.5-pro", {}, "0.00225"),  # 1.25 and 10.00
        ("google_vertexai", "claude-sonnet-4@20250514", {}, "0.0045"),
        ("mistralai", "mistral-large-latest", {}, "0.0026"),  # 2.00 and 6.00
        ("xai", "grok-3", {}, "0.0045"),  # 3.00 and 15.00
        ("litellm", "bedrock/us.amazon.nova-pro-v1:0", {}, "0.00112"),  # 0.80 and 3.20
        ("", "gpt-4o", {}, "0.0035"),
    ],
)
def test_a_model_is_known_by_the_names_that_it_has(provider, model, options, expected):
    """Dates, fine-tunes, publishers and gateways in a name, and LangChain's words for a provider, are understood."""
    assert dollars(call(provider, model, usage(1000, 100), **options)) == Decimal(expected)


def test_what_langchains_cache_answers_costs_nothing():
    """A cache hit costs 0, which is known; the call that filled the cache costs what it cost."""
    traced = Priced(Pricing([Override(model="gpt-test", rates=Rates(input=2.5, output=10))]))
    model = Scripted(answers=[said("hi")], cache=InMemoryCache())
    RunnableLambda(lambda x: [model.invoke(x), model.invoke(x)]).invoke("same", traced.config)
    first, second = traced.all("llm.end")
    assert (dollars(first), first.price_source) == (Decimal("0.000075"), "override")  # 10 * 2.50 + 5 * 10.00
    assert (second.cost_usd, second.price_source) == (0.0, "cache")
    assert (dollars(traced.root.rollup), traced.root.rollup.cost_unknown) == (Decimal("0.000075"), 0)


def test_a_tree_costs_what_its_known_calls_cost():
    """The sum has the calls with a known cost; those without are counted: an unknown model, and usage not told."""
    traced = Priced(Pricing([Override(model="gpt-test", rates=Rates(input=0.1, output=0))]))
    known = Scripted(answers=[said("x", tokens=(1_000_000, 0))])
    unknown = Scripted(model="gpt-99", answers=[said("x")])
    silent = Scripted(answers=[said("x", tokens=None)])
    tree = RunnableLambda(lambda x: [model.invoke(x) for model in (known, known, known, unknown, silent)])
    tree.invoke("x", traced.config)
    # As floats, 0.1 + 0.1 + 0.1 is 0.30000000000000004.
    assert (traced.root.rollup.cost_usd, traced.root.rollup.cost_unknown) == (0.3, 2)
    assert traced.pricing.unknown == {"openai/gpt-99: no price": 1, "openai/gpt-test: no usage": 1}


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=200))
def test_costs_add_up_to_the_digit(micros):
    """The sum of any number of costs is the float that the exact sum is written as."""
    tally = Tally()
    for micro in micros:
        tally.spent(make_event(cost_usd=micro / 10**6))
    assert tally.rollup().cost_usd == sum(micros) / 10**6


def test_embeddings_are_calls_too():
    """What an embedding cost is on its end and in the sum; LangChain tells no tokens, so it is unknown to the table."""
    model = fanlight.embeddings(DeterministicFakeEmbedding(size=3))
    by_text = PriceSource(name="by text", price=lambda event: Price(total_usd=2e-8 * event.embeddings.count))
    for pricing, cost, unknown in ((Pricing(table=TABLE), None, 1), (Pricing(sources=[by_text]), 4e-8, 0)):
        traced = Priced(pricing)
        RunnableLambda(lambda x: model.embed_documents(["a", "b"])).invoke("x", traced.config)
        assert traced.one("embedding.end").cost_usd == cost
        assert (traced.root.rollup.cost_usd, traced.root.rollup.cost_unknown) == (cost, unknown)


def test_a_tree_without_calls_has_no_cost():
    """Where no model was called there is no cost to know, and none unknown."""
    traced = Priced(Pricing(table=TABLE))
    RunnableLambda(lambda x: x).invoke("x", traced.config)
    assert (traced.root.rollup.cost_usd, traced.root.rollup.cost_unknown) == (None, 0)


def test_a_call_that_failed_before_it_answered_is_not_charged():
    """A model that raised reported nothing because there was nothing: its cost is not among the unknown ones."""

    class Overloaded(Scripted):
        def _generate(self, *args, **kwargs):
            raise TimeoutError

    traced = Priced(Pricing(table=TABLE))
    with pytest.raises(TimeoutError):
        Overloaded().invoke("x", traced.config)
    end = traced.one("llm.error")
    assert (end.cost_usd, end.rollup.cost_unknown, traced.pricing.unknown) == (None, 0, {})
