"""
The writer of Delta tables: a batch is one commit.
"""

from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable

from fanlight import Batch, PermanentError, RetryableError
from fanlight_lake.local import LocalStorage
from fanlight_lake.permissions import protect, synchronise
from fanlight_lake.storage import Storage
from fanlight_lake.table import SchemaConflict, append, open_or_create_table


class DeltaWriter:
    """Appends each batch whole. After any failure the table is opened anew: it may have changed meanwhile."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._table: DeltaTable | None = None

    def open(self) -> None:
        """
        Open the table, or make it.

        Raises:
            PermanentError: it cannot take events, or two writers would lose each other's commits here.
        """
        if not self._storage.is_conditional:
            raise PermanentError(
                f"the store of {self._storage.uri} ignores `If-None-Match`: with two writers, Delta loses commits "
                "there; set `format: parquet`, or use a store with conditional put"
            )
        try:
            self._opened()
        except SchemaConflict as error:
            raise PermanentError(str(error)) from error

    def write(self, rows: pa.Table, batch: Batch) -> None:
        """Append *rows* as one commit; once, where the batch has a seal."""
        try:
            table = self._opened()
            before = table.version()
            append(table, rows, batch.seal)
        except SchemaConflict as error:
            self._table = None
            raise RetryableError(str(error), open_breaker=True) from error
        except BaseException:
            self._table = None
            raise
        if isinstance(self._storage, LocalStorage):
            written = range(before + 1, table.version() + 1)
            protect(self._storage.root, written)
            synchronise(self._storage.root, written)

    def _opened(self) -> DeltaTable:
        if self._table is None:
            self._table = open_or_create_table(self._storage)
            if isinstance(self._storage, LocalStorage):
                latest = range(self._table.version() + 1)[-1:]  # which may have made the table
                protect(self._storage.root, latest)
                synchronise(self._storage.root, latest)
        return self._table
