"""
What Delta's writer made, for its owner's eyes only.

It makes files with the process's umask, which is not ours to change: other threads make files at the same time. So the
table's directory is made with mode 0700 before anything is in it, and each commit's files are narrowed right after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote

_LOG: Final = "_delta_log"


def protect(root: Path, versions: range) -> None:
    """Give the files of the commits *versions* of the table at *root* mode 0600, and their directories 0700."""
    for path in (root / _LOG / "_last_checkpoint", *(path for each in versions for path in _written(root, each))):
        with suppress(OSError):  # it may not be there, be another user's, or be compacted away already
            _narrow(root, path)


def _written(root: Path, version: int) -> Iterator[Path]:
    commit = root / _LOG / f"{version:020}.json"
    yield from commit.parent.glob(f"{version:020}.*")
    with suppress(OSError):
        for line in commit.read_text().splitlines():
            if "add" in (action := json.loads(line)):
                yield root / unquote(action["add"]["path"])


def _narrow(root: Path, path: Path) -> None:
    path.chmod(0o600)
    for directory in path.parents:
        if directory == root:  # whoever made that chose its mode
            break
        directory.chmod(0o700)
