"""What becomes a W&B alert."""

from typing import Any

import pytest

from fanlight.testing import make_event

# The SDK leaves the temporary directories of its artifacts to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")


def test_alert_events_are_w_and_b_alerts(bench: Any) -> None:
    """Title, text and the wait that is configured arrive."""
    bench.deliver(make_event("alert", name="session too expensive", custom={"session_id": "s", "cost_usd": 2.5}))
    (alert,) = bench.only_run.alerts
    assert (alert.title, alert.text) == ("session too expensive", "session_id: s\ncost_usd: 2.5")
    assert (alert.level, alert.wait_seconds) == ("WARN", 300)


def test_failed_roots_are_alerts_where_that_is_wanted(bench: Any) -> None:
    """One alert a failed trace, without the error's message, which may quote a prompt; none unless asked for."""
    root = make_event("chain.error", name="order_agent")
    failed = (root, make_event("tool.error", parent=root))
    bench.deliver(*failed)
    assert bench.only_run.alerts == []
    bench.deliver(*failed, alert_on=["error"], alert_interval="10ms")
    (alert,) = bench.only_run.alerts
    assert (alert.title, alert.level) == ("order_agent failed", "ERROR")
    assert alert.text == f"ValueError in test, trace {root.trace_id}"
    assert alert.wait_seconds == 0.01


def test_a_replay_raises_no_alert(bench: Any) -> None:
    """Old events wake nobody."""
    bench.deliver(make_event("alert", name="old"), batch={"replay": True})
    assert bench.only_run.alerts == []
