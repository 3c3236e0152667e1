"""What the distributions declare, and how they are pinned."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
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

    assert names - {"fanlight-otel"} <= pinned


def test_distributions_share_one_version() -> None:
    """The core and its plugins are released in lockstep."""
    assert metadata.version("fanlight") == metadata.version("fanlight-otel")


def test_types_are_published() -> None:
    """Type checkers see fanlight's annotations."""
    assert (ROOT / "src" / "fanlight" / "py.typed").exists()
    assert (ROOT / "plugins" / "fanlight-otel" / "src" / "fanlight_otel" / "py.typed").exists()


def test_import_loads_no_sdk_and_no_langgraph() -> None:
    """`import fanlight` and building a handler load no vendor SDK, no LangGraph and no pyarrow."""
    program = (
        "import sys, fanlight; from fanlight import Router, TelemetryEvent, hookimpl;"
        "heavy = ('wandb', 'arize', 'opentelemetry', 'grpc', 'langgraph', 'pyarrow', 'deltalake', 'pandas', 'numpy');"
        "print(sorted(name for name in heavy if name in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
