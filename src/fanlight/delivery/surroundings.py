"""
What the process of a sink has in common with the application's: where modules are found.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import msgspec

from fanlight.switches import DISABLED

_PATH: Final = "PYTHONPATH"


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the application is, and where it finds its modules. Paths are bytes: a file system has any."""

    parent: int
    """The application's process id."""
    path: list[bytes]
    """Its `sys.path`: what it can import can be imported."""
    python_path: bytes | None
    """Its PYTHONPATH."""

    @classmethod
    def here(cls) -> Surroundings:
        """Return those of this process."""
        found = os.environ.get(_PATH)
        entries: list[object] = [*sys.path]  # whatever was put there; imports pass over what is no text
        return cls(
            parent=os.getpid(),
            path=[os.fsencode(entry) for entry in entries if isinstance(entry, str)],
            python_path=None if found is None else os.fsencode(found),
        )

    def environment(self) -> dict[str, str]:
        """Return the environment for a process that is to find all modules, and to capture nothing itself."""
        path = os.pathsep.join(os.fsdecode(entry) for entry in self.path)
        return os.environ | {_PATH: path, DISABLED: "1"}

    def take_over(self) -> None:
        """Have the same modules in this process; what it starts itself finds PYTHONPATH as the application left it."""
        sys.path[:] = [os.fsdecode(entry) for entry in self.path]
        os.environ.pop(_PATH, None)
        if self.python_path is not None:
            os.environ[_PATH] = os.fsdecode(self.python_path)
