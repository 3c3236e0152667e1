"""
The threads of the Delta and S3 clients: they belong to the process that first used them, and do not survive a fork.
"""

from __future__ import annotations

import os
from typing import Final

from fanlight import PermanentError

_owner: Final[list[int]] = []


def claim_runtime() -> None:
    """
    Remember that this process uses the clients.

    Raises:
        PermanentError: the process that this one was forked from did so before: here they would hang.
    """
    if not _owner:
        _owner.append(os.getpid())
    elif _owner[0] != os.getpid():
        raise PermanentError(
            "the parent of this process wrote to a lake before it forked, and the lake's clients do not work after "
            "that; set `isolation: process` for this sink, or let the parent trace nothing before it forks"
        )
