"""The README's examples are read and run as a user would use them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fanlight_wandb import WandbConfig
from fanlight_wandb.config import TableConfig
from fanlight_wandb.metrics import METRICS
from fanlight_wandb.testing import read_runs
from fanlight_wandb.totals import Totals

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
SINKS = [(name, sink) for block in BLOCKS for name, sink in block["sinks"].items()]
COMMON = {"content", "batch"}


@pytest.mark.parametrize(("name", "settings"), SINKS, ids=[name for name, _ in SINKS])
def test_each_sink_in_the_readme_is_valid(name: str, settings: dict[str, Any]) -> None:
    """What is written there can be used, placeholders standing for keys."""
    assert settings["type"] == "wandb"
    WandbConfig(**{key: value for key, value in settings.items() if key not in COMMON | {"type"}})


def test_the_programs_do_what_they_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    """The notebook leaves two runs, and the reader prints them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), {})
    runs = read_runs(tmp_path / ".local" / "state" / "fanlight" / "wandb")
    assert sorted(run.config["prompt_version"] for run in runs) == ["v1", "v2"]
    assert sorted(run.name.partition(" (")[0] for run in runs) == [
        "greeter prompt_version=v1",
        "greeter prompt_version=v2",
    ]
    assert capsys.readouterr().out.count("greeter prompt_version=") == 2


def test_every_key_metric_and_total_is_described() -> None:
    """Nothing is left to be guessed."""
    names = [*WandbConfig.model_fields, *TableConfig.model_fields, *METRICS]
    totals = [name for name in Totals.__struct_fields__ if name != "cost_pico_usd"]
    names += [f"totals/{name}" for name in (*totals, "cost_usd")]
    assert not [name for name in names if f"`{name}`" not in README]
