"""
The sink: rows, one write a batch, and what to say where that fails.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from fanlight import Batch, PartialFailure, PermanentError, RetryableError, Sink, SinkContext
from fanlight_lake.config import LakeConfig
from fanlight_lake.said import said
from fanlight_lake.storage import Storage, storage_of

if TYPE_CHECKING:
    import pyarrow as pa

    from fanlight_lake.encode import Encoded


class Writer(Protocol):
    """Writes rows in one format."""

    def open(self) -> None:
        """Make what is missing."""

    def write(self, rows: pa.Table, batch: Batch) -> None:
        """Write *rows*, which are what became of *batch*; all or nothing."""


class LakeSink(Sink[LakeConfig]):
    """
    Writes each batch as rows of a table, all or nothing.

    An event that does not fit the columns goes to the quarantine beside the table, and is a dead letter for
    `wrong_type`; the others of its batch are written.
    """

    def open(self, context: SinkContext) -> None:
        """Import Arrow and the format's library, probe the place, and open the table or make it."""
        super().open(context)
        self._storage = storage_of(self.config)
        self._writer = _writer(self.config, self._storage, context)
        with self._errors_of_storage():
            self._storage.open()
            self._writer.open()

    def deliver(self, batch: Batch) -> None:
        """Write *batch*: a Delta commit, or a Parquet file for each date and environment."""
        # ruff: noqa: PLC0415 - listing plugins must not pay for Arrow
        from fanlight_lake.encode import encode

        encoded = encode(batch.events)
        if time.monotonic() >= batch.deadline:
            raise RetryableError("no time was left to write the batch")
        with self._errors_of_storage():
            if encoded.misfits:
                self._quarantine(batch, encoded)
            if encoded.table.num_rows:
                self._writer.write(encoded.table, batch)
        if encoded.misfits:
            raise _partial(batch, encoded)

    def _quarantine(self, batch: Batch, encoded: Encoded) -> None:
        from fanlight_lake.parquet import batch_name
        from fanlight_lake.quarantine import keep

        events = batch.events
        misfits = ((events[index], misfit) for index, misfit in encoded.misfits.items())
        keep(self._storage, batch_name(batch, self.context.instance_id), misfits)

    @contextmanager
    def _errors_of_storage(self) -> Iterator[None]:
        """Ask the storage what is wrong where a library fails: their exceptions say it in prose only."""
        try:
            yield
        except (RetryableError, PermanentError):
            raise
        except Exception as error:
            self._storage.diagnose()
            raise RetryableError(f"{self._storage.uri}: {said(error)}") from error


def _writer(config: LakeConfig, storage: Storage, context: SinkContext) -> Writer:
    from fanlight_lake.runtime import claim_runtime

    if config.format == "delta" or config.bucket is not None:
        claim_runtime()
    if config.format == "delta":
        from fanlight_lake.delta import DeltaWriter

        return DeltaWriter(storage)
    from fanlight_lake.parquet import ParquetWriter

    return ParquetWriter(storage, context.instance_id)


def _partial(batch: Batch, encoded: Encoded) -> PartialFailure:
    events = batch.events
    errors = {
        events[index].event_id: PermanentError(str(misfit), reason="wrong_type")
        for index, misfit in encoded.misfits.items()
    }
    example = next(iter(encoded.misfits.values()))
    return PartialFailure(errors, message=f"{len(errors)} quarantined; for example, {example}")
