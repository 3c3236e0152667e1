"""`fanlight <command>`: finds the command and turns what it may fail with into an exit code."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from fanlight._version import __version__
from fanlight.cli import check, explain, plugins, schema, test
from fanlight.cli.report import report
from fanlight.errors import ConfigError
from fanlight.hookspecs import Command

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
    if given and given[0] in _OWN:
        return _run(_parser(), given)
    from fanlight.cli.brought import Brought  # the plugins: fanlight's own commands load those that they need

    brought = Brought.load()
    if given and not given[0].startswith("-"):
        command = brought.command(given[0])
        if command is not None:
            return command.main(given[1:])
        if needed := brought.needs(given[0]):
            print(needed, file=sys.stderr)
            return 2
        for reason in brought.reasons():
            print(reason, file=sys.stderr)
    return _run(_parser(brought.commands), given)


def _run(parser: argparse.ArgumentParser, given: list[str]) -> int:
    options = parser.parse_args(given)
    if options.run is None:
        parser.print_help()
        return 2
    run: Run = options.run
    return run(options)


def _parser(brought: Iterable[Command] = ()) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fanlight", description="One LangChain callback handler, many telemetry destinations."
    )
    parser.add_argument("--version", action="version", version=f"fanlight {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.add_parser("demo", help="run an agent and a RAG chain through rules into several sinks")
    for command in _COMMANDS:
        command.add_to(commands)
    for command_brought in brought:
        summary = command_brought.summary.replace("%", "%%")  # argparse formats it
        commands.add_parser(command_brought.name, help=summary)
    return parser


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
