"""Files that lie where a lake's lie and are somebody else's: no command touches them, and those that write say so."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from fanlight_lake.commands.lake import Lake
from fanlight_lake.commands.stored import DataFile
from fanlight_lake.commands.words import counted

_FOOTERS_AT_ONCE: Final = 8


def without_foreign(lake: Lake, command: str, files: Sequence[DataFile]) -> list[DataFile]:
    """
    Return those of *files* that a lake wrote, with their numbers of rows; of the others it is said that they stay.

    The files of a Delta table are in its log, so they are its own.
    """
    if lake.is_delta:
        return list(files)
    with ThreadPoolExecutor(_FOOTERS_AT_ONCE, "fanlight-lake-footer") as threads:
        found = list(zip(files, threads.map(lake.footer_of_events, files), strict=True))
    if foreign := [file.name for file, footer in found if footer is None]:
        print(
            f"fanlight lake {command}: {counted(len(foreign), 'file')} left alone, not fanlight's or not readable, "
            f"such as {foreign[0]}",
            file=sys.stderr,
        )
    return [msgspec.structs.replace(file, rows=footer.num_rows) for file, footer in found if footer is not None]
