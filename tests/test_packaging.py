"""What the distributions declare, and how they are pinned."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
PACKAGES = [ROOT / "src" / "fanlight", *sorted(ROOT.glob("plugins/*/src/*/"))]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONSTRAINTS = (ROOT / "config" / "constraints.txt").read_text()


def _pins() -> list[str]:
    return [line.removesuffix(" \\") for line in CONSTRAINTS.splitlines() if "==" in line]


def test_uv_and_pip_install_the_same_versions() -> None:
    """The pins that uv reads are those of config/constraints.txt; renew both with .ci/pins."""
    assert PYPROJECT["tool"]["uv"]["constraint-dependencies"] == _pins()


def test_constraints_carry_hashes_and_no_addresses() -> None:
    """Every pin has a hash, and nothing says where it was fetched from."""
    blocks = re.split(r"\n(?=\S)", CONSTRAINTS.strip())

    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?://|--(?:extra-)?index", CONSTRAINTS)


def test_every_dependency_is_pinned() -> None:
    """What the core and the developers' group ask for by name is pinned."""
    wanted = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["dependency-groups"]["dev"]]
    names = {re.split(r"[<>=!~\[; ]", item)[0].lower().replace("_", "-") for item in wanted}
    pinned = {pin.split("==")[0] for pin in _pins()}

    assert names - set(PLUGINS) <= pinned


@pytest.mark.parametrize("plugin", PLUGINS)
def test_distributions_share_one_version(plugin: str) -> None:
    """The core and its plugins are released in lockstep."""
    assert metadata.version("fanlight") == metadata.version(plugin)


@pytest.mark.parametrize("package", PACKAGES)
def test_types_are_published(package: Path) -> None:
    """Type checkers see fanlight's annotations."""
    assert (package / "py.typed").exists()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_has_the_same_files(plugin: str) -> None:
    """Who knows one plugin finds his way in the others."""
    home = ROOT / "plugins" / plugin
    package = home / "src" / plugin.replace("-", "_")
    for name in ("__init__.py", "config.py", "sink.py", "encode.py", "testing.py", "py.typed"):
        assert (package / name).is_file(), name
    assert (home / "README.md").is_file()
    assert list((home / "tests").glob("test_*.py"))


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_brings_its_own_sdk_and_nobody_elses(plugin: str) -> None:
    """What is installed with a plugin, its dependencies' dependencies included, has no other plugin's vendor in it."""
    own = {"fanlight-wandb": "wandb", "fanlight-arize": "arize", "fanlight-lake": "deltalake"}.get(plugin)
    vendors = {"wandb", "arize", "deltalake", "pyarrow", "pandas", "duckdb"} - {own}
    if plugin == "fanlight-lake":
        vendors -= {"pyarrow"}
    assert not installed_with(plugin) & vendors
    assert own in {None, "arize"} or own in installed_with(plugin)


def installed_with(distribution: str) -> set[str]:
    """Return the names of what pip would install for *distribution* without any extra."""
    seen: set[str] = set()
    waiting = [distribution]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another platform
            continue
        parsed = (Requirement(text) for text in requirements)
        waiting += [item.name for item in parsed if item.marker is None or item.marker.evaluate({"extra": ""})]
    return seen


def test_import_loads_no_sdk_and_no_langgraph() -> None:
    """`import fanlight` and building a handler load no vendor SDK, no LangGraph and no pyarrow."""
    program = (
        "import sys, fanlight; from fanlight import Router, TelemetryEvent, hookimpl;"
        "heavy = ('wandb', 'arize', 'opentelemetry', 'grpc', 'langgraph', 'pyarrow', 'deltalake', 'pandas', 'numpy');"
        "print(sorted(name for name in heavy if name in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
