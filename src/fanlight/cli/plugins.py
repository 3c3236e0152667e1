"""`fanlight plugins`: what is installed, what it brings, and why something is not loaded."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from fanlight.cli.report import paint, print_table

if TYPE_CHECKING:
    from fanlight.plugins import PluginInfo


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("plugins", help="list the plugins and what they bring")
    parser.add_argument("file", nargs="?", help="a YAML file whose `plugins:` count too")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print every plugin; 1 where one could not be loaded."""
    from fanlight.config.document import read
    from fanlight.plan.build import load_registry

    registry = load_registry(read(options.file) if options.file else None)
    if options.json:
        print(json.dumps([msgspec.to_builtins(info) for info in registry.plugins], indent=2))
    else:
        print_table([_row(info) for info in registry.plugins], sys.stdout)
        for info in registry.failed:
            print(paint(f"{info.name}: {info.reason}", "bad", sys.stdout))
    return 1 if registry.failed else 0


def _row(info: PluginInfo) -> tuple[str, str, str, str]:
    return info.name, info.origin if info.distribution else "a module", info.status, " ".join(info.provides)
