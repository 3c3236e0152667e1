"""What it costs to have the plugin installed."""

import subprocess
import sys
from importlib.metadata import Distribution

from packaging.requirements import Requirement

from fanlight import SinkType
from fanlight_arize import ArizeConfig, ArizeSink, fanlight_register_sinks

HEAVY = ("opentelemetry", "grpc", "google.protobuf", "urllib3", "requests", "arize", "pandas", "pyarrow")
OF_THE_SDK_ALONE = {"arize", "pandas", "pyarrow", "numpy", "wrapt", "tqdm", "requests-futures", "protobuf"}


def test_importing_the_plugin_imports_no_sdk() -> None:
    """Listing plugins loads neither OpenTelemetry nor gRPC nor the arize SDK; only an opened sink does."""
    code = f"import sys, fanlight_arize; print([m for m in sys.modules if m.split('.')[0] in {HEAVY!r}])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_sdk_and_its_pins_come_with_the_extra_only(installed: Distribution) -> None:
    """Without `[sdk]` nothing of the arize SDK is asked for, neither by this plugin nor by those it stands on."""
    asked = {name: needs(name, extra="") for name in ("fanlight", "fanlight-otel", "fanlight-arize")}
    assert not set().union(*asked.values()) & OF_THE_SDK_ALONE
    assert needs("fanlight-arize", extra="sdk") - asked["fanlight-arize"] == {"arize"}


def needs(name: str, *, extra: str) -> set[str]:
    """Return the names that a distribution requires with *extra*."""
    requirements = map(Requirement, Distribution.from_name(name).requires or ())
    return {each.name for each in requirements if each.marker is None or each.marker.evaluate({"extra": extra})}


def test_the_type_is_found_by_its_entry_point(installed: Distribution) -> None:
    """`arize` is found in the entry-point group `fanlight`."""
    (found,) = installed.entry_points.select(group="fanlight", name="arize")
    assert found.load().fanlight_register_sinks() == fanlight_register_sinks()


def test_the_type_says_what_it_is() -> None:
    """It takes finished runs and feedback, and Arize knows a span by its id."""
    (kind,) = fanlight_register_sinks()
    assert isinstance(kind, SinkType)
    assert (kind.name, kind.consumes, kind.idempotency, kind.network) == ("arize", "runs", "span_id", True)
    assert kind.config_model is ArizeConfig
    assert isinstance(kind.factory(ArizeConfig(platform="phoenix", project="bot")), ArizeSink)
