"""The README's examples are read as a user would use them."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from langchain_core.runnables import RunnableLambda

from fanlight import ConfigError, Router
from fanlight_arize import ArizeConfig
from fanlight_arize.addresses import REGIONS, addresses_of

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
SINKS = [(name, sink) for block in BLOCKS for name, sink in block["sinks"].items()]
FEEDBACK, TESTS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("name", "settings"), SINKS, ids=[name for name, _ in SINKS])
def test_each_sink_in_the_readme_is_valid(name: str, settings: dict[str, Any]) -> None:
    """What is written there can be used, placeholders standing for keys, and says where feedback goes."""
    settings = dict(settings)
    assert settings.pop("type") == "arize"
    addresses = addresses_of(ArizeConfig(**settings))
    assert addresses.api
    assert addresses.flight or settings.get("platform") == "phoenix"


@pytest.mark.usefixtures("installed")
def test_the_first_configuration_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole example is a configuration: a router raises where one is wrong."""
    for name, value in {"APP_ENV": "dev", "ARIZE_SPACE_ID": "s", "ARIZE_API_KEY": "ak-test"}.items():
        monkeypatch.setenv(name, value)
    Router.from_config(BLOCKS[0]).close()
    with pytest.raises(ConfigError, match="space_id"):
        Router.from_config(BLOCKS[0] | {"sinks": {"arize": {"type": "arize", "project": "bot"}}})


@pytest.mark.usefixtures("installed")
def test_a_sink_for_feedback_alone_gets_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example's routes part spans and feedback, whatever the sinks are."""
    (parted,) = [block for block in BLOCKS[1:] if "routes" in block]
    sinks = {name: {"type": "memory"} for name in parted["sinks"]}
    settings = {"version": 1, "service": "bot", "environments": ["dev"], "environment": "dev"}
    run_id = uuid4()
    with Router.from_config({**settings, **parted, "sinks": sinks}) as router:
        RunnableLambda(str).invoke(1, config={"callbacks": [router.handler], "run_id": run_id})
        router.feedback(run_id, "helpful", score=1.0)
        assert router.flush(timeout=10).complete
        delivered = {name: lane.counts.delivered for name, lane in router.health().sinks.items()}
    assert delivered["feedback"] == 1
    assert delivered["arize"] >= 1


def test_the_feedback_runs() -> None:
    """Each call is one that a router takes."""
    settings = {"version": 1, "service": "bot", "environments": ["dev"], "environment": "dev"}
    sinks = {"sinks": {"memory": {"type": "memory"}}, "routes": [{"match": {}, "to": ["memory"]}]}
    run_id = uuid4()
    with Router.from_config(settings | sinks) as router:
        exec(compile(FEEDBACK, "README.md", "exec"), {"router": router, "run_id": run_id, "trace_id": run_id.hex})
        assert router.flush(timeout=10).complete
        assert router.health().sinks["memory"].counts.delivered == 3


def test_the_example_for_tests_runs() -> None:
    """The receiver is used as the README uses it."""
    exec(compile(TESTS, "README.md", "exec"), {})


def test_every_key_is_described() -> None:
    """The table of keys has them all."""
    assert not [key for key in ArizeConfig.model_fields if f"`{key}`" not in README]


def test_every_region_is_described() -> None:
    """The table of regions has them all."""
    assert not [region for region in REGIONS if f"`{region}`" not in README]
