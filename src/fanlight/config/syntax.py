"""What is wrong with text that is no YAML, in a sentence that says what to do."""

from __future__ import annotations

import re
from typing import Final

import yaml

from fanlight.errors import Problem

_SENTENCES: Final[tuple[tuple[str, str, str], ...]] = (
    (r"character '\\t'", "a tab stands where YAML wants spaces", "indent with spaces"),
    (r"cannot start any token", "a value cannot begin with this character", "put it in quotes"),
    (r"mapping values are not allowed", "a second `: ` in one value", "put text that contains `: ` in quotes"),
    (r"scanning a quoted scalar", "a quote is opened here and never closed", "close it"),
    (r"undefined alias|scanning an alias", "`*` begins an alias of YAML", 'put a glob in quotes: "*-eu"'),
    (r"scanning an anchor", "`&` begins an anchor of YAML", "put text that begins with `&` in quotes"),
    (r"scanning a simple key|could not find expected ':'", "a key without its `:`", "write `key: value`"),
    (r"flow mapping", "the `{` that is opened here is not closed in time", "is a `,` or the `}` missing?"),
    (r"flow sequence", "the `[` that is opened here is not closed in time", "is a `,` or the `]` missing?"),
    (r"block (?:mapping|collection|sequence)", "the line is indented unlike those it belongs with", "align the keys"),
    (r"single document", "a second document begins with `---`", "one file holds one configuration"),
    (r"duplicate anchor", "this anchor is defined twice", "give it another name"),
    (r"aliases repeat", "the document is too large when its aliases are written out", "write it plainly"),
    (r"nested deeper", "this is nested too deeply", "no key is more than a dozen levels deep"),
)
_OPENED: Final = ("a quote", "the `{`", "the `[`", "`*`")


def syntax_problem(error: Exception, text: str, file: str | None) -> Problem:
    """Return the problem that stopped the parser: its place, what was found, what to do."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return _unmarked(error, text, file)
    placeholder = _bare_placeholder(error, text)
    if placeholder is not None:
        message, hint = "a placeholder inside `{...}` or `[...]` needs quotes", 'write "${env:NAME}"'
        return Problem(message=message, hint=hint, file=file, line=placeholder[0], column=placeholder[1])
    message, hint = _sentence(f"{error.context or ''} {error.problem or ''}")
    mark = error.context_mark if message.startswith(_OPENED) and error.context_mark else error.problem_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    return Problem(message=message, hint=hint, file=file, line=line, column=column)


def _sentence(cause: str) -> tuple[str, str]:
    for pattern, message, hint in _SENTENCES:
        if re.search(pattern, cause):
            return message, hint
    return "this is no YAML", "check the lines around it, or put the value in quotes"


def _bare_placeholder(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int] | None:
    mark = error.problem_mark
    lines = text.splitlines()
    if mark is None or mark.line >= len(lines) or lines[mark.line][mark.column - 1 : mark.column + 1] != "${":
        return None
    return mark.line + 1, mark.column


def _unmarked(error: Exception, text: str, file: str | None) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Problem(
            message="a control character that YAML does not allow", hint="remove it", file=file, line=line, column=1
        )
    return Problem(
        message="this is nested too deeply", hint="no key is more than a dozen levels deep", file=file, line=1, column=1
    )
