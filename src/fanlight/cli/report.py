"""Problems and tables, aligned for reading. Colours only where somebody looks: on a terminal, without `NO_COLOR`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from fanlight.errors import Problem, closing

_COLOURS: Final = {"bad": "31", "good": "32", "odd": "33", "dim": "2", "bold": "1"}
_WIDEST: Final = 44


def paint(text: str, colour: str, stream: TextIO) -> str:
    """Return *text* in a colour, where *stream* is a terminal."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def counted(number: int, noun: str) -> str:
    """Return `1 problem`, `2 problems`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def report(problems: Sequence[Problem], file: str | None, stream: TextIO) -> None:
    """Print *problems* and that nothing was started."""
    head = f"{file or 'the configuration'} has {counted(len(problems), 'problem')}"
    print(paint(head, "bad", stream), file=stream)
    print_problems(problems, stream)
    print(closing(problems), file=stream)


def print_problems(problems: Iterable[Problem], stream: TextIO) -> None:
    """Print *problems*, one a line: where, what, and what to do."""
    rows = [(_line(problem), _path(problem), _sentence(problem)) for problem in problems]
    print_table(rows, stream)


def print_table(rows: Sequence[Sequence[str]], stream: TextIO) -> None:
    """Print *rows* in columns, indented by two; a cell that is too wide for its column pushes what follows."""
    if not rows:
        return
    columns = range(len(rows[0]) - 1)
    widths = [max((len(row[i]) for row in rows if len(row[i]) <= _WIDEST), default=_WIDEST) for i in columns]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False) if width]
        print("  " + "  ".join([*cells, row[-1]]).rstrip(), file=stream)


def _line(problem: Problem) -> str:
    return f"line {problem.line}" if problem.line is not None else ""


def _path(problem: Problem) -> str:
    return f"{problem.path} = {problem.found}" if problem.found else problem.path


def _sentence(problem: Problem) -> str:
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message
