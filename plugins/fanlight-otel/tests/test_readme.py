"""The README's examples are read as a user would use them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fanlight_otel import OtelConfig
from fanlight_otel.presets import PRESETS
from fanlight_otel.wire import wire_of

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
SINKS = [(name, sink) for block in BLOCKS for name, sink in block["sinks"].items()]


@pytest.mark.parametrize(("name", "settings"), SINKS, ids=[name for name, _ in SINKS])
def test_each_sink_in_the_readme_is_valid(name: str, settings: dict[str, Any]) -> None:
    """What is written there can be used, placeholders standing for keys."""
    assert settings.pop("type") == "otel"
    OtelConfig(**settings)


def test_the_examples_for_other_plugins_run() -> None:
    """The encoder and the receiver are used as the README uses them."""
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})


def test_every_preset_is_shown_and_described() -> None:
    """No preset is left to be guessed: each has an example and a row."""
    shown = {settings.get("preset", "otlp") for _, settings in SINKS}
    assert shown == PRESETS.keys()
    assert {name for name in PRESETS if f"| `{name}` |" in README} == PRESETS.keys()


def test_every_key_is_described() -> None:
    """The table of keys has them all."""
    assert not [key for key in OtelConfig.model_fields if f"`{key}`" not in README]


def test_the_addresses_are_the_presets() -> None:
    """The table shows the addresses that are used."""
    keys = {
        "api_key": "k",
        "entity": "e",
        "project": "p",
        "experiment_id": "1",
        "public_key": "p",
        "secret_key": "s",
        "dataset": "d",
    }
    for name, preset in PRESETS.items():
        if name not in ("otlp", "datadog"):
            wanted = {key: keys[key] for key in preset.required}
            address = wire_of(OtelConfig(preset=name, **wanted)).traces.removesuffix("/v1/traces")  # type: ignore[arg-type]
            assert f"`{address}`" in README
