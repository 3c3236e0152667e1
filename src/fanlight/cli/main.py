"""`fanlight <command>`: finds the command and turns what it may fail with into an exit code."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from fanlight._version import __version__
from fanlight.cli import check, explain, plugins, schema, test
from fanlight.cli.report import report
from fanlight.errors import ConfigError
from fanlight.hookspecs import Command
from fanlight.plugins import PluginRegistry

Run: TypeAlias = Callable[[argparse.Namespace], int]

_COMMANDS: Final = (check, explain, test, schema, plugins)
_OWN: Final = frozenset({"demo", *(command.__name__.rpartition(".")[2] for command in _COMMANDS)})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _print_anything()
    _import_from_here()
    try:
        if given[:1] == ["demo"]:  # parses its own options
            from fanlight.demo import run

            return run(given[1:])
        return _dispatch(given)
    except ConfigError as error:
        report(error.problems, error.file, sys.stderr)
        return 1
    except BrokenPipeError:  # `fanlight ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _dispatch(given: list[str]) -> int:
    command = _plugin_command(given[0]) if given and given[0] not in _OWN and not given[0].startswith("-") else None
    if command is not None:
        return command.main(given[1:])
    parser = _parser()
    options = parser.parse_args(given)
    if options.run is None:
        parser.print_help()
        return 2
    run: Run = options.run
    return run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fanlight", description="One LangChain callback handler, many telemetry destinations."
    )
    parser.add_argument("--version", action="version", version=f"fanlight {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.add_parser("demo", help="run an agent and a RAG chain through rules into several sinks")
    for command in _COMMANDS:
        command.add_to(commands)
    for brought in PluginRegistry.load().commands:
        commands.add_parser(brought.name, help=brought.summary.replace("%", "%%"))  # argparse formats it
    return parser


def _plugin_command(name: str) -> Command | None:
    """Return the command that a plugin brings; it parses its own options."""
    return next((command for command in PluginRegistry.load().commands if command.name == name), None)


def _import_from_here() -> None:
    # `plugins.modules` names modules of the application, which is usually started from here.
    here = os.getcwd()  # noqa: PTH109 - sys.path holds strings
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)


def _print_anything() -> None:
    # Names of routes may be in any script, and a terminal or pipe may know only some.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
