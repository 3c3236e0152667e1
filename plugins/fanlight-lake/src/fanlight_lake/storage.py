"""
Where a lake is: a local directory or a bucket, as the few operations on whole files that a lake needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from fanlight_lake.config import LakeConfig
from fanlight_lake.local import LocalStorage
from fanlight_lake.s3 import S3Storage


class Storage(Protocol):
    """A place for files, each written whole or not at all. Names are relative to the lake, with `/` between parts."""

    @property
    def uri(self) -> str:
        """The place, as `deltalake` wants it."""

    @property
    def options(self) -> dict[str, str]:
        """What `deltalake` needs to get there, secrets included."""

    def open(self) -> None:
        """
        Make what is missing, and find out whether the place can be written to.

        Raises:
            RetryableError: not now; with an open breaker where somebody must act first.
            PermanentError: never, as configured.
        """

    @property
    def is_conditional(self) -> bool:
        """Whether two writers can not both make the same file; known once it is open. Delta stands on it."""

    def put(self, name: str, data: bytes, *, replace: bool = False) -> bool:
        """Write a file; `False` where there is one already and it is not to be replaced."""

    def get(self, name: str) -> bytes:
        """Return what a file holds."""

    def names(self, suffix: str, under: str = "") -> Iterator[str]:
        """Return the names of the files below the directory *under* that end in *suffix*, sorted."""

    def entries(self, under: str = "") -> Iterator[tuple[str, int, datetime]]:
        """Yield the name, the size and the time of the last change of each file below the directory *under*."""

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is well."""

    def diagnose(self) -> None:
        """Return where the place can be written to right now; raises as `open` does."""


def storage_of(config: LakeConfig) -> Storage:
    """Return the place that *config* names. Nothing is made, asked or opened yet."""
    return LocalStorage(config.path) if config.bucket is None else S3Storage(config)
