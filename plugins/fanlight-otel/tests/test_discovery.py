"""What it costs to have the plugin installed."""

import subprocess
import sys
from importlib.metadata import Distribution

from fanlight import SinkType
from fanlight_otel import OtelConfig, OtelSink, fanlight_register_sinks

HEAVY = ("opentelemetry", "grpc", "google.protobuf", "urllib3", "requests")


def test_importing_the_plugin_imports_no_sdk() -> None:
    """Listing plugins loads neither OpenTelemetry nor gRPC nor an HTTP library; only an opened sink does."""
    code = f"import sys, fanlight_otel; print([m for m in sys.modules if m.startswith({HEAVY!r})])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_type_is_found_by_its_entry_point(installed: Distribution) -> None:
    """`otel` is found in the entry-point group `fanlight`."""
    (found,) = installed.entry_points.select(group="fanlight", name="otel")
    assert found.load().fanlight_register_sinks() == fanlight_register_sinks()


def test_the_type_says_what_it_is() -> None:
    """It takes finished runs, and receivers know a span by its id."""
    (kind,) = fanlight_register_sinks()
    assert isinstance(kind, SinkType)
    assert (kind.name, kind.consumes, kind.idempotency, kind.network) == ("otel", "runs", "span_id", True)
    assert kind.config_model is OtelConfig
    assert isinstance(kind.factory(OtelConfig(endpoint="http://localhost:4318")), OtelSink)
