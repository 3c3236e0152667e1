"""
A disk journal, as far as sealed batches need it: append, lease, acknowledge.

A seal is opened before its batch is attempted and closed by the acknowledgement. Meanwhile it stands for a range of
positions, and positions only grow: members may leave it, none can join.
"""

from __future__ import annotations

import secrets
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fanlight import Seal

from .owner import Owner
from .protocol import SOUND, Protocol

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
    sink TEXT NOT NULL, position INTEGER NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (sink, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seal (
    sink TEXT PRIMARY KEY, writer TEXT NOT NULL, sequence INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, crc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ledger (
    sink TEXT NOT NULL, counter TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (sink, counter)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept_name (writer TEXT NOT NULL);
"""
_COUNT: Final = "INSERT INTO ledger VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value"
_MEMBERS: Final = """
SELECT position, event_id, body, crc FROM delivery JOIN event ON event.id = delivery.event
WHERE sink = ? AND position BETWEEN ? AND ? ORDER BY position LIMIT ?
"""
_END: Final = 2**62


class Row(msgspec.Struct, frozen=True):
    """A pending event."""

    position: int
    event_id: str
    body: bytes


class Sealed(msgspec.Struct, frozen=True):
    """A batch that will come again as this set, until it is acknowledged."""

    seal: Seal
    rows: tuple[Row, ...]


class Corrupt(Exception):
    """The file holds something that was not written to it."""


class SealingJournal:
    """
    Keeps events of one or more sinks in one file that nobody else has open.

    Args:
        path: The file.
        protocol: The precautions that it takes.
        on_sync: Called whenever all that was committed so far is on the disk, or is about to be by a checkpoint.
        checkpoint_every: After how many transactions SQLite moves its log into the file.
    """

    def __init__(
        self,
        path: Path,
        protocol: Protocol = SOUND,
        *,
        on_sync: Callable[[], None] = lambda: None,
        checkpoint_every: int = 200,
    ) -> None:
        self.protocol = protocol
        self._on_sync: Final = on_sync
        self._writer = secrets.token_hex(16)
        self._sequences: Final[dict[str, int]] = {}
        self._owner: Final = Owner(path, self._prepare, self._checkpoint, checkpoint_every, on_sync)

    def append(self, sink: str, events: Sequence[tuple[str, bytes]]) -> None:
        """Accept *events*, ids and bodies: when this returns, a killed process has them still."""

        def work(connection: sqlite3.Connection) -> None:
            position = _counter(connection, sink, "accepted")
            for event_id, body in events:
                crc = zlib.crc32(body, zlib.crc32(event_id.encode()))
                event = connection.execute("INSERT INTO event VALUES (NULL, ?, ?, ?)", (event_id, body, crc)).lastrowid
                connection.execute("INSERT INTO delivery VALUES (?, ?, ?)", (sink, position, event))
                position += 1
            connection.execute(_COUNT, (sink, "accepted", len(events)))

        self._owner.run(work)

    def lease(self, sink: str, max_events: int) -> Sealed | None:
        """Return the open seal's batch, or seal the oldest *max_events*; `None` where nothing is pending."""
        return self._owner.run(lambda connection: _open_seal(connection, sink)) or self._owner.run(
            lambda connection: self._seal(connection, sink, max_events), sync=self.protocol.synced
        )

    def acknowledge(self, sink: str, sealed: Sealed) -> None:
        """Count the batch as delivered and forget it, its seal included."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM seal WHERE sink = ?", (sink,))
            keys = [(sink, row.position) for row in sealed.rows]
            events = "DELETE FROM event WHERE id = (SELECT event FROM delivery WHERE sink = ? AND position = ?)"
            connection.executemany(events, keys)  # with several sinks: only where it was the last one's
            connection.executemany("DELETE FROM delivery WHERE sink = ? AND position = ?", keys)
            connection.execute(_COUNT, (sink, "delivered", len(keys)))

        self._owner.run(work)

    def counts(self, sink: str) -> dict[str, int]:
        """Return the counters, and how many rows are pending."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            counted = {counter: _counter(connection, sink, counter) for counter in ("accepted", "delivered")}
            pending = "SELECT count(*) FROM delivery JOIN event ON event.id = delivery.event WHERE sink = ?"
            return counted | {"pending": connection.execute(pending, (sink,)).fetchone()[0]}

        return self._owner.run(work)

    def close(self) -> None:
        """Close the file."""
        self._owner.close()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for setting in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "wal_autocheckpoint = 0",
            "secure_delete = ON",
        ):
            connection.execute(f"PRAGMA {setting}").fetchall()
        connection.executescript(SCHEMA)
        if self.protocol.settled:
            self._checkpoint(connection)
        if not self.protocol.renewed:
            self._writer = _kept_name(connection, self._writer)

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        self._on_sync()  # SQLite syncs the log before it touches the file
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _seal(self, connection: sqlite3.Connection, sink: str, max_events: int) -> Sealed | None:
        rows = _members(connection, sink, 0, _END, max_events)
        if not rows:
            return None
        seal = Seal(writer=f"{self._writer}/{sink}", sequence=self._next_sequence(connection, sink))
        fields = (sink, seal.writer, seal.sequence, rows[0].position, rows[-1].position)
        connection.execute("INSERT INTO seal VALUES (?, ?, ?, ?, ?, ?)", (*fields, _crc(fields)))
        return Sealed(seal, rows)

    def _next_sequence(self, connection: sqlite3.Connection, sink: str) -> int:
        if self.protocol.renewed:  # nobody else has the name: its numbers need not outlive the process
            self._sequences[sink] = self._sequences.get(sink, 0) + 1
            return self._sequences[sink]
        connection.execute(_COUNT, (sink, "sealed", 1))
        return _counter(connection, sink, "sealed")


def _open_seal(connection: sqlite3.Connection, sink: str) -> Sealed | None:
    found = connection.execute("SELECT * FROM seal WHERE sink = ?", (sink,)).fetchone()
    if found is None:
        return None
    *fields, crc = found
    if _crc(fields) != crc:
        raise Corrupt(f"the open seal of {sink}")
    _, writer, sequence, first, last = fields
    return Sealed(Seal(writer=writer, sequence=sequence), _members(connection, sink, first, last, _END))


def _members(connection: sqlite3.Connection, sink: str, first: int, last: int, limit: int) -> tuple[Row, ...]:
    found = connection.execute(_MEMBERS, (sink, first, last, limit)).fetchall()
    for _, event_id, body, crc in found:
        if zlib.crc32(body, zlib.crc32(event_id.encode())) != crc:
            raise Corrupt(f"event {event_id}")
    return tuple(Row(position, event_id, body) for position, event_id, body, _ in found)


def _counter(connection: sqlite3.Connection, sink: str, counter: str) -> int:
    found = connection.execute("SELECT value FROM ledger WHERE sink = ? AND counter = ?", (sink, counter)).fetchone()
    return int(found[0]) if found else 0


def _kept_name(connection: sqlite3.Connection, proposed: str) -> str:
    connection.execute("INSERT INTO kept_name SELECT ? WHERE NOT EXISTS (SELECT * FROM kept_name)", (proposed,))
    return str(connection.execute("SELECT writer FROM kept_name").fetchone()[0])


def _crc(fields: Sequence[Any]) -> int:
    return zlib.crc32(repr(tuple(fields)).encode())
