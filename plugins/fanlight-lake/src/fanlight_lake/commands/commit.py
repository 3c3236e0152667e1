"""Changes of a Delta table beside its writers: whoever comes second looks again and tries again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from fanlight_lake.commands.errors import CommandError
from fanlight_lake.commands.lake import Lake

T = TypeVar("T")
P = ParamSpec("P")

_ATTEMPTS: Final = 12
_LONGEST_WAIT: Final = 5.0


def committed(lake: Lake, change: Callable[Concatenate[DeltaTable, P], T], *arguments: P.args, **named: P.kwargs) -> T:
    """
    Return what *change* returns for the newest version of the table, and the arguments.

    Raises:
        CommandError: writers were faster every time; what was done before stands.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return change(lake.table(), *arguments, **named)
        except CommitFailedError:
            time.sleep(random.uniform(0.5, 1.0) * min(_LONGEST_WAIT, 0.05 * 2**attempt))  # noqa: S311 - no secret
    raise CommandError(f"the table changed during each of {_ATTEMPTS} attempts; try again when less is written")
