"""
While a sink works, nothing that it calls leaves telemetry.
"""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from fanlight.context import current
from fanlight.delivery.suppression import suppressed


def is_suppressed() -> bool:
    values = current()
    return bool(values and values.suppressed)


def test_a_sink_runs_suppressed_in_all_its_methods(bench):
    """open, deliver and close see fanlight's suppression; the application's own thread does not."""
    rig = bench.rig(batch_linger=0.0)
    seen = []
    rig.script.on_open = lambda: seen.append(is_suppressed())
    rig.script.on_deliver = lambda batch: seen.append(is_suppressed())
    rig.script.on_close = lambda: seen.append(is_suppressed())
    rig.append(1)
    rig.settle()
    rig.close(5.0)
    assert seen == [True, True, True]
    assert not is_suppressed()


def test_opentelemetry_is_asked_to_be_silent():
    """Instrumentations look for these keys in OpenTelemetry's context; afterwards the context is as it was."""
    otel = pytest.importorskip("opentelemetry.context")
    before = otel.get_current()
    with suppressed():
        assert otel.get_value("suppress_instrumentation") is True
        assert otel.get_value(otel._SUPPRESS_INSTRUMENTATION_KEY) is True
        assert otel.get_value(otel._SUPPRESS_HTTP_INSTRUMENTATION_KEY) is True
    assert otel.get_current() == before


def test_opentelemetrys_context_of_the_application_is_left_alone(bench):
    """Suppression is attached on the sink's thread only."""
    otel = pytest.importorskip("opentelemetry.context")
    working, go_on = threading.Event(), threading.Event()

    def deliver(batch):
        working.set()
        go_on.wait(20)

    rig = bench.rig(batch_linger=0.0)
    rig.script.on_deliver = deliver
    rig.append(1)
    assert working.wait(20)
    assert otel.get_value("suppress_instrumentation") is None
    go_on.set()
    rig.settle()


def test_opentelemetry_is_not_imported_for_it():
    """An application without OpenTelemetry pays nothing."""
    program = (
        "import sys\n"
        "from fanlight.delivery.suppression import suppressed\n"
        "with suppressed(): pass\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
