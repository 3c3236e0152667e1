"""Attaching a router to the process, in every way and order, and what happens when it cannot be."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

import fanlight
from fanlight.sinks.memory import store

CONFIG: dict[str, Any] = {
    "version": 1,
    "service": "test",
    "environments": ["test"],
    "environment": "test",
    "sinks": {"kept": {"type": "memory"}},
    "routes": [{"match": {}, "to": ["kept"]}],
}
chain = RunnableLambda(str.upper) | RunnableLambda(str.strip)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("FANLIGHT_CONFIG", "FANLIGHT_STRICT", "FANLIGHT_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    store("kept").clear()
    yield
    fanlight.uninstall(timeout=10)


def _types(router: fanlight.Router) -> list[str]:
    assert router.flush(timeout=20), router.health()
    return sorted(event.type for event in store("kept").events)


ONCE = ["chain.end"] * 3 + ["chain.start"] * 3


def test_installed_for_every_chain() -> None:
    """After `install`, a chain that was given nothing is captured."""
    router = fanlight.install(CONFIG)
    chain.invoke("a")

    assert _types(router) == ONCE


def test_installed_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`FANLIGHT_CONFIG` names the file, and `install()` reads it."""
    import yaml

    path = tmp_path / "fanlight.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    monkeypatch.setenv("FANLIGHT_CONFIG", str(path))
    router = fanlight.install()
    chain.invoke("a")

    assert _types(router) == ONCE


def test_passed_explicitly() -> None:
    """The handler given in `callbacks` captures that chain and no other."""
    with fanlight.Router.from_config(CONFIG) as router:
        chain.invoke("a", config={"callbacks": [router.handler]})
        chain.invoke("not captured")

        assert _types(router) == ONCE


async def test_both_ways_count_once() -> None:
    """Installed and passed explicitly, even twice, each event is captured once; sync and async alike."""
    router = fanlight.install(CONFIG)
    config: Any = {"callbacks": [router.handler, router.handler]}
    chain.invoke("a", config=config)
    await chain.ainvoke("a", config=config)

    assert _types(router) == sorted(ONCE * 2)


def test_install_again_replaces() -> None:
    """A notebook that runs its cell again has one router, and what the first one held is delivered."""
    first = fanlight.install(CONFIG)
    chain.invoke("a")
    second = fanlight.install(CONFIG)
    chain.invoke("b")

    assert second.flush(timeout=20)
    first.close(timeout=20)
    assert len(store("kept").events) == 12
    assert first.health().intake.captured == second.health().intake.captured == 6


def test_uninstall_detaches() -> None:
    """After `uninstall`, nothing is captured any more, in any context that already existed."""
    router = fanlight.install(CONFIG)
    fanlight.uninstall(timeout=20)
    chain.invoke("a")

    assert router.health().intake.captured == 0
    assert fanlight.installed() is None


def test_a_broken_file_disables_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """`install` with a bad configuration logs one error, raises nothing, and the application runs on."""
    with caplog.at_level(logging.ERROR, logger="fanlight"):
        router = fanlight.install({**CONFIG, "sinks": {"kept": {"type": "memmory"}}})
        assert chain.invoke("a ") == "A"

    assert len(caplog.records) == 1
    assert "memmory" in caplog.text
    assert router.health().state == "disabled"
    assert "memmory" in router.health().reason
    assert router.flush(timeout=1)


def test_strict_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `FANLIGHT_STRICT=1` a bad configuration fails the start."""
    monkeypatch.setenv("FANLIGHT_STRICT", "1")
    with pytest.raises(fanlight.ConfigError, match="memmory"):
        fanlight.install({**CONFIG, "sinks": {"kept": {"type": "memmory"}}})


@pytest.mark.parametrize("value", ["1", "true", "TRUE", " yes ", "on", "please"])
def test_the_kill_switch(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`FANLIGHT_DISABLED` turns everything off, in whatever words, whatever the configuration says or lacks."""
    monkeypatch.setenv("FANLIGHT_DISABLED", value)
    for make in (fanlight.install, fanlight.Router.from_config):
        router = make({"not": "even a configuration"})
        chain.invoke("a", config={"callbacks": [router.handler]})
        assert router.health().state == "disabled"


@pytest.mark.parametrize("value", ["", "0", "false", "No", "off"])
def test_a_kill_switch_that_is_off(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What says no means no."""
    monkeypatch.setenv("FANLIGHT_DISABLED", value)

    assert fanlight.install(CONFIG).health().state == "idle"


def test_nothing_runs_before_the_first_event() -> None:
    """Building and installing a router starts no thread."""
    import threading

    before = set(threading.enumerate())
    router = fanlight.install(CONFIG)
    assert set(threading.enumerate()) == before
    assert router.health().state == "idle"


class _Other(BaseCallbackHandler):
    """Somebody else's handler."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_llm_start(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append("llm_start")

    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append("llm_end")


async def test_other_handlers_get_all_of_their_events() -> None:
    """Beside fanlight, another handler still hears the start of a completion model's run in async code."""
    from langchain_core.language_models import FakeListLLM

    fanlight.install(CONFIG)
    other = _Other()
    await FakeListLLM(responses=["x"]).ainvoke("q", config={"callbacks": [other]})

    assert other.heard == ["llm_start", "llm_end"]


def test_the_handler_is_one_object() -> None:
    """Every run of an installed router is given the same handler: none is made on the caller's path."""
    router = fanlight.install(CONFIG)

    assert router.handler is router.handler is router.handler_for_hook()


def test_a_handler_read_before_langgraph_is_replaced_after() -> None:
    """The handler read after LangGraph's import hears its lifecycle events, and equals the earlier one."""
    program = (
        "import fanlight, sys; router = fanlight.Router.from_config(" + repr(CONFIG) + ");"
        "early = router.handler; assert 'langgraph' not in sys.modules;"
        "from langgraph.callbacks import GraphCallbackHandler; late = router.handler;"
        "print(isinstance(early, GraphCallbackHandler), isinstance(late, GraphCallbackHandler), early == late)"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )

    assert result.stdout.split() == ["False", "True", "True"], result.stderr
