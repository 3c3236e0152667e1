"""What options are made of, with a sentence where they are wrong."""

from __future__ import annotations

import argparse
import re
from typing import Final

from fanlight.units import ByteSize
from fanlight_lake.commands.errors import UsageError

_UNITS: Final = "B, kB, KB, MB, GB, KiB, MiB or GiB"
_DAYS: Final = re.compile(r"([1-9]\d{0,4})\s*d")


def count(text: str) -> int:
    """Return a number of things."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, found {text!r}")
    return int(text)


def size(text: str) -> int:
    """Return bytes."""
    try:
        return ByteSize.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error} (units: {_UNITS}); found {text!r}") from None


def days(text: str) -> int:
    """Return whole days: the lake is partitioned by them."""
    match = _DAYS.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"expected whole days, such as 90d; found {text!r}")
    return int(match[1])


def add_consent(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that deletes."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")
    parser.add_argument("--yes", action="store_true", help="delete it")


def require_consent(options: argparse.Namespace) -> None:
    """
    Return where it was said that things may be deleted.

    Raises:
        UsageError: it was not.
    """
    if not options.yes:
        raise UsageError("nothing was deleted; say --yes if it shall be")
