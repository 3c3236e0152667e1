"""Prices in a real router: what reaches sinks, routes and health, and what is imported when."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from fanlight.demo.workloads import COST, WORKLOADS
from fanlight.router import Router
from fanlight.sinks.memory import store

BASE: dict[str, Any] = {
    "version": 1,
    "service": "priced",
    "environments": ["test"],
    "environment": "test",
    "cost": COST,
    "sinks": {"all": {"type": "memory"}, "dear": {"type": "memory"}},
    "routes": [{"match": {}, "to": ["all"]}, {"match": {"cost_usd": {"gt": 0.0007}}, "to": ["dear"]}],
}

PLUGIN = """
from fanlight import Price, PriceSource, hookimpl

def rates(event):
    return Price(total_usd=0.5) if event.request_model == "homegrown-7b" else None

def broken(event):
    raise RuntimeError(event.name)

@hookimpl
def fanlight_price_sources():
    return [PriceSource(name="broken", price=broken), PriceSource(name="our_rates", price=rates)]
"""


@pytest.fixture(autouse=True)
def empty_stores() -> None:
    for name in ("all", "dear"):
        store(name).clear()


def run(config: dict[str, Any], *workloads: str) -> Router:
    """A router that has seen *workloads*, closed."""
    with Router.from_config(config) as router:
        for name in workloads:
            WORKLOADS[name](RunnableConfig(callbacks=[router.handler]))
        assert router.flush(timeout=10)
    return router


def test_routes_can_match_on_cost() -> None:
    """`cost_usd: {gt: …}` chooses the ends of calls that cost more, and nothing whose cost is not known."""
    run(BASE, "rag", "fallback", "unknown_model", "approval")
    assert [(event.type, event.cost_usd) for event in store("dear").events] == [("llm.end", 0.000764)]


def test_health_counts_what_has_no_known_cost() -> None:
    """Health names the models whose calls had no known cost, why, and how many."""
    health = run(BASE, "rag", "unknown_model", "unknown_model").health()
    assert health.cost_unknown == {"scripted/homegrown-7b-2026-01: no price": 2}
    assert health.price_sources_failed == {}
    assert health.to_dict()["cost_unknown"] == health.cost_unknown


def test_a_plugins_source_prices_what_the_configuration_does_not(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source is asked after the configuration; one that raises is passed over, and health counts it."""
    (tmp_path / "our_prices.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    health = run(BASE | {"plugins": {"modules": ["our_prices"]}}, "rag", "unknown_model").health()
    sources = {event.request_model: event.price_source for event in store("all").events if event.type == "llm.end"}
    assert sources == {"scripted-large": "override", "homegrown-7b": "our_rates"}
    assert (health.cost_unknown, health.price_sources_failed) == ({}, {"broken": 1})


def test_cost_is_no_content() -> None:
    """A sink that is sent metadata only is sent what it cost."""
    run(BASE | {"sinks": {"all": {"type": "memory", "content": "metadata"}, "dear": {"type": "memory"}}}, "rag")
    assert [event.cost_usd for event in store("all").events if event.type == "llm.end"] == [0.000764]


PROGRAM = """
import sys
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from fanlight import Router
from fanlight.sinks.memory import store

class Model(FakeListChatModel):
    def _get_ls_params(self, stop=None, **kwargs):
        return {"ls_provider": "openai", "ls_model_name": "gpt-4o", "ls_model_type": "chat"}
    def _generate(self, *args, **kwargs):
        usage = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
        return ChatResult(generations=[ChatGeneration(message=AIMessage("x", usage_metadata=usage))])

def imported():
    return "genai_prices" in sys.modules

def refused(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError("the network was asked")

sys.addaudithook(refused)
config = {"version": 1, "service": "a", "environments": ["test"], "environment": "test",
          "sinks": {"all": {"type": "memory"}}, "routes": [{"match": {}, "to": ["all"]}]}
with Router.from_config(config) as router:
    seen = [imported()]
    RunnableLambda(str).invoke(1, {"callbacks": [router.handler]})
    router.flush(10)
    seen.append(imported())
    Model(responses=["x"]).invoke("x", {"callbacks": [router.handler]})
    router.flush(10)
    seen.append(imported())
costs = [event.cost_usd for event in store("all").events if event.type == "llm.end"]

print(seen, costs)
"""


def test_the_table_is_imported_for_the_first_call_and_never_asks_the_network() -> None:
    """What no model call needs is not imported; what one needs comes from the package, not from anywhere else."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.stderr) == ("[False, False, True] [0.0035]\n", "")
