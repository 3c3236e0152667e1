"""`fanlight lake <command>`: finds the command and turns what it may fail with into an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from deltalake.exceptions import DeltaError
from obstore.exceptions import BaseError
from pyarrow import ArrowException

from fanlight_lake.commands import compact, forget, query, retention
from fanlight_lake.commands.errors import CommandError, UsageError
from fanlight_lake.said import said

Run: TypeAlias = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns 0 where all is well, 1 where the answer is no, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 2
    run: Run = options.run
    try:
        with _for_the_owner_alone():
            return run(options)
    except UsageError as error:
        return _say(options, str(error), 2)
    except CommandError as error:
        return _say(options, str(error), 1)
    except BrokenPipeError:  # nobody reads what is printed any more
        raise
    except (DeltaError, BaseError, ArrowException, OSError) as error:
        return _say(options, said(error), 1)


@contextmanager
def _for_the_owner_alone() -> Iterator[None]:
    # Delta's writer makes files with the process's mask.
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _say(options: argparse.Namespace, message: str, code: int) -> int:
    print(f"fanlight lake {options.command}: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fanlight lake", description="Query a lake, and look after it.")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for command in (query, compact, retention, forget):
        _add_place(command.add_to(commands))
    return parser


def _add_place(parser: argparse.ArgumentParser) -> None:
    place = parser.add_argument_group("the lake", "Without either: the file that FANLIGHT_CONFIG names.")
    either = place.add_mutually_exclusive_group()
    either.add_argument(
        "--path", metavar="PLACE", help="its directory, or s3://bucket/prefix with keys in AWS_… variables"
    )
    either.add_argument("--config", metavar="FILE", help="the YAML file that describes it, keys included")
    place.add_argument("--sink", metavar="NAME", help="which sink of that file, where several are of type lake")
