"""`fanlight test`: does this configuration do what its own tests say?"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fanlight.cli.report import counted, paint, print_table


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("test", help="run the tests that a configuration brings along")
    parser.add_argument("file", help="the YAML file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print how each test came out; 1 where one failed or there is none."""
    from fanlight.plan import load_plan, run_tests

    scenarios = run_tests(load_plan(options.file, secrets=False))
    out = sys.stdout
    if not scenarios:
        print(f"{options.file} has no tests; add some under `tests:`")
        return 1
    for scenario in scenarios:
        word, colour = ("failed", "bad") if scenario.failures else ("passed", "good")
        print(f"{paint(word, colour, out)}  {scenario.name}")
        print_table([("      " + failure,) for failure in scenario.failures], out)
    failed = sum(bool(scenario.failures) for scenario in scenarios)
    print(
        f"{counted(len(scenarios), 'test')}, {failed} failed" if failed else f"{counted(len(scenarios), 'test')} passed"
    )
    return 1 if failed else 0
