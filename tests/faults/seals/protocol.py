"""
Which precautions a sealing journal takes; the experiment runs with and without each of them.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Protocol(msgspec.Struct, frozen=True, kw_only=True):
    """How the journal keeps a sequence number from ever standing for two sets of events."""

    renewed: bool
    """Each opening of the file seals under a name drawn at random; otherwise under one name that the file keeps."""
    synced: bool
    """A seal is on the disk, not only with the operating system, before its batch is attempted."""
    settled: bool
    """What an opening finds is on the disk before any of it is attempted."""


NAIVE: Final = Protocol(renewed=False, synced=False, settled=False)
ONLY_RENEWED: Final = Protocol(renewed=True, synced=False, settled=False)
ONLY_SYNCED: Final = Protocol(renewed=False, synced=True, settled=True)
UNSETTLED: Final = Protocol(renewed=True, synced=True, settled=False)
SOUND: Final = Protocol(renewed=True, synced=True, settled=True)
