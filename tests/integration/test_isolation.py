"""One sink hangs, one fails, one is slow: the others and the application do not notice, and the ledgers say so."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.language_models import FakeListLLM
from langchain_core.runnables import RunnableLambda

import fanlight
from fanlight import Batch, PermanentError, RetryableError, Sink, SinkConfig, SinkType, hookimpl
from fanlight.sinks.memory import store

RELEASE = threading.Event()
STARTED = threading.Event()


class Empty(SinkConfig):
    pass


class Hung(Sink[Empty]):
    def deliver(self, batch: Batch) -> None:
        STARTED.set()
        RELEASE.wait()


class Failing(Sink[Empty]):
    def deliver(self, batch: Batch) -> None:
        raise RetryableError("busy")


class Slow(Sink[Empty]):
    def deliver(self, batch: Batch) -> None:
        RELEASE.wait(0.1)


class Refusing(Sink[Empty]):
    def deliver(self, batch: Batch) -> None:
        raise PermanentError("no thanks")


class Exiting(Sink[Empty]):
    def deliver(self, batch: Batch) -> None:
        sys.exit("a sink that ends the program")


class Unopenable(Sink[Empty]):
    def open(self, context: Any) -> None:
        raise ImportError("no such SDK")

    def deliver(self, batch: Batch) -> None: ...


SICK = {
    "hung": Hung, "failing": Failing, "slow": Slow, "refusing": Refusing, "exiting": Exiting, "unopenable": Unopenable
}  # fmt: skip


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[fanlight.Router]:
    """A router with a healthy sink and one of each sickness."""
    plugin = types.ModuleType("sick_sinks")
    plugin.fanlight_register_sinks = hookimpl(  # type: ignore[attr-defined]
        lambda: [SinkType(name=name, config_model=Empty, factory=kind) for name, kind in SICK.items()]
    )
    monkeypatch.setitem(sys.modules, "sick_sinks", plugin)
    RELEASE.clear()
    STARTED.clear()
    store("healthy").clear()
    yield fanlight.install(
        {
            "version": 1,
            "service": "test",
            "environments": ["test"],
            "environment": "test",
            "plugins": {"modules": ["sick_sinks"]},
            "defaults": {"batch": {"linger": "20ms"}, "timeout": "30s", "queue": {"max_events": 100}},
            "sinks": {"healthy": {"type": "memory", "queue": {"max_events": 10000}}, **{n: {"type": n} for n in SICK}},
            "routes": [{"match": {}, "to": ["healthy", *SICK]}],
        }
    )
    RELEASE.set()
    fanlight.uninstall(timeout=2)


def test_the_healthy_sink_has_everything_and_the_ledgers_add_up(router: fanlight.Router) -> None:
    """300 runs past six sick sinks: the healthy one has all 1 800 events, each sick one accounts for every one."""
    chain = RunnableLambda(str) | FakeListLLM(responses=["x"])
    for n in range(300):
        assert chain.invoke(n) == "x"
    assert STARTED.wait(20)
    router.flush(timeout=3)

    health = router.health()
    assert len(store("healthy").events) == 1800
    assert health.balanced
    assert health.intake.captured == health.intake.routed == 1800
    assert {name: sink.counts.accepted for name, sink in health.sinks.items()} == dict.fromkeys(health.sinks, 1800)
    assert health.sinks["hung"].counts.delivered == 0
    assert health.sinks["hung"].counts.dropped["queue_full"] == 1800 - 100
    slow = health.sinks["slow"].counts
    assert slow.delivered > 0
    assert slow.delivered + slow.pending + slow.dropped.get("queue_full", 0) == 1800
    assert health.sinks["refusing"].counts.dead_lettered > 0
    assert health.sinks["failing"].last_error is not None
    assert "busy" in health.sinks["failing"].last_error
    assert health.sinks["unopenable"].opened is False


def test_close_keeps_its_deadline_and_accounts_for_the_rest(router: fanlight.Router) -> None:
    """Closing past hung and failing sinks returns, and what could not be delivered is counted as `shutdown`."""
    RunnableLambda(str).invoke("x")
    assert STARTED.wait(20)
    router.close(timeout=1)

    health = router.health()
    assert health.state == "closed"
    assert health.balanced
    assert len(store("healthy").events) == 2
    for name in ("hung", "failing", "unopenable"):
        assert health.sinks[name].counts.dropped.get("shutdown") == 2
        assert health.sinks[name].counts.pending == 0


def test_nothing_reaches_the_application(router: fanlight.Router, capfd: pytest.CaptureFixture[str]) -> None:
    """Exceptions of sinks, `SystemExit` too, stay in their lanes; nothing is printed."""
    assert RunnableLambda(str).invoke("x") == "x"
    assert STARTED.wait(20)
    router.flush(timeout=1)

    assert capfd.readouterr() == ("", "")
