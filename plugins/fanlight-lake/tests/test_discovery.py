"""What it costs to have the plugin installed."""

import subprocess
import sys
from importlib.metadata import Distribution

from fanlight import SinkType
from fanlight_lake import LakeConfig, LakeSink, fanlight_commands, fanlight_register_sinks

HEAVY = ("pyarrow", "deltalake", "arro3", "obstore", "duckdb")


def test_importing_the_plugin_imports_no_library() -> None:
    """Listing plugins loads neither Arrow nor Delta nor an S3 client; only an opened sink or a command does."""
    code = f"import sys, fanlight_lake; print([m for m in sys.modules if m.startswith({HEAVY!r})])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_local_parquet_lake_needs_arrow_only() -> None:
    """Neither Delta's library nor the S3 client is loaded for files in a directory."""
    code = (
        "import sys, tempfile, fanlight_lake as lake\n"
        "from fanlight import testing\n"
        "sink = lake.LakeSink(lake.LakeConfig(path=tempfile.mkdtemp(), format='parquet'))\n"
        "sink.open(testing.make_context())\n"
        "sink.deliver(testing.make_batch([testing.make_event()]))\n"
        f"print({{m.partition('.')[0] for m in sys.modules}} & set({HEAVY!r}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "{'pyarrow'}"


def test_the_plugin_is_found_by_its_entry_point(installed: Distribution) -> None:
    """`lake` is found in the entry-point group `fanlight`."""
    (found,) = installed.entry_points.select(group="fanlight", name="lake")
    assert found.load().fanlight_register_sinks() == fanlight_register_sinks()


def test_the_type_says_what_it_is() -> None:
    """It takes every event, in large batches that its queue has room for."""
    (kind,) = fanlight_register_sinks()
    assert isinstance(kind, SinkType)
    assert (kind.name, kind.consumes, kind.idempotency, kind.network) == ("lake", "events", "none", True)
    assert kind.config_model is LakeConfig
    assert isinstance(kind.factory(LakeConfig(path="lake")), LakeSink)
    defaults = kind.defaults
    assert (defaults.batch_linger, defaults.batch_max_bytes) == (60.0, 64 * 1024 * 1024)
    assert (defaults.queue_max_bytes or 0) >= 3 * (defaults.batch_max_bytes or 0)
    assert (defaults.queue_max_events or 0) >= 3 * (defaults.batch_max_events or 0)


def test_the_command_is_registered() -> None:
    """`fanlight lake …` is there."""
    (command,) = fanlight_commands()
    assert command.name == "lake"
