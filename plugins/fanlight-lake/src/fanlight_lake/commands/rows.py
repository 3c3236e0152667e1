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
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as ds

from fanlight_lake.schema import holds_events

_FILE: Final = "__filename"
"""Arrow's own column: the name of the file that a row is in."""
_AHEAD: Final = {"batch_size": 16_384, "batch_readahead": 4, "fragment_readahead": 2}
_FOOTERS_AT_ONCE: Final = 8


class Rows(ds.FileSystemDataset):  # type: ignore[misc]  # Arrow has no types
    """A dataset whose every scan is bounded in memory, and answers whatever wrote the files."""

    _of_events_alone = False

    @classmethod
    def of(cls, dataset: ds.FileSystemDataset, *, of_events_alone: bool = False) -> Rows:
        """Return the rows of *dataset*; where *of_events_alone*, without those of files that no lake wrote."""
        rows = cls(list(dataset.get_fragments()), dataset.schema, dataset.format, dataset.filesystem)
        rows._of_events_alone = of_events_alone
        return rows

    # ruff: noqa: A002 - Arrow's word
    def scanner(self, columns: list[str] | None = None, filter: Any = None, **how: Any) -> ds.Scanner:
        """Return a scanner of *columns* of the rows for which *filter* holds."""
        if filter is None and not self._of_events_alone:
            return super().scanner(columns=columns, **{**how, **_AHEAD})
        plain, odd = self._chosen(filter)
        if filter is None or not odd:
            return self._part([*plain, *odd]).scanner(columns=columns, filter=filter, **{**how, **_AHEAD})
        names = self.schema.names if columns is None else columns
        schema = pa.schema([self.schema.field(name) for name in names])
        return ds.Scanner.from_batches(self._batches(plain, odd, names, filter), schema=schema)

    def names_of_files(self, filter: Any) -> Iterator[str]:
        """Yield for each row for which *filter* holds the name of its file."""
        for batch in self._batches(*self._chosen(filter), [_FILE], filter):
            yield from batch.column(_FILE).to_pylist()

    def _chosen(self, condition: ds.Expression | None) -> tuple[list[ds.Fragment], list[ds.Fragment]]:
        """Return the files that may hold such rows: those that can be filtered, and those that cannot."""
        fragments = list(self.get_fragments(condition))
        with ThreadPoolExecutor(_FOOTERS_AT_ONCE, "fanlight-lake-footer") as threads:
            schemas = list(threads.map(lambda fragment: fragment.physical_schema, fragments))
        found = list(zip(fragments, schemas, strict=True))
        if self._of_events_alone:
            found = [(fragment, schema) for fragment, schema in found if holds_events(schema.names)]
        plain = [fragment for fragment, schema in found if not _has_views(schema)]
        return plain, [fragment for fragment, schema in found if _has_views(schema)]

    def _batches(
        self, plain: Sequence[ds.Fragment], odd: Sequence[ds.Fragment], names: Sequence[str], condition: ds.Expression
    ) -> Iterator[pa.RecordBatch]:
        yield from self._part(plain).scanner(columns=list(names), filter=condition, **_AHEAD).to_batches()
        needed = [name for name in (*self.schema.names, _FILE) if name in names or _mentions(condition, name)]
        for batch in self._part(odd).scanner(columns=needed, **_AHEAD).to_batches():
            yield batch.filter(condition).select(names)

    def _part(self, fragments: Sequence[ds.Fragment]) -> ds.FileSystemDataset:
        return ds.FileSystemDataset(list(fragments), self.schema, self.format, self.filesystem)


def _has_views(schema: pa.Schema) -> bool:
    return any(pa.types.is_string_view(field.type) for field in schema)


def _mentions(condition: ds.Expression, name: str) -> bool:
    # A name may also stand in a text that is compared with: then one column more is read.
    return re.search(rf"\b{re.escape(name)}\b", str(condition)) is not None
