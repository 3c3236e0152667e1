"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.runnables import RunnableLambda

import fanlight
from fanlight.config.document import read
from fanlight.plan import load_plan, run_tests
from fanlight.sinks.memory import store

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the README's first configuration, as a newcomer would have it; traces go to a file instead."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APP_ENV", "dev")
    monkeypatch.setenv("HONEYCOMB_API_KEY", "local-test-key")
    config = _blocks("yaml")[0].replace(
        '{type: otel, preset: phoenix, endpoint: "http://localhost:6006", project: support-bot}',
        "{type: memory, store: readme}",
    )
    assert "store: readme" in config
    (tmp_path / "fanlight.yaml").write_text(config)
    store("readme").clear()
    return tmp_path


def test_the_python_blocks_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every Python block runs in the order of the page, and what it ran arrives."""
    names: dict[str, Any] = {"chain": RunnableLambda(str.upper), "run_id": uuid4()}
    for block in _blocks("python"):
        exec(compile(block, "README.md", "exec"), names)

    router = fanlight.installed()
    assert router is not None
    assert router.flush(timeout=20)
    trace = re.search(r"^trace ([0-9a-f]{32})$", capsys.readouterr().out, flags=re.MULTILINE)
    roots = [event for event in store("readme").events if event.ends_run]
    assert trace
    assert trace[1] in {event.trace_id for event in roots}
    assert {event.user_id for event in roots} == {"u1", None}
    assert [event.tenant_id for event in roots] == [None, "acme", None, "acme"]
    assert len(roots) == 4  # the suppressed one is not among them
    fanlight.uninstall(timeout=20)


@pytest.mark.parametrize("block", _blocks("yaml"), ids=["first", "rules", "cost"])
def test_the_yaml_blocks_are_good_configurations(block: str, here: Path) -> None:
    """Every YAML block is a configuration that passes `check` and its own tests."""
    path = here / "block.yaml"
    path.write_text(block)
    plan = load_plan(path)

    assert plan.warnings == ()
    assert all(not scenario.failures for scenario in run_tests(load_plan(path, secrets=False)))
    assert read(path).data["version"] == 1


def test_the_commands_are_those_that_exist(here: Path) -> None:
    """Every `fanlight` command line of the page is understood by the command line."""
    lines = [line for block in _blocks("console") for line in block.splitlines()]
    commands = [line.split() for line in lines if line.startswith("fanlight ")]
    (here / "fanlight.yaml").write_text(_blocks("yaml")[1])

    assert {command[1] for command in commands} == {"check", "explain", "test", "lake"}
    for command in commands:
        if command[1] == "lake":
            continue
        result = subprocess.run(
            [sys.executable, "-m", "fanlight.cli", *command[1:]], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_links_lead_somewhere() -> None:
    """Every relative link of the page names a file or folder of the repository."""
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_lake_is_asked_as_it_stands_there(here: Path) -> None:
    """What the costs' configuration sends into the lake, the page's own command finds there."""
    (block,) = [block for block in _blocks("yaml") if "type: lake" in block]
    (here / "costs.yaml").write_text(block)
    with fanlight.Router.from_config(here / "costs.yaml") as router:
        with fanlight.context(metadata={"team": "search"}):
            RunnableLambda(str.upper).invoke("a", config={"callbacks": [router.handler]})
        router.close(timeout=60)
    lines = [line for block in _blocks("console") for line in block.splitlines() if line.startswith("fanlight lake")]
    commands = [[sys.executable, "-m", "fanlight.cli", *shlex.split(line)[1:]] for line in lines]
    by_attribute, by_metadata = (
        subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout for command in commands
    )

    assert "support" in by_attribute
    assert "search" in by_metadata
