"""`fanlight demo --phoenix` with a real Phoenix."""

import sys
from subprocess import run

import pytest

pytestmark = pytest.mark.server


def test_the_demo_reads_its_traces_back_from_phoenix(phoenix, tmp_path):
    """Every run of the demo is in Phoenix with its parent, status and tokens, and no pasted key is."""
    code = "import sys; from fanlight.demo import run; sys.exit(run(sys.argv[1:]))"
    arguments = ["--phoenix", phoenix.http, "--out", str(tmp_path), "--pace", "0.02"]
    done = run(
        [sys.executable, "-c", code, *arguments], capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for promise in (
        "phoenix holds what the scripts did",
        "no run of an EU tenant left for phoenix, and every other one is there, equal",
        f"{phoenix.http}/projects",
    ):
        assert promise in done.stdout
