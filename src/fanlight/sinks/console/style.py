"""How things look: glyphs, colours, and text that fits a terminal's width."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

Style: TypeAlias = str
"""The parameters of an SGR sequence, `1;31`; nothing for plain text."""

DIM: Final = "2"
BOLD: Final = "1"
RED: Final = "31"
GREEN: Final = "32"
YELLOW: Final = "33"

KIND_STYLES: Final[dict[str, Style]] = {"llm": "35", "tool": "36", "retriever": "34", "embedding": "34"}


class Span(NamedTuple):
    """A piece of a line that looks one way."""

    text: str
    style: Style = ""


class Glyphs(NamedTuple):
    """The characters that are not letters."""

    branch: str
    last: str
    bar: str
    blank: str
    ellipsis: str
    status: dict[str, str]


UNICODE: Final = Glyphs(
    branch="├─ ",
    last="└─ ",
    bar="│  ",
    blank="   ",
    ellipsis="…",
    status={
        "ok": "✓",
        "error": "✗",
        "interrupted": "‖",
        "handoff": "→",
        "cancelled": "■",
        "refused": "⊘",
        "abandoned": "?",
        "": "…",
    },
)
ASCII: Final = Glyphs(
    branch="|- ",
    last="`- ",
    bar="|  ",
    blank="   ",
    ellipsis="~",
    status={
        "ok": "+",
        "error": "x",
        "interrupted": "=",
        "handoff": ">",
        "cancelled": "#",
        "refused": "!",
        "abandoned": "?",
        "": ".",
    },
)
_STATUS_STYLES: Final[dict[str, Style]] = {"ok": GREEN, "error": RED, "": DIM}


def glyphs_for(encoding: str | None) -> Glyphs:
    """Return the finest glyphs that *encoding* has."""
    wanted = "".join((UNICODE.branch, UNICODE.last, UNICODE.bar, UNICODE.ellipsis, *UNICODE.status.values()))
    try:
        wanted.encode(encoding or "ascii")
    except (UnicodeError, LookupError):
        return ASCII
    return UNICODE


def status_style(status: str) -> Style:
    """Return how a status looks: only an error is red."""
    return _STATUS_STYLES.get(status, YELLOW)


def columns(text: str) -> int:
    """Return how many columns *text* takes: East Asian wide letters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def fit(text: str, width: int, ellipsis: str) -> str:
    """Return *text* cut to *width* columns, marked by *ellipsis* where something is missing."""
    if columns(text) <= width:
        return text
    kept, used = "", columns(ellipsis)
    for letter in text:
        used += _columns(letter)
        if used > width:
            break
        kept += letter
    return kept.rstrip() + ellipsis if width > 0 else ""


def paint(spans: Iterable[Span], *, width: int, ellipsis: str, colour: bool) -> str:
    """Return one line of *spans*, cut to *width*, without trailing blanks."""
    left, painted = width, []
    for span in spans:
        text = fit(span.text, left, ellipsis)
        left -= columns(text)
        painted.append(f"\x1b[{span.style}m{text}\x1b[0m" if colour and span.style and text.strip() else text)
        if text != span.text:
            break
    return "".join(painted).rstrip()
