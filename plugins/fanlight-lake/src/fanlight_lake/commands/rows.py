"""
The rows of a lake's files, as Arrow's dataset: what a reader selects and filters by reaches the files.

Two things differ from Arrow's own. Less is read ahead, because prompts make large rows. And files that Delta's
`DELETE` has written declare their texts as views, which Arrow 26 cannot compare with a text: those are read without a
filter, and filtered here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as ds

FILE: Final = pa.field("__filename", pa.string())
"""Arrow's own column: the name of the file that a row is in."""
_AHEAD: Final = {"batch_size": 16_384, "batch_readahead": 4, "fragment_readahead": 2}
_FOOTERS_AT_ONCE: Final = 8


class Rows(ds.FileSystemDataset):  # type: ignore[misc]  # Arrow has no types
    """A dataset whose every scan is bounded in memory, and answers whatever wrote the files."""

    @classmethod
    def of(cls, dataset: ds.FileSystemDataset) -> Rows:
        """Return the rows of *dataset*."""
        return cls(list(dataset.get_fragments()), dataset.schema, dataset.format, dataset.filesystem)

    # ruff: noqa: A002 - Arrow's word
    def scanner(self, columns: list[str] | None = None, filter: Any = None, **how: Any) -> ds.Scanner:
        """Return a scanner of *columns* of the rows for which *filter* holds."""
        how = {**how, **_AHEAD}
        if filter is None:
            return super().scanner(columns=columns, **how)
        fragments = list(self.get_fragments(filter))  # of the partitions that can match
        odd = _with_views(fragments)
        if not odd:
            return super().scanner(columns=columns, filter=filter, **how)
        plain = ds.FileSystemDataset(
            [each for each in fragments if each not in odd], self.schema, self.format, self.filesystem
        )
        names = self.schema.names if columns is None else columns
        batches = chain(
            plain.scanner(columns=columns, filter=filter, **how).to_batches(),
            self._filtered(odd, names, filter, how),
        )
        schema = pa.schema([FILE if name == FILE.name else self.schema.field(name) for name in names])
        return ds.Scanner.from_batches(batches, schema=schema)

    def _filtered(
        self, fragments: Sequence[ds.Fragment], names: Sequence[str], condition: ds.Expression, how: dict[str, Any]
    ) -> Iterator[pa.RecordBatch]:
        needed = [name for name in (*self.schema.names, FILE.name) if name in names or _mentions(condition, name)]
        whole = ds.FileSystemDataset(list(fragments), self.schema, self.format, self.filesystem)
        for batch in whole.scanner(columns=needed, **how).to_batches():
            yield batch.filter(condition).select(names)


def _with_views(fragments: Sequence[ds.Fragment]) -> list[ds.Fragment]:
    with ThreadPoolExecutor(_FOOTERS_AT_ONCE, "fanlight-lake-footer") as threads:
        found = list(threads.map(_has_views, fragments))
    return [fragment for fragment, is_odd in zip(fragments, found, strict=True) if is_odd]


def _has_views(fragment: ds.Fragment) -> bool:
    return any(pa.types.is_string_view(field.type) for field in fragment.physical_schema)


def _mentions(condition: ds.Expression, name: str) -> bool:
    # A name may also stand in a text that is compared with: then one column more is read.
    return re.search(rf"\b{re.escape(name)}\b", str(condition)) is not None
