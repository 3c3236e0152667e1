"""`fanlight demo`, as a user runs it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fanlight.demo import run
from fanlight.demo.phoenix import Phoenix, checked_url
from fanlight.demo.workloads import COST


def demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from fanlight.demo import run; sys.exit(run(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        timeout=60,
        check=False,
    )


def test_the_demo_keeps_every_promise(tmp_path: Path) -> None:
    """Scripts, destinations, rules, screen, floor and ledger agree: exit code 0, and each promise is printed."""
    done = demo("--out", str(tmp_path), "--pace", "0.02")
    assert (done.returncode, done.stderr) == (0, "")
    promises = [line for line in done.stdout.splitlines() if line.startswith("  ✓ ")]
    assert len(promises) == 11
    assert "  ✗ " not in done.stdout
    assert "CardDeclinedError: the card was declined for 129.00 EUR" in done.stdout


def test_the_files_are_where_the_demo_says(tmp_path: Path) -> None:
    """The directory holds the lake, W&B's files and the configuration, readable by their owner only."""
    done = demo("--out", str(tmp_path), "--pace", "0")
    [directory] = tmp_path.iterdir()
    assert str(directory) in done.stdout
    assert sorted(path.name for path in directory.iterdir()) == ["demo.yaml", "lake", "wandb"]
    assert directory.stat().st_mode & 0o077 == 0


def test_the_lake_is_asked_as_the_demo_says(tmp_path: Path) -> None:
    """The command under the last table can be pasted, and shows each tree with its cost."""
    done = demo("--out", str(tmp_path), "--pace", "0")
    (line,) = [line for line in done.stdout.splitlines() if "lake query" in line]
    shown = subprocess.run(
        shlex.split(line.split(maxsplit=1)[1]), capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    assert shown.stdout.count("handbook_rag") == 2


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--out` below a file is one sentence, and nothing is run."""
    (tmp_path / "file").touch()
    assert run(["--out", str(tmp_path / "file" / "out")]) == 1
    assert "cannot be written to" in capsys.readouterr().err


def test_a_switched_off_fanlight_is_said(tmp_path: Path) -> None:
    """With FANLIGHT_DISABLED=1 there is nothing to show: exit code 1 and the reason."""
    done = demo("--out", str(tmp_path), "--pace", "0", FANLIGHT_DISABLED="1")
    assert done.returncode == 1
    assert "FANLIGHT_DISABLED" in done.stderr


def test_a_lost_destination_makes_the_answer_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A receiver that takes nothing is noticed: the demo reads back and does not believe."""
    from fanlight_otel import testing

    class Deaf(testing.OtlpReceiver):
        @property
        def spans(self) -> list[testing.ReceivedSpan]:
            return []

    monkeypatch.setattr(testing, "OtlpReceiver", Deaf)
    assert run(["--out", str(tmp_path), "--pace", "0"]) == 1
    assert "tracing holds what the scripts did" in capsys.readouterr().out


def test_the_configuration_is_shown_and_is_a_real_one(capsys: pytest.CaptureFixture[str]) -> None:
    """`--show-config` prints the file that the demo runs with."""
    assert run(["--show-config"]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["cost"] == COST
    assert shown["sinks"].keys() == {"screen", "archive", "tracing", "arize", "phoenix", "experiments"}


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a plugin the demo says what to install, and runs nothing."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "fanlight.demo.command.find_spec", lambda name: None if name == "fanlight_otel" else found(name)
    )
    assert run([]) == 1
    said = capsys.readouterr().err
    assert "(fanlight_otel)" in said
    assert "pip install 'fanlight[demo]'" in said


def test_a_phoenix_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything runs, the demo says that no Phoenix answers and how to start one."""
    assert run(["--phoenix", "http://127.0.0.1:9"]) == 1
    said = capsys.readouterr().err
    assert "No Phoenix answers at http://127.0.0.1:9" in said
    assert "phoenix serve" in said


def test_a_wrong_url_is_wrong_usage() -> None:
    """A URL that is none is refused by the argument parser, with its exit code."""
    with pytest.raises(SystemExit) as refused:
        run(["--phoenix", "file:///etc/passwd"])
    assert refused.value.code == 2
    with pytest.raises(ValueError, match="no http URL"):
        checked_url("ftp://example.org")
    assert Phoenix("http://127.0.0.1:6006/").url == "http://127.0.0.1:6006"
