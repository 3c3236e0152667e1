"""
What a deletion is about, kept beside the table until it is complete.

Once the row that names somebody is gone, nothing tells that the other rows of the trace were theirs. So a deletion that
was cut off is finished by the next one, from these ids.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fanlight_lake.commands.errors import CommandError
from fanlight_lake.commands.subject import Belongings
from fanlight_lake.storage import Storage

_NAME: Final = "_forgetting.json"


def pending(storage: Storage) -> Belongings:
    """
    Return what an earlier deletion has not finished.

    Raises:
        CommandError: it cannot be read.
    """
    try:
        return msgspec.json.decode(storage.get(_NAME), type=Belongings)
    except FileNotFoundError:
        return Belongings()
    except msgspec.MsgspecError:
        raise CommandError(f"{storage.uri}/{_NAME} is not what a deletion left there; move it away") from None


def begin(storage: Storage, theirs: Belongings) -> None:
    """Keep *theirs*."""
    storage.put(_NAME, msgspec.json.encode(theirs, order="sorted"), replace=True)


def complete(storage: Storage) -> None:
    """Let go of it: everything is gone."""
    storage.delete(_NAME)
