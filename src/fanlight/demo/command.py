"""The command: prepares a place, plays the script through a router, reads back, compares, and says yes or no."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module, resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fanlight.demo.phoenix import HOW_TO_START, Phoenix, checked_url

if TYPE_CHECKING:
    from fanlight.demo.evidence import Evidence, Far

_CONFIG: Final = "demo.yaml"
_NEEDED: Final = ("langgraph", "fanlight_arize", "fanlight_lake", "fanlight_otel", "fanlight_wandb", "duckdb")
_SPACE: Final = "demo"
"""The Arize space of demo.yaml."""
_INSTALL: Final = """In a clone, `uv run fanlight demo` has it all; elsewhere:

    pip install 'fanlight[demo]'
"""
_NO_NETWORK: Final = {"LANGSMITH_TRACING": "false", "LANGCHAIN_TRACING_V2": "false"}
"""The demo stays on this machine, whatever tracer the environment asks LangChain for."""


def main(argv: Sequence[str]) -> int:
    """Run the demo with *argv*, the arguments behind `fanlight demo`; return the exit code."""
    options = _parser().parse_args(argv)
    if options.show_config:
        sys.stdout.write(_config_text())
        return 0
    missing = [module for module in _NEEDED if find_spec(module) is None]
    if missing:
        return _refuse(f"The demo needs more than the core ({', '.join(missing)}). {_INSTALL}")
    phoenix = Phoenix(options.phoenix) if options.phoenix else None
    if phoenix is not None and not phoenix.answers:
        return _refuse(f"No Phoenix answers at {phoenix.url}.\n\n{HOW_TO_START}")
    try:
        directory = _directory(options.out)
    except OSError as error:
        return _refuse(f"{options.out} cannot be written to: {error.strerror}.\n")
    from fanlight.demo.evidence import Far

    key = secrets.token_hex(16)
    with (
        import_module("fanlight_otel.testing").OtlpReceiver() as tracing,
        import_module("fanlight_arize.testing").ArizeReceiver(space_id=_SPACE, api_key=key) as arize,
        _environment(_settings(directory, tracing, arize, phoenix) | {"FANLIGHT_DEMO_ARIZE_KEY": key}),
    ):
        return _run(directory, Far(tracing=tracing, arize=arize, phoenix=phoenix), options.pace)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fanlight demo",
        description="Run scripted LangChain and LangGraph programs through real rules into real destinations, "
        "and show what arrived there. Needs no key and no network.",
    )
    parser.add_argument(
        "--phoenix",
        nargs="?",
        const="http://localhost:6006",
        type=checked_url,
        metavar="URL",
        help="also send to a running Phoenix server (default: %(const)s)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where the files go (default: a new temporary directory)"
    )
    parser.add_argument("--show-config", action="store_true", help="print the demo's configuration and do nothing else")
    parser.add_argument(
        "--pace", type=float, default=0.25, metavar="SECONDS", help="how long a model call takes (default: %(default)s)"
    )
    return parser


def _refuse(sentence: str) -> int:
    sys.stderr.write(sentence)
    return 1


def _config_text() -> str:
    return resources.files("fanlight.demo").joinpath(_CONFIG).read_text(encoding="utf-8")


def _directory(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="fanlight-demo-"))
    # One directory a run: an older run's lines would be read back too.
    directory = wanted.expanduser().absolute() / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    directory.mkdir(parents=True, mode=0o700)
    return directory


def _settings(directory: Path, tracing: Any, arize: Any, phoenix: Phoenix | None) -> dict[str, str]:
    return {
        "FANLIGHT_DEMO_DIR": str(directory),
        "FANLIGHT_DEMO_OTLP": tracing.http_endpoint,
        "FANLIGHT_DEMO_ARIZE": arize.http_endpoint,
        "FANLIGHT_DEMO_WITH_ARIZE": "false" if phoenix else "true",
        "FANLIGHT_DEMO_WITH_PHOENIX": "true" if phoenix else "false",
        "FANLIGHT_DEMO_PHOENIX": phoenix.url if phoenix else "http://localhost:6006",
        **_NO_NETWORK,
    }


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _run(directory: Path, far: Far, pace: float) -> int:
    from fanlight.demo.evidence import command, read_back
    from fanlight.demo.play import play

    began = datetime.now(UTC) - timedelta(seconds=1)
    config = directory / _CONFIG
    config.write_text(_config_text(), encoding="utf-8")
    played = play(config, pace)
    if played.health.state == "disabled":
        return _refuse(f"Nothing was captured: {played.health.reason}.\n")
    good = _tell(read_back(played, directory, far, began))
    rules = f"{command('fanlight')} demo --show-config"
    sys.stdout.write(f"\nThe files are in {directory}, the rules are shown by: {rules}\n")
    return 0 if good else 1


def _tell(evidence: Evidence) -> bool:
    from fanlight.demo.report import Report
    from fanlight.demo.verdict import judge

    report = Report()
    report.heading("The trees, as the data lake holds them")
    report.trees(evidence.archive)
    report.heading("The router's own ledger")
    report.ledger(evidence.played.health)
    report.heading("Is it what it must be?")
    judge(evidence, report)
    report.heading("What each destination received, read back from it, and where to look")
    report.destinations(evidence.all)
    return report.good
