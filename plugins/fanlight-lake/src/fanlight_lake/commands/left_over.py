"""What still names somebody after their rows are gone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fanlight_lake.commands.lake import Lake
from fanlight_lake.quarantine import DIRECTORY

_LOG: Final = "_delta_log"
_IN_STATISTICS: Final = 32
"""How many characters of a text Delta's writers put into the log, where they are let."""


def naming_traces(lake: Lake, value: str) -> set[str]:
    """
    Return the traces of rows in which *value* stands as a whole: a column, a tag, or a text within some JSON.

    Reads every row of the lake.
    """
    found: set[str] = set()
    in_json = f'"({"|".join(map(_as_re2, _spellings(value)))})\\\\*"'
    for batch in lake.dataset().scanner().to_batches():
        traces = batch.column("trace_id").to_pylist()
        found.update(traces[index] for column in batch.columns for index in _naming(column, value, in_json))
    return found


def naming_files(lake: Lake, value: str) -> list[str]:
    """Return the files beside the rows in which *value* stands: of the table's log, and of the quarantine."""
    spelled = b"|".join(re.escape(each.encode()) for each in _spellings(value[:_IN_STATISTICS]))
    end = b"" if len(value) > _IN_STATISTICS else b"\\\\*[\"']"
    pattern = re.compile(b"[\"'](" + spelled + b")" + end)
    files = [*lake.stored(_LOG), *lake.stored(DIRECTORY)]
    return [file.name for file in files if any(pattern.search(piece) for piece in _pieces(lake, file.name))]


def _naming(column: pa.Array, value: str, in_json: str) -> Iterator[int]:
    if pa.types.is_string(column.type):
        matches = pc.or_(pc.equal(column, value), pc.match_substring_regex(column, in_json))
        yield from pc.indices_nonzero(pc.fill_null(matches, False)).to_pylist()
    elif pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
        matches = pc.fill_null(pc.equal(pc.list_flatten(column), value), False)
        yield from pc.list_parent_indices(column).filter(matches).to_pylist()


def _pieces(lake: Lake, name: str) -> Iterator[bytes]:
    content = lake.storage.get(name)
    if not name.endswith(".parquet"):
        yield content
        return
    for batch in pq.ParquetFile(pa.BufferReader(content)).iter_batches():  # a checkpoint
        yield json.dumps(batch.to_pylist(), default=str, ensure_ascii=False).encode()


def _spellings(value: str) -> set[str]:
    """Return how JSON may write *value*, without its quotes."""
    return {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}


def _as_re2(text: str) -> str:
    return "".join(char if char.isalnum() else f"\\x{{{ord(char):x}}}" for char in text)
