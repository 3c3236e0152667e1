"""The rows of an answer as text: a table to look at, CSV, JSON or Markdown for what comes next."""

from __future__ import annotations

import base64
import csv
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TextIO

import pyarrow as pa

FORMATS: Final = ("table", "csv", "json", "markdown")
_WIDEST: Final = 80
_NARROWEST: Final = 20

Row = tuple[Any, ...]


def rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
    """Yield the rows of *batches* as values that have a spelling in JSON."""
    for batch in batches:
        columns = [_to_microseconds(column).to_pylist() for column in batch.columns]
        yield from (tuple(map(plain, row)) for row in zip(*columns, strict=True))


def plain(value: Any) -> Any:
    """Return *value* as text, number, list or dict; what is no number is `None`."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def width_of(stream: TextIO) -> int | None:
    """Return the columns of the terminal that *stream* goes to, or as many as `COLUMNS` says; `None` for a file."""
    if not stream.isatty() and not os.environ.get("COLUMNS"):
        return None
    return shutil.get_terminal_size().columns


def write(names: Sequence[str], rows: Iterable[Row], form: str, stream: TextIO, *, width: int | None = None) -> None:
    """Write *rows* in one of the `FORMATS`; a table wider than *width* with a line for each value."""
    if form == "table":
        _table(names, [[_shown(value) for value in row] for row in rows], stream, width)
    else:
        {"csv": _csv, "json": _json, "markdown": _markdown}[form](names, rows, stream)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO, width: int | None) -> None:
    lines = [[_one_line(name) for name in names], *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if rows and width is not None and sum(widths) + 2 * len(widths) - 2 > width:
        _upright(lines[0], rows, stream, width)
    else:
        _flat(lines, widths, stream)


def _upright(names: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO, width: int) -> None:
    longest = max(map(len, names))
    left = max(width - longest - 2, _NARROWEST)
    for number, row in enumerate(rows, 1):
        print(f"── {number} ".ljust(min(width, longest + 2 + _WIDEST), "─"), file=stream)
        for name, cell in zip(names, row, strict=True):
            print(f"{name.ljust(longest)}  {_one_line(cell, widest=left)}".rstrip(), file=stream)


def _flat(lines: list[list[str]], widths: Sequence[int], stream: TextIO) -> None:
    lines.insert(1, ["─" * width for width in widths])
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), file=stream)


def _csv(names: Sequence[str], rows: Iterable[Row], stream: TextIO) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(value) for value in row] for row in rows)


def _json(names: Sequence[str], rows: Iterable[Row], stream: TextIO) -> None:
    before = "["
    for row in rows:
        stream.write(f"{before}\n  {json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)}")
        before = ","
    stream.write("\n]\n" if before == "," else "[]\n")


def _markdown(names: Sequence[str], rows: Iterable[Row], stream: TextIO) -> None:
    for line in (names, ["---"] * len(names), *rows):
        cells = (_one_line(_shown(value), widest=None).replace("|", "\\|") for value in line)
        print("| " + " | ".join(cells) + " |", file=stream)


def _shown(value: Any) -> str:
    return "NULL" if value is None else _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _one_line(text: str, *, widest: int | None = _WIDEST) -> str:
    # A prompt may hold line ends, and sequences that a terminal would obey.
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return shown if widest is None or len(shown) <= widest else shown[: widest - 1] + "…"


def _to_microseconds(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":  # Python's datetime knows no nanoseconds
        return column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return column
