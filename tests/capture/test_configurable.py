"""What LangGraph's `configurable` says reaches the record, for the keys that were asked for."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph

from fanlight.capture.capture import Capture
from fanlight.capture.handler import make_handler
from fanlight.capture.intake import Intake


class State(TypedDict):
    value: str


def _graph() -> Any:
    graph = StateGraph(State)
    graph.add_node("step", lambda state: {"value": state["value"].upper()})
    graph.add_edge(START, "step")
    graph.add_edge("step", END)
    return graph.compile()


@pytest.fixture
def intake() -> Intake:
    return Intake(max_events=1000, max_bytes=1 << 30)


def _config(intake: Intake, keys: tuple[str, ...] = ("user_id", "tenant_id")) -> Any:
    handler = make_handler(Capture(intake, configurable_keys=keys))
    return {"callbacks": [handler], "configurable": {"user_id": "u1", "tenant_id": "eu-7", "other": "private"}}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("make", [_graph, lambda: RunnableLambda(lambda state: state)], ids=["graph", "chain"])
async def test_the_root_has_the_named_keys_and_no_others(make: Any, asynchronous: bool, intake: Intake) -> None:
    """The tenant is known when the root starts, which is when residency rules are judged."""
    config, state = _config(intake), {"value": "x"}
    _ = await make().ainvoke(state, config) if asynchronous else make().invoke(state, config)

    root = next(record for record in intake.take(1000) if record.trace_id)
    assert root.configurable == {"user_id": "u1", "tenant_id": "eu-7"}


def test_nothing_is_taken_that_was_not_asked_for(intake: Intake) -> None:
    """Without `configurable_keys` no record holds anything of it."""
    _graph().invoke({"value": "x"}, _config(intake, ()))

    assert {record.configurable and tuple(record.configurable) for record in intake.take(1000)} == {None}


def test_one_request_does_not_see_another(intake: Intake) -> None:
    """A run without `configurable` after one with it has none."""
    _graph().invoke({"value": "x"}, _config(intake))
    intake.take(1000)
    _graph().invoke({"value": "x"}, {**_config(intake), "configurable": {}})

    assert [record.configurable for record in intake.take(1000) if record.trace_id] == [None]


def test_a_manager_made_by_hand_takes_nobody_elses_values(intake: Intake) -> None:
    """A root that was not configured by LangChain has none, rather than the tenant of the run before it."""
    config = _config(intake)
    _graph().invoke({"value": "x"}, config)
    intake.take(1000)
    CallbackManager(handlers=config["callbacks"]).on_chain_start({}, {"value": "y"})

    assert [record.configurable for record in intake.take(1000) if record.trace_id] == [None]


def test_the_items_of_a_batch_do_not_share_values(intake: Intake) -> None:
    """Items with tenants of their own never get each other's."""
    chain = RunnableLambda(lambda state: state) | RunnableLambda(lambda state: state)
    config = _config(intake)
    configs = [{**config, "configurable": {"tenant_id": tenant}} for tenant in ("eu-1", "us-2", "eu-3")]
    chain.batch([{"value": config["configurable"]["tenant_id"]} for config in configs], configs)

    roots = [record for record in intake.take(1000) if record.callback == "chain_start" and record.trace_id]
    assert len(roots) == 3
    for root in roots:
        assert root.configurable in (None, {"tenant_id": root.args[1]["value"]})
