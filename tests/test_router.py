"""What a router promises when its parts fail, while events keep coming, and when it is closed from several sides."""

from __future__ import annotations

import logging
import threading
from types import ModuleType
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

import fanlight
from fanlight import Processor, TelemetryEvent, hookimpl
from fanlight.sinks.memory import store

chain = RunnableLambda(lambda value: value)


def _config(**changes: Any) -> dict[str, Any]:
    config: dict[str, Any] = {
        "version": 1,
        "service": "test",
        "environments": ["test"],
        "environment": "test",
        "sinks": {"kept": {"type": "memory"}},
        "routes": [{"match": {}, "to": ["kept"]}],
    }
    return config | changes


@pytest.fixture(autouse=True)
def _empty() -> None:
    store("kept").clear()


def _plugin(monkeypatch: pytest.MonkeyPatch, name: str, **hooks: Any) -> dict[str, Any]:
    """Return the configuration with a module of the user's own, importable as *name*, that has *hooks*."""
    module = ModuleType(name)
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    monkeypatch.setitem(__import__("sys").modules, name, module)
    return _config(plugins={"modules": [name]})


def test_what_cannot_be_set_up_is_said_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Parts that cannot be built at the first event: the router says `failed` and why, and counts all that comes."""

    def nameless() -> str:
        raise OSError("a host without a name")

    monkeypatch.setattr("socket.gethostname", nameless)
    with fanlight.Router.from_config(_config()) as router:
        with caplog.at_level(logging.ERROR, logger="fanlight"):
            assert chain.invoke("one", config={"callbacks": [router.handler]}) == "one"
            assert router.flush(timeout=20)
        chain.invoke("two", config={"callbacks": [router.handler]})
        health = router.health()

    assert health.state == "failed"
    assert health.reason.startswith("OSError at ")
    assert health.intake.dropped == {"router_failed": 4}
    assert health.balanced
    assert len(caplog.records) == 1


def test_a_plugin_that_exits_does_not_end_the_router(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook that calls `sys.exit` in the router thread does not end it in silence."""

    def exits(sinks: tuple[str, ...]) -> None:
        raise SystemExit(1)

    config = _plugin(monkeypatch, "fanlight_test_exits", fanlight_started=exits)
    with fanlight.Router.from_config(config) as router:
        chain.invoke("one", config={"callbacks": [router.handler]})
        router.flush(timeout=20)
        health = router.health()

    assert health.balanced
    assert health.intake.queued == 0
    assert health.state == "running" or "SystemExit" in health.reason


def _spoil(event: TelemetryEvent) -> TelemetryEvent:
    return event.replace(metadata={"x": "\ud800"}) if event.inputs == "spoilt" else event


def test_an_event_that_cannot_be_encoded_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a whole backlog, one event that a plugin made unfit for JSON is lost, counted, and no other."""
    config = _plugin(
        monkeypatch, "fanlight_test_spoil", fanlight_processors=lambda: [Processor(name="spoil", process=_spoil)]
    )
    with fanlight.Router.from_config(config) as router:
        for value in ("fine", "spoilt", "fine"):
            chain.invoke(value, config={"callbacks": [router.handler]})
        assert router.flush(timeout=20)
        counts = router.health().intake

    assert (counts.routed, counts.dropped) == (4, {"encode_failed": 2})
    assert {event.inputs for event in store("kept").events} == {"fine"}


class _Fatal(BaseException):
    """What is no `Exception`, as the panic of an extension module is none."""


class _Broken(Exception):
    def __str__(self) -> str:
        raise _Fatal


def test_an_exception_whose_text_is_fatal_costs_one_event() -> None:
    """An application's exception that raises `BaseException` when it is asked for its text leaves the router alive."""

    def fail(_: str) -> str:
        raise _Broken

    with fanlight.Router.from_config(_config()) as router:
        with pytest.raises(_Broken):
            RunnableLambda(fail).invoke("x", config={"callbacks": [router.handler]})
        chain.invoke("after", config={"callbacks": [router.handler]})
        assert router.flush(timeout=20)
        health = router.health()

    assert health.state == "running"
    assert health.balanced
    assert health.intake.dropped == {"normalize_failed": 1}
    assert [event.outputs for event in store("kept").events if event.type == "chain.end"] == ["after"]


def test_a_flush_is_complete_while_others_go_on() -> None:
    """What was captured before the call is what a flush answers for, however much comes meanwhile."""
    with fanlight.Router.from_config(_config()) as router:
        config: Any = {"callbacks": [router.handler]}
        chain.invoke("warm", config=config)
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                chain.invoke("busy", config=config)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        reports = [router.flush(timeout=30) for _ in range(20)]
        stop.set()
        for thread in threads:
            thread.join()

    assert all(reports)


def test_flushing_for_ever() -> None:
    """`inf` is a time to wait, and less than nothing is no time."""
    with fanlight.Router.from_config(_config()) as router:
        chain.invoke("x", config={"callbacks": [router.handler]})
        assert router.flush(timeout=float("inf"))
        assert router.flush(timeout=-1)


def test_whoever_closes_second_waits_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """When `close` has returned, the router is closed, also where another thread had begun to close it."""
    entered, go_on = threading.Event(), threading.Event()

    def stopped() -> None:
        entered.set()
        go_on.wait(20)

    config = _plugin(monkeypatch, "fanlight_test_slow_end", fanlight_stopped=stopped)
    router = fanlight.Router.from_config(config)
    chain.invoke("x", config={"callbacks": [router.handler]})
    first = threading.Thread(target=router.close, args=(20,))
    first.start()
    assert entered.wait(20)
    second = threading.Thread(target=router.close, args=(20,))
    second.start()
    second.join(0.2)
    waited = second.is_alive()
    go_on.set()
    first.join(20)
    second.join(20)

    assert waited
    assert not second.is_alive()


def test_when_no_thread_is_to_be_had_the_next_event_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process at its limit of threads at the first event does not stay without a router for good."""
    with fanlight.Router.from_config(_config()) as router:
        config: Any = {"callbacks": [router.handler]}
        with monkeypatch.context() as limit:

            def refuse(self: threading.Thread) -> None:
                raise RuntimeError("can't start new thread")

            limit.setattr(threading.Thread, "start", refuse)
            chain.invoke("a", config=config)
            assert router.health().state == "idle"
        chain.invoke("b", config=config)
        assert router.flush(timeout=20)

        assert router.health().intake.routed == 4


def test_health_lists_the_sinks_before_the_first_event() -> None:
    """A router that has seen nothing yet shows each of its sinks, with counts of 0 and where it is to run."""
    config = _config(sinks={"kept": {"type": "memory"}, "apart": {"type": "memory"}, "off": {"type": "memory"}})
    config["routes"] = [{"match": {}, "to": ["kept", "apart"]}]
    with fanlight.Router.from_config(config) as router:
        before = router.health()
        chain.invoke("one", config={"callbacks": [router.handler]})
        assert router.flush(timeout=20)
        after = router.health()

    assert before.state == "idle"
    assert before.sinks.keys() == after.sinks.keys() == {"kept", "apart"}
    idle = before.sinks["kept"]
    assert (idle.counts.accepted, idle.opened, idle.breaker, idle.isolation) == (0, False, "closed", "thread")
    assert before.balanced
    assert before.to_dict()["sinks"]["apart"]["counts"]["accepted"] == 0
    assert after.sinks["kept"].breaker_since_unix_nano is not None


def test_a_router_that_is_closed_unused_says_so_of_its_sinks() -> None:
    """Closed before the first event, a sink takes no more, and a disabled router has none."""
    router = fanlight.Router.from_config(_config())
    router.close()
    assert router.health().sinks["kept"].closed
    assert fanlight.Router.disabled("a test").health().sinks == {}
