"""A plausible residency configuration leaks nothing to a restricted sink, in whatever order facts are learnt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from langchain_core.language_models import FakeListLLM
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph

import fanlight
from fanlight.sinks.memory import store

SINKS = {
    "eu": {"type": "memory", "labels": {"region": "eu"}},
    "us": {"type": "memory", "labels": {"region": "us"}},
    "unlabelled": {"type": "memory"},
}
CONFIG: dict[str, Any] = {
    "version": 1,
    "service": "bot",
    "environments": ["prod"],
    "environment": "prod",
    "sinks": SINKS,
    "defaults": {"batch": {"linger": "1h"}},  # until a flush: what came before the tenant was learnt still waits
    "routes": [
        {"name": "everything everywhere", "match": {}, "to": list(SINKS)},
        {"name": "EU tenants stay in the EU", "match": {"tenant_id": "eu-*"}, "only": ["label:region=eu"]},
        {"name": "no tenant, no vendor", "require": ["tenant_id"], "otherwise": {"only": ["label:region=eu"]}},
    ],
}
CANARY = "the patient's name is Ada"


@pytest.fixture(params=["require", "no require"])
def router(request: pytest.FixtureRequest) -> Iterator[fanlight.Router]:
    """A router with both restrictions, or with the tenant's alone."""
    for name in SINKS:
        store(name).clear()
    routes = CONFIG["routes"] if request.param == "require" else CONFIG["routes"][:2]
    yield fanlight.install({**CONFIG, "routes": routes})
    fanlight.uninstall(timeout=20)


def _seen(router: fanlight.Router, name: str) -> bytes:
    assert router.flush(timeout=20), router.health()
    assert router.health().balanced
    return b"\n".join(event.to_json() for event in store(name).events)


def _model(tenant: str | None) -> Any:
    config = {"metadata": {"tenant_id": tenant}} if tenant else {}
    return FakeListLLM(responses=[CANARY]).with_config(config)


def test_a_tenant_that_the_root_knows(router: fanlight.Router) -> None:
    """An EU tenant named at the root: no event of the trace reaches another region, or a sink without a label."""
    (RunnableLambda(str) | _model(None)).invoke(CANARY, config={"metadata": {"tenant_id": "eu-7"}})

    assert CANARY.encode() in _seen(router, "eu")
    assert _seen(router, "us") == _seen(router, "unlabelled") == b""


def test_a_tenant_from_the_context(router: fanlight.Router) -> None:
    """`fanlight.context` names the tenant: the same holds."""
    with fanlight.context(tenant_id="eu-7"):
        (RunnableLambda(str) | _model(None)).invoke(CANARY)

    assert CANARY.encode() in _seen(router, "eu")
    assert _seen(router, "us") == _seen(router, "unlabelled") == b""


def test_a_tenant_that_is_learnt_late(router: fanlight.Router) -> None:
    """Only an inner run names the tenant: what waits is dropped, and the ancestors' content never leaves the EU."""
    (RunnableLambda(str) | _model("eu-7")).invoke(CANARY)

    assert CANARY.encode() in _seen(router, "eu")
    assert _seen(router, "us") == _seen(router, "unlabelled") == b""


def test_another_tenant_is_free(router: fanlight.Router) -> None:
    """A tenant that no restriction names goes everywhere."""
    (RunnableLambda(str) | _model(None)).invoke("hello", config={"metadata": {"tenant_id": "us-1"}})

    assert _seen(router, "eu") == _seen(router, "us") == _seen(router, "unlabelled") != b""


def test_an_inner_chain_that_is_off(router: fanlight.Router) -> None:
    """A chain tagged `fanlight:off` gives no event anywhere, not even to the sink that may have everything."""
    inner = _model(None).with_config(tags=["fanlight:off"])
    outer = RunnableLambda(lambda question: inner.invoke(question) and "done")
    with fanlight.context(tenant_id="eu-7"):
        outer.invoke("question")

    assert b"done" in _seen(router, "eu")
    assert CANARY.encode() not in _seen(router, "eu")
    assert _seen(router, "us") == b""


def test_two_tenants_in_one_request(router: fanlight.Router) -> None:
    """Roots of one W3C trace share its restriction: the trace is closed once for all of them."""
    with fanlight.context(traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01"):
        with fanlight.context(tenant_id="eu-7"):
            RunnableLambda(str).invoke(CANARY)
        with fanlight.context(tenant_id="us-1"):
            RunnableLambda(str).invoke("second " + CANARY)

    assert _seen(router, "us") == _seen(router, "unlabelled") == b""


def test_a_missing_tenant_fails_closed() -> None:
    """Without a tenant, `require` keeps the run to the sinks of `otherwise`."""
    for name in SINKS:
        store(name).clear()
    router = fanlight.install(CONFIG)
    try:
        RunnableLambda(str).invoke(CANARY)
        assert CANARY.encode() in _seen(router, "eu")
        assert _seen(router, "us") == _seen(router, "unlabelled") == b""
    finally:
        fanlight.uninstall(timeout=20)


def test_a_sink_that_is_added_later_is_covered() -> None:
    """A new vendor sink that somebody adds to every route, without a label, gets nothing of an EU tenant."""
    for name in (*SINKS, "brand_new"):
        store(name).clear()
    changed = {**CONFIG, "sinks": {**SINKS, "brand_new": {"type": "memory"}}, "unmatched": ["brand_new"]}
    changed["routes"] = [*CONFIG["routes"], {"name": "try it", "match": {}, "to": ["brand_new"]}]
    router = fanlight.install(changed)
    try:
        RunnableLambda(str).invoke(CANARY, config={"metadata": {"tenant_id": "eu-7"}})
        assert _seen(router, "brand_new") == b""
    finally:
        fanlight.uninstall(timeout=20)


class _State(TypedDict):
    question: str


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_tenant_in_langgraphs_configurable(asynchronous: bool) -> None:
    """The tenant stands only in `configurable`: known when the root starts, so no vendor sees any of the trace."""
    for name in SINKS:
        store(name).clear()
    graph = StateGraph(_State)
    graph.add_node("answer", lambda state: {"question": state["question"] + "!"})
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    app = graph.compile()
    router = fanlight.install(
        {
            **CONFIG,
            "capture": {"configurable_keys": ["tenant_id"]},
            "defaults": {"batch": {"linger": "1ms"}},  # nothing waits: what is not held back is gone
        }
    )
    try:
        state, config = {"question": CANARY}, {"configurable": {"tenant_id": "eu-7"}}
        _ = await app.ainvoke(state, config) if asynchronous else app.invoke(state, config)
        assert CANARY.encode() in _seen(router, "eu")
        assert _seen(router, "us") == _seen(router, "unlabelled") == b""
    finally:
        fanlight.uninstall(timeout=20)
