"""`fanlight check`: is this configuration right, and what is odd about it?"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from fanlight.cli.report import counted, paint, print_problems, print_table

if TYPE_CHECKING:
    from fanlight.plan import PlannedSink


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("check", help="check a configuration, all problems at once")
    parser.add_argument("file", help="the YAML file")
    parser.add_argument("--environment", metavar="NAME", help="check it for this environment")
    parser.add_argument("--no-secrets", action="store_true", help="leave placeholders unresolved, as CI must")
    parser.add_argument("--deny-warnings", action="store_true", help="warnings are problems too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what the file amounts to and what is odd; 1 where it is wrong, or odd under `--deny-warnings`."""
    from fanlight.plan import load_plan

    plan = load_plan(options.file, environment=options.environment, secrets=not options.no_secrets)
    out = sys.stdout
    if plan.warnings:
        print(paint(f"{options.file} has {counted(len(plan.warnings), 'warning')}", "odd", out))
        print_problems(plan.warnings, out)
    where = f"in {plan.environment}" if plan.environment else "in any environment"
    routes = counted(len(plan.table.routes), "route")
    print(paint(f"{options.file} is right: {routes}, {counted(len(plan.sinks), 'sink')} {where}", "good", out))
    used = {sink.name for sink in plan.sinks}
    idle = [
        (name, str(raw["type"]), "not used here", "") for name, raw in plan.config.sinks.items() if name not in used
    ]
    print_table([*map(_row, plan.sinks), *idle], out)
    return 1 if plan.warnings and options.deny_warnings else 0


def _row(sink: PlannedSink) -> tuple[str, str, str, str]:
    labels = " ".join(f"{key}={value}" for key, value in sink.labels.items())
    return sink.name, sink.sink_type.name, "content: metadata" if sink.content == "metadata" else "", labels
