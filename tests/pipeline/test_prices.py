"""Who is asked what a call cost, in which order, and what happens where nobody knows."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.event import TelemetryEvent
from fanlight.hookspecs import Price, PriceSource
from fanlight.pipeline.prices import Override, PriceTable, Pricing, Rates
from fanlight.pipeline.prices.pricing import SHOWN
from fanlight.pipeline.prices.table import is_installed
from fanlight.pipeline.prices.tokens import tokens_of
from fanlight.testing import make_event

ONE = Rates(input=1, output=1)


def nanos(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 10**9


def call(*, day: str = "2026-11-15", **fields) -> TelemetryEvent:
    given_fields = {"provider": "openai", "request_model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100}
    return make_event(start_time_unix_nano=nanos(day), **{**given_fields, **fields})


def cost(pricing: Pricing, event: TelemetryEvent) -> Decimal | None:
    priced = pricing.price(event).cost_usd
    return None if priced is None else Decimal(repr(priced))


def test_each_kind_of_token_has_its_own_price():
    """Cached, written, reasoned and spoken tokens are charged at their own prices, and none of them twice."""
    rates = Rates(
        input=2,
        output=8,
        cache_read=0.2,
        cache_write=2.5,
        cache_write_1h=4,
        reasoning=9,
        input_audio=40,
        output_audio=80,
    )
    event = call(
        input_tokens=1000,
        cache_read_tokens=300,
        cache_write_tokens=200,
        usage_details={"input.ephemeral_1h_input_tokens": 50},
        input_audio_tokens=100,
        output_tokens=100,
        reasoning_tokens=60,
        output_audio_tokens=10,
    )
    priced = Pricing([Override(model="gpt-4o", rates=rates)]).price(event)
    # 400 * 2 + 300 * 0.2 + 150 * 2.5 + 50 * 4 + 100 * 40 = 800 + 60 + 375 + 200 + 4000
    assert priced.input_cost_usd == 0.005435
    # 30 * 8 + 60 * 9 + 10 * 80 = 240 + 540 + 800
    assert priced.output_cost_usd == 0.00158
    assert (priced.cost_usd, priced.price_source) == (0.007015, "override")


def test_kinds_without_a_price_cost_what_their_direction_does():
    """A price of one's own needs two numbers; what it does not tell apart costs the same."""
    event = call(
        cache_read_tokens=300, cache_write_tokens=200, input_audio_tokens=5, reasoning_tokens=60, output_audio_tokens=4
    )
    assert cost(Pricing([Override(model="*", rates=Rates(input=2, output=8))]), event) == Decimal("0.0028")


@pytest.mark.parametrize(
    ("provider", "model", "applies"),
    [
        (None, "gpt-4o", True),
        (None, "GPT-4O", True),
        (None, "gpt-4*", True),
        (None, "*", True),
        (None, "gpt-4?", True),
        (None, "gpt-4", False),
        (None, "gpt-4[ob]", False),
        (None, "gpt.4o", False),
        ("openai", "gpt-4o", True),
        ("open*", "gpt-4o", True),
        ("azure*", "gpt-4o", False),
    ],
)
def test_an_override_names_models_by_globs(provider, model, applies):
    """`*` is any text, `?` any letter, nothing else is special, and the case does not matter."""
    pricing = Pricing([Override(provider=provider, model=model, rates=ONE)])
    assert (cost(pricing, call()) is not None) is applies


def test_an_override_names_the_model_that_answered_or_the_one_that_was_asked():
    """A deployment's name and the model behind it are equally good."""
    event = call(request_model="chat-production", response_model="gpt-4o-2024-08-06")
    for model in ("chat-*", "gpt-4o-*"):
        assert cost(Pricing([Override(model=model, rates=ONE)]), event) == Decimal("0.0011")
    assert cost(Pricing([Override(model="gpt-5*", rates=ONE)]), event) is None


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2025-12-31", "0.0033"), ("2026-01-01", "0.0011"), ("2026-06-30", "0.0011"), ("2026-07-01", "0.0022")],
)
def test_prices_hold_for_their_time(day, expected):
    """The day on which a call starts decides, in UTC; of several that hold, the first counts."""
    pricing = Pricing(
        [
            Override(
                model="gpt-4o", rates=ONE, since_unix_nano=nanos("2026-01-01"), until_unix_nano=nanos("2026-07-01")
            ),
            Override(model="gpt-4o", rates=Rates(input=2, output=2), since_unix_nano=nanos("2026-01-01")),
            Override(model="*", rates=Rates(input=3, output=3)),
        ]
    )
    assert cost(pricing, call(day=day)) == Decimal(expected)


def test_a_call_over_midnight_costs_what_it_did_when_it_began():
    """The start of a call decides, not its end."""
    pricing = Pricing([Override(model="*", rates=ONE, until_unix_nano=nanos("2026-07-01"))])
    event = call(day="2026-06-30").replace(
        start_time_unix_nano=nanos("2026-07-01") - 1, time_unix_nano=nanos("2026-07-01") + 1
    )
    assert cost(pricing, event) == Decimal("0.0011")


def test_overrides_come_before_sources_and_sources_before_the_table():
    """The first that knows is believed."""
    table = PriceTable()
    source = PriceSource(name="ours", price=lambda event: Price(total_usd=7.0))
    override = Override(model="gpt-4o", rates=ONE)
    assert Pricing([override], [source], table).price(call()).price_source == "override"
    assert Pricing([], [source], table).price(call()).price_source == "ours"
    assert Pricing([], [], table).price(call()).price_source.startswith("genai-prices ")


def test_a_source_that_does_not_know_is_passed_over():
    """`None` is an answer: the next one is asked, and nothing is counted against the source."""
    silent = PriceSource(name="silent", price=lambda event: None)
    pricing = Pricing([], [silent, PriceSource(name="ours", price=lambda event: Price(total_usd=0.1 + 0.2))])
    priced = pricing.price(call())
    assert (priced.cost_usd, priced.input_cost_usd, priced.price_source) == (0.3, None, "ours")
    assert pricing.failures == {}


def raises(error: type[BaseException]):
    def price(event: TelemetryEvent) -> Price | None:
        raise error(event.request_model)

    return price


@pytest.mark.parametrize(
    "price",
    [
        raises(KeyError),
        raises(SystemExit),
        lambda event: 0.25,
        lambda event: Price(total_usd=-1.0),
        lambda event: Price(total_usd=float("nan")),
        lambda event: Price(total_usd=1.0, input_usd=float("inf")),
        lambda event: Price(total_usd=1e300),
        lambda event: Price(total_usd=10**400),
        lambda event: Price(total_usd=None),
        lambda event: Price(total_usd="1.00"),
    ],
    ids=["raises", "exits", "no price", "negative", "nan", "infinite", "absurd", "no float", "nothing", "text"],
)
def test_a_source_that_fails_is_passed_over_counted_and_logged_once(price, caplog):
    """A plugin's mistake costs its answer, never the event, and one line in the log that does not quote anybody."""
    pricing = Pricing([], [PriceSource(name="broken", price=price), PriceSource(name="ours", price=_one)])
    with caplog.at_level(logging.WARNING):
        assert [pricing.price(call()).price_source for _ in range(3)] == ["ours"] * 3
    assert pricing.failures == {"broken": 3}
    assert len(caplog.records) == 1
    assert "gpt-4o" not in caplog.text


def _one(event: TelemetryEvent) -> Price:
    return Price(total_usd=1.0)


@pytest.mark.parametrize(
    ("parts", "total"),
    [
        ({"input_usd": 0.1, "output_usd": 0.2}, 0.3),
        ({"input_usd": 0.1}, 0.1),
        ({"output_usd": 0.2}, 0.2),
        ({"total_usd": 5.0, "input_usd": 0.1, "output_usd": 0.2}, 5.0),
    ],
)
def test_the_total_is_the_sum_of_the_parts(parts, total):
    """A source that knows the parts need not add them; a total that it gives stands."""
    priced = Pricing([], [PriceSource(name="ours", price=lambda event: Price(**parts))]).price(call())
    assert priced.cost_usd == total
    assert (priced.input_cost_usd, priced.output_cost_usd) == (parts.get("input_usd"), parts.get("output_usd"))


def complaint(price, caplog) -> str:
    """What is told in brackets of a source that is *price*, for an event of which every text is a canary."""
    event = call(name="canary", request_model="canary_model", metadata={"canary": "canary"})
    Pricing([], [PriceSource(name="broken", price=price)]).price(event)
    (record,) = caplog.records
    return re.fullmatch(r"price source broken failed \((.*)\); it is passed over, counted in health", record.message)[1]


@pytest.mark.parametrize(
    ("price", "told"),
    [
        (lambda event: Price(usd=1.0), "TypeError at {place}: Unexpected keyword argument 'usd'"),
        (lambda event: Price(1.0), "TypeError at {place}"),
        (lambda event: event.usage.input, "AttributeError at {place}: there is no attribute usage"),
        (lambda event: {}[event.request_model], "KeyError at {place}"),
        (lambda event: json.loads(event.request_model), "JSONDecodeError at {place}"),
        (lambda event: Price(input_usd=event.request_model), "TypeError at {place}"),
        (lambda event: Price(**{event.request_model: 1.0}), "TypeError at {place}"),
        (lambda event: getattr(event, event.request_model), "AttributeError at {place}"),
        ({}.__getitem__, "TypeError"),
        (lambda event: Price(), "its price has neither total_usd nor parts"),
        (lambda event: Price(input_usd=-1.0), "the total_usd of its price is no amount in dollars"),
        (lambda event: Price(total_usd=1.0, output_usd="a"), "the output_usd of its price is no amount in dollars"),
    ],
)  # fmt: skip
def test_the_log_says_where_a_source_failed_and_never_what_it_was_given(price, told, caplog):
    """Type, file and line of the plugin, and a name that its own code spells out; no message that could quote."""
    code = getattr(price, "__code__", None)
    place = f"test_prices.py:{code.co_firstlineno}" if code else ""
    assert complaint(price, caplog) == told.format(place=place)
    assert "canary" not in caplog.text


def test_an_error_that_cannot_be_told_is_no_trouble(caplog):
    """An exception whose text and name are traps costs the answer like any other."""

    class Trap(AttributeError):
        def __str__(self) -> str:
            raise SystemExit

        name = property(lambda self: 1 / 0)

    def price(event: TelemetryEvent) -> Price | None:
        raise Trap

    assert re.fullmatch(r"Trap at test_prices.py:\d+", complaint(price, caplog))


def test_a_source_may_know_what_a_call_without_usage_cost():
    """Who charges by the call needs no tokens; tables do."""
    event = call(input_tokens=None, output_tokens=None, usage_missing=True)
    assert cost(Pricing([Override(model="*", rates=ONE)], [], PriceTable()), event) is None
    assert cost(Pricing([], [PriceSource(name="by call", price=_one)]), event) == Decimal("1.0")


def test_unknown_costs_are_counted_by_model_and_reason():
    """What had no known cost is counted by its provider, its model, the one that answered first, and why."""
    pricing = Pricing()
    for event in (
        call(response_model="gpt-99-a"),
        call(),
        call(),
        call(input_tokens=None, output_tokens=None, usage_missing=True, request_model=None),
    ):
        assert pricing.price(event) is event
    assert pricing.unknown == {
        "openai/gpt-4o: no price": 2,
        "openai/gpt-99-a: no price": 1,
        "openai/(no model name): no usage": 1,
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"request_model": "gpt-99"}, "openai/gpt-99: no price"),
        ({"input_tokens": None, "output_tokens": None, "usage_missing": True}, "openai/gpt-4o: no usage"),
        ({"request_model": "homegrown", "provider": None}, "homegrown: provider unknown"),
        ({"request_model": "homegrown", "provider": "my_gateway"}, "my_gateway/homegrown: no price"),
    ],
)
def test_the_reason_why_the_table_has_no_price_is_told(fields, reason):
    """No tokens, no price, or no provider, which the table needs where the model's name alone says too little."""
    pricing = Pricing(table=PriceTable())
    pricing.price(call(**fields))
    assert pricing.unknown == {reason: 1}


def test_without_a_table_no_provider_is_missed():
    """Prices of one's own need none: what they do not name has no price."""
    pricing = Pricing([Override(model="other", rates=ONE)])
    pricing.price(call(provider=None))
    assert pricing.unknown == {"gpt-4o: no price": 1}


def test_counting_the_unknown_is_bounded():
    """However many names there are, health shows the most frequent ones and the rest as one; no call is left out."""
    pricing = Pricing()
    for number in range(1000):
        pricing.price(call(request_model=f"model-{number}"))
    for _ in range(3):
        pricing.price(call(request_model="model-7"))
    assert len(pricing.unknown) == SHOWN + 1
    assert pricing.unknown["openai/model-7: no price"] == 4
    assert sum(pricing.unknown.values()) == 1003
    assert len(pricing._unknown) <= 257


def test_a_name_is_shown_in_reasonable_length():
    """A name as long as a book is shown by its beginning."""
    pricing = Pricing()
    pricing.price(call(request_model="m" * 10_000, provider="p" * 10_000))
    assert pricing.unknown == {f"{'p' * 100}/{'m' * 100}: no price": 1}


def test_what_was_not_charged_is_not_unknown():
    """A call that failed before any answer, and the second prompt of a call that reports with the first."""
    pricing = Pricing(table=PriceTable())
    for event in (make_event("llm.error"), call(input_tokens=None, output_tokens=None)):
        assert pricing.price(event) is event
    assert pricing.unknown == {}


def test_embeddings_have_prices_too():
    """An embedding whose tokens are known is priced by the table: 1000 at 0.02."""
    event = call(request_model="text-embedding-3-small", output_tokens=None).replace(type="embedding.end")
    assert cost(Pricing(table=PriceTable()), event) == Decimal("0.00002")


def test_without_the_package_nothing_is_known_and_nothing_breaks(monkeypatch, caplog):
    """Where genai-prices is not installed, costs are unknown and counted, and the log is quiet: `check` has said it."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    pricing = Pricing(table=PriceTable())
    assert not is_installed()
    assert [cost(pricing, call()) for _ in range(2)] == [None, None]
    assert pricing.unknown == {"openai/gpt-4o: no price table": 2}
    assert caplog.records == []


def test_a_table_that_cannot_be_imported_is_told_once(monkeypatch, tmp_path, caplog):
    """A package that is there and broken costs the prices, and one line."""
    (tmp_path / "genai_prices").mkdir()
    (tmp_path / "genai_prices" / "__init__.py").write_text("raise RuntimeError('half an upgrade')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "genai_prices"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    pricing = Pricing(table=PriceTable())
    with caplog.at_level(logging.WARNING):
        assert [cost(pricing, call()) for _ in range(3)] == [None, None, None]
    assert [record.getMessage() for record in caplog.records] == [
        "genai-prices cannot be imported: RuntimeError; its prices are not used"
    ]


COUNTS = st.none() | st.integers(0, 10**9)


@given(
    st.integers(0, 10**9), COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS,
)  # fmt: skip
def test_every_token_is_charged_once_whatever_was_reported(whole, read, written, hour, spoken, made, thought, said):
    """However the counts contradict each other, the parts add up to the whole, and the price is that of the parts."""
    event = call(
        input_tokens=whole,
        cache_read_tokens=read,
        cache_write_tokens=written,
        usage_details={} if hour is None else {"input.ephemeral_1h_input_tokens": hour},
        input_audio_tokens=spoken,
        output_tokens=made,
        reasoning_tokens=thought,
        output_audio_tokens=said,
    )
    tokens = tokens_of(event)
    assert (tokens.input, tokens.output) == (whole, made or 0)
    assert min(getattr(tokens, name) for name in tokens.__struct_fields__) >= 0
    assert ONE.price(tokens).total_usd == (whole + (made or 0)) / 10**6


@given(
    whole=st.integers(0, 10**7), read=st.integers(0, 10**7), made=st.integers(0, 10**6), thought=st.integers(0, 10**6)
)
def test_the_table_and_an_override_with_its_prices_agree(whole, read, made, thought):
    """Two ways of reckoning, the package's decimals and the overrides' integers, come to the same dollars."""
    event = call(input_tokens=whole, cache_read_tokens=read, output_tokens=made, reasoning_tokens=thought)
    by_table = Pricing(table=PriceTable()).price(event)
    by_override = Pricing([Override(model="*", rates=Rates(input=2.5, output=10, cache_read=1.25))]).price(event)
    assert by_table.replace(price_source=None) == by_override.replace(price_source=None)
