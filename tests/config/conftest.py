"""Small configurations in a few words."""

import textwrap
from typing import Any

import pytest

from fanlight.config.document import Document, read
from fanlight.errors import Problem
from fanlight.plugins import registry


@pytest.fixture
def write(tmp_path):
    """Write YAML to a file and return its path."""

    def written(text: str, name: str = "fanlight.yaml") -> Any:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return written


@pytest.fixture
def document(write):
    """Write YAML to a file and read it."""
    return lambda text: read(write(text))


@pytest.fixture
def config():
    """Return a configuration as a dict, with changes."""

    def made(**changes: Any) -> dict[str, Any]:
        return {
            "version": 1,
            "service": "support-bot",
            "environments": ["dev", "prod"],
            "environment": "prod",
            "sinks": {"lake": {"type": "memory", "labels": {"region": "eu"}}},
            "routes": [{"match": {}, "to": ["lake"]}],
        } | changes

    return made


def places(problems: tuple[Problem, ...]) -> list[tuple[str, int | None, int | None]]:
    """Return the path, line and column of each problem."""
    return [(problem.path, problem.line, problem.column) for problem in problems]


__all__ = ["Document", "places"]


@pytest.fixture
def uninstall(monkeypatch):
    """Return what makes an installed plugin look as if it were not: Python does not list it."""

    def uninstall(distribution):
        listed = registry.entry_points
        monkeypatch.setattr(
            registry,
            "entry_points",
            lambda **wanted: [entry for entry in listed(**wanted) if entry.dist.name != distribution],
        )

    return uninstall
