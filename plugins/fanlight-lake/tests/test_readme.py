"""The README's examples are read as a user would use them."""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from fanlight import testing
from fanlight_lake import LakeConfig, LakeSink, fanlight_register_sinks
from fanlight_lake.encode import encode
from fanlight_lake.schema import SCHEMA
from fanlight_lake.storage import storage_of

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
SINKS = [(name, sink) for block in BLOCKS for name, sink in block["sinks"].items()]


@pytest.mark.parametrize(("name", "settings"), SINKS, ids=[sink["path"] for _, sink in SINKS])
def test_each_sink_in_the_readme_is_valid(name: str, settings: dict[str, Any]) -> None:
    """What is written there can be used, placeholders standing for keys."""
    assert settings["type"] == "lake"
    own = {key: value for key, value in settings.items() if key not in ("type", "isolation")}
    assert storage_of(LakeConfig(**own)).uri == settings["path"]


def test_the_python_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Events are read back as the README shows."""
    sink = LakeSink(LakeConfig(path=str(tmp_path / "lake")))
    sink.open(testing.make_context())
    sink.deliver(testing.make_batch([testing.make_event(name="chat", cost_usd=0.5)]))
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(block.replace("/var/lib/support-bot/lake", str(tmp_path / "lake")), "README.md", "exec"), {})
    assert capsys.readouterr().out == "chat ok 0.5\n"


def test_the_sql_example_shows_each_event_once() -> None:
    """Rows that were delivered twice are there once."""
    event = testing.make_event()
    (query,) = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    with duckdb.connect() as connection:
        connection.register("events", encode([event, event, testing.make_event()]).table)
        assert connection.sql(f"SELECT count(*) FROM ({query})").fetchall() == [(2,)]


def test_every_key_is_described() -> None:
    """The table of keys has them all."""
    assert not [key for key in LakeConfig.model_fields if f"`{key}`" not in README]


def test_every_column_is_described() -> None:
    """The table of columns has them all."""
    section = README.partition("## Columns")[2].partition("\n## ")[0]
    assert not [name for name in SCHEMA.names if f"`{name}`" not in section]


def test_the_defaults_are_those_of_the_type() -> None:
    """A minute, 64 MiB, and a queue of 192 MiB."""
    defaults = fanlight_register_sinks()[0].defaults
    assert (defaults.batch_linger, defaults.batch_max_bytes, defaults.queue_max_bytes) == (
        60.0,
        64 * 2**20,
        192 * 2**20,
    )
