"""What must not be captured is not captured."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

import fanlight

from .models import Chat


@tool
def ask_model(question: str) -> str:
    """Ask a model."""
    return str(Chat().invoke(question).content)


def test_nothing_inside_suppress_is_captured(captured: Any) -> None:
    """Runs that start inside `fanlight.suppress()` leave no trace; those around it do."""
    Chat().invoke("before", captured.config)
    with fanlight.suppress():
        Chat().invoke("hidden", captured.config)
        (RunnableLambda(str) | Chat()).invoke("hidden", captured.config)
    Chat().invoke("after", captured.config)

    assert captured.names() == ["chat_model_start", "llm_end"] * 2


def test_the_off_tag_takes_the_whole_subtree(captured: Any) -> None:
    """A run tagged `fanlight:off` is not captured, nor is anything below it, nor is its content elsewhere."""
    inner = (RunnableLambda(str) | Chat()).with_config(tags=["fanlight:off"])
    outer = RunnableLambda(lambda value, config: inner.invoke(value, config) and "public")
    outer.invoke("secret", captured.config)

    records = captured.records()
    assert [record.callback for record in records] == ["chain_start", "chain_end"]


def test_a_tool_under_an_off_run_is_not_captured(captured: Any) -> None:
    """Children of a suppressed run are suppressed by their parent, whatever their own tags say."""
    step = RunnableLambda(lambda value, config: ask_model.invoke({"question": value}, {**config, "tags": ["mine"]}))
    step.with_config(tags=["fanlight:off"]).invoke("secret", captured.config)

    assert captured.names() == []


def test_suppressed_runs_are_forgotten_when_they_end(captured: Any) -> None:
    """Nothing is kept of a suppressed run after its end."""
    with fanlight.suppress():
        for _ in range(50):
            (RunnableLambda(str) | Chat()).invoke("hidden", captured.config)

    assert captured.capture._suppressed == {}
