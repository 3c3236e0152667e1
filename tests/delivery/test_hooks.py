"""
One sink's pluggy side: the sink as a plugin of its own manager, inside every wrapper.
"""

from __future__ import annotations

import pytest

from fanlight.delivery.hooks import deliver_hook
from fanlight.errors import PermanentError
from fanlight.hookspecs import hookimpl
from fanlight.sinks.base import Batch, Sink, SinkConfig


class Recording(Sink[SinkConfig]):
    def __init__(self, calls):
        super().__init__(SinkConfig())
        self.calls = calls

    def deliver(self, batch):
        self.calls.append("deliver")


class Wrapper:
    def __init__(self, name, calls):
        self.name, self.calls = name, calls

    @hookimpl(wrapper=True)
    def fanlight_deliver(self, batch):
        self.calls.append(f"{self.name} before")
        result = yield
        self.calls.append(f"{self.name} after")
        return result


BATCH = Batch(id="b", sink="lake", deliveries=(), deadline=0.0)


def test_the_sink_runs_inside_all_wrappers():
    """Every wrapper sees the batch before and after the sink."""
    calls = []
    deliver_hook("lake", Recording(calls), [Wrapper("a", calls), Wrapper("b", calls)])(batch=BATCH)
    assert calls == ["b before", "a before", "deliver", "a after", "b after"]


def test_one_sinks_hook_reaches_no_other_sink():
    """Two sinks share their wrappers and nothing else."""
    first, second, shared = [], [], []
    wrapper = Wrapper("w", shared)
    hook = deliver_hook("one", Recording(first), [wrapper])
    deliver_hook("two", Recording(second), [wrapper])
    hook(batch=BATCH)
    assert (first, second, shared) == (["deliver"], [], ["w before", "w after"])


def test_the_sink_is_the_plugin_that_its_name_says():
    """`sink:<name>` is what a trace of the hook shows."""
    (implementation,) = deliver_hook("lake", Recording([]), []).get_hookimpls()
    assert implementation.plugin_name == "sink:lake"


def test_an_implementation_that_is_no_wrapper_is_left_out(caplog):
    """A plain implementation would see every sink's batches as if they were its own."""

    class Greedy:
        @hookimpl
        def fanlight_deliver(self, batch):
            raise AssertionError("must not be called")

    calls = []
    deliver_hook("lake", Recording(calls), [Greedy(), Wrapper("w", calls)])(batch=BATCH)
    assert calls == ["w before", "deliver", "w after"]
    assert "is left out" in caplog.text


def test_a_plugin_whose_hooks_are_not_valid_is_left_out(caplog):
    """A wrong signature costs the plugin its place, not the sink its events."""

    class Wrong:
        @hookimpl(wrapper=True)
        def fanlight_deliver(self, batch, colour):
            return (yield)

    calls = []
    deliver_hook("lake", Recording(calls), [Wrong()])(batch=BATCH)
    assert calls == ["deliver"]
    assert "not valid" in caplog.text


def test_a_plugin_without_the_hook_is_harmless():
    """The same objects may implement other hooks only."""

    class Listener:
        @hookimpl
        def fanlight_stopped(self):
            raise AssertionError("must not be called")

    calls = []
    deliver_hook("lake", Recording(calls), [Listener()])(batch=BATCH)
    assert calls == ["deliver"]


def test_the_sinks_error_passes_through_unchanged():
    """The exception object itself reaches the lane, with its reason."""

    class Refusing(Sink[SinkConfig]):
        def deliver(self, batch):
            raise PermanentError("no", reason="too_large")

    with pytest.raises(PermanentError) as caught:
        deliver_hook("lake", Refusing(SinkConfig()), [Wrapper("w", [])])(batch=BATCH)
    assert caught.value.reason == "too_large"
