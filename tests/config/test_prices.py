"""What a configuration says of prices, and what `check` tells about it."""

import sys
from datetime import date

import pytest

from fanlight.config.document import read
from fanlight.hookspecs import PriceSource
from fanlight.plan import Plan, build_plan
from fanlight.plan.prices import make_pricing
from fanlight.plugins import PluginRegistry
from fanlight.testing import make_event

MISSING = "pip install 'fanlight[cost]', or write `cost: {table: none}`"


@pytest.fixture
def without_the_table(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)


def plan(given) -> Plan:
    return build_plan(read(given), PluginRegistry.builtin())


def warnings(given):
    return [(problem.path, problem.message, problem.hint) for problem in plan(given).warnings]


def price(model="acme-*", **more):
    return {"model": model, "input": 1, "output": 2} | more


def priced(given, **event):
    pricing = make_pricing(plan(given).config.cost, PluginRegistry.builtin())
    return pricing.price(make_event(input_tokens=10**6, output_tokens=0, **event)).cost_usd


def test_list_prices_are_used_where_nothing_is_said(config):
    """Without a `cost` section the table prices what it knows."""
    assert priced(config(), provider="openai", request_model="gpt-4o") == 2.5


def test_the_table_can_be_left_out(config):
    """`table: none` leaves what the configuration does not price without a price."""
    given = config(cost={"table": "none", "prices": [price()]})
    assert priced(given, provider="openai", request_model="gpt-4o") is None
    assert priced(given, provider="acme", request_model="acme-large") == 1.0


@pytest.mark.parametrize("provider", ["azure", "azure.ai.openai", "azure*"])
def test_a_provider_goes_by_langchains_name_or_by_the_events(config, provider):
    """A price for `azure` is one for what the events call `azure.ai.openai`."""
    given = config(cost={"prices": [price("gpt-*", provider=provider)]})
    assert priced(given, provider="azure.ai.openai", request_model="gpt-4o") == 1.0


@pytest.mark.parametrize("since", ["2026-01-05", date(2026, 1, 5)])
def test_days_begin_at_midnight_utc(config, since):
    """`since` is the first day of a price and `until` the first day without, in UTC; made events are of that noon."""
    assert priced(config(cost={"prices": [price(since=since)]}), request_model="acme-1") == 1.0
    assert priced(config(cost={"prices": [price(until=since)]}), request_model="acme-1") is None


def test_a_missing_table_is_told_once_with_the_remedy(config, without_the_table):
    """Where nothing would price a call, one warning says what to install, or how to mean it."""
    assert warnings(config()) == [("cost", "genai-prices is not installed, so no cost will be known", MISSING)]


def test_a_missing_table_is_no_matter_where_it_is_not_needed(config, without_the_table):
    """Prices of one's own, or the word that there shall be no table, are enough."""
    assert warnings(config(cost={"prices": [price()]})) == []
    assert warnings(config(cost={"table": "none"})) == []


def test_a_table_that_was_asked_for_and_is_not_there_is_told(config, without_the_table):
    """Who names the table expects it, prices of their own or not: no key is accepted and ignored."""
    given = config(cost={"table": "genai-prices", "prices": [price()]})
    assert warnings(given) == [("cost", "genai-prices is not installed", MISSING)]


@pytest.mark.parametrize(
    ("first", "second", "hidden"),
    [
        (price(), price(), True),
        (price("*"), price(), True),
        (price(), price(provider="acme"), True),
        (price(provider="acme"), price(), False),
        (price(provider="acme"), price(provider="other"), False),
        (price(since="2026-01-01"), price(since="2026-07-01"), True),
        (price(since="2026-07-01"), price(since="2026-01-01"), False),
        (price(until="2026-07-01"), price(), False),
        (price(until="2026-07-01"), price(until="2026-01-01"), True),
        (price(until="2026-01-01"), price(until="2026-07-01"), False),
        (price(since="2026-07-01"), price(), False),
    ],
)
def test_a_price_that_another_one_hides_is_told(config, first, second, hidden):
    """The first that holds counts, so a later one that holds nowhere else and at no other time does nothing."""
    told = [problem.path for problem in plan(config(cost={"prices": [first, second]})).warnings]
    assert told == (["cost.prices[1]"] if hidden else [])


def test_a_price_may_be_a_placeholder(config, monkeypatch):
    """What was negotiated need not stand in the file."""
    monkeypatch.setenv("ACME_PRICE", "0.75")
    assert priced(config(cost={"prices": [price(input="${env:ACME_PRICE}")]}), request_model="acme-1") == 0.75


def test_a_plugins_source_is_a_source(config, without_the_table):
    """Where a plugin prices calls, nothing is said of a missing table."""

    def registry(*sources):
        registry = PluginRegistry.builtin()
        registry.price_sources = sources
        return registry

    given = read(config())
    ours = PriceSource(name="ours", price=lambda event: None)
    assert build_plan(given, registry(ours)).warnings == ()
    assert len(build_plan(given, registry()).warnings) == 1
