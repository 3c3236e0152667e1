"""Each recipe in config/recipes is right, has no oddities, and does what its own tests say."""

import re
from pathlib import Path

import pytest

from fanlight.plan import load_plan, run_tests

RECIPES = sorted((Path(__file__).parents[2] / "config" / "recipes").glob("*.yaml"))
VALUES = {"ENDPOINT": "http://127.0.0.1:4318", "KEEP": "true", "VERSION": "1.4.2"}

each_recipe = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def beside_the_recipes(monkeypatch):
    """A recipe's own module is importable where the recipe is."""
    monkeypatch.syspath_prepend(RECIPES[0].parent)


def test_there_are_recipes():
    """The common uses each have a file."""
    assert len(RECIPES) >= 10


@each_recipe
def test_a_recipe_does_what_its_tests_say(path):
    """Without a secret, a recipe loads without a warning, and each of its tests holds on the real routes."""
    plan = load_plan(path, secrets=False)
    scenarios = run_tests(plan)

    assert [str(warning) for warning in plan.warnings] == []
    assert scenarios
    assert {scenario.name: scenario.failures for scenario in scenarios if scenario.failures} == {}


@each_recipe
def test_a_recipe_can_be_started(path, monkeypatch, tmp_path):
    """With its variables and secret files a recipe gives a plan for each of its environments."""
    secret = tmp_path / "secret"
    secret.write_text("a-secret\n")
    text = re.sub(r"\$\{file:[^}]+\}", f"${{file:{secret}}}", path.read_text())
    for name in re.findall(r"\$\{env:(\w+)\}", text):
        monkeypatch.setenv(name, next((value for part, value in VALUES.items() if part in name), "prod"))
    (tmp_path / path.name).write_text(text)

    for environment in load_plan(path, secrets=False).config.environments:
        plan = load_plan(tmp_path / path.name, environment=environment)
        assert plan.sinks, f"nothing is sent anywhere in {environment}"
