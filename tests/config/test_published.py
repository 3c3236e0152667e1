"""What stands in config/ is what the code says: fresh, loadable, and true."""

from pathlib import Path

import msgspec
import pytest

from fanlight.cli.published import published
from fanlight.config.models import DeliveryConfig, RouterConfig
from fanlight.delivery.settings import LaneSettings
from fanlight.plan import load_plan, run_tests
from fanlight.plan.settings import lane_settings
from fanlight.sinks.base import DeliveryDefaults

CONFIG = Path(__file__).parents[2] / "config"


@pytest.mark.parametrize("name", ["fanlight.yaml", "fanlight.schema.json", "event.schema.json", "README.md"])
def test_what_is_generated_is_fresh(name):
    """The files made from the models are those that the models make today."""
    assert (CONFIG / name).read_text(encoding="utf-8") == published(CONFIG)[name], (
        f"config/{name} is not what the models say: run `fanlight schema --write config` and commit the result"
    )


def test_the_reference_can_be_used_as_it_is(monkeypatch):
    """fanlight.yaml loads without a warning, has every key, and its own test holds."""
    monkeypatch.setenv("APP_ENV", "prod")
    plan = load_plan(CONFIG / "fanlight.yaml")

    assert plan.warnings == ()
    assert plan.config.model_fields_set == set(RouterConfig.model_fields)
    assert [scenario.failures for scenario in run_tests(plan)] == [()]


def test_the_numbers_of_the_reference_are_the_defaults():
    """The delivery settings that fanlight.yaml shows change nothing."""
    shown = load_plan(CONFIG / "fanlight.yaml", environment="prod").config.defaults

    assert shown != DeliveryConfig()
    assert lane_settings(DeliveryConfig(), shown, DeliveryDefaults()) == LaneSettings()
    assert set(msgspec.structs.asdict(LaneSettings())) - {"rate_limit"} == set(_said(shown))


def _said(shown):
    settings = lane_settings(DeliveryConfig(), shown, DeliveryDefaults())
    return [name for name in settings.__struct_fields__ if getattr(settings, name) is not None]
