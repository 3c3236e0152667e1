"""Finds and masks secrets in one text, in linear time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import re2

from fanlight.hookspecs import Detector
from fanlight.pipeline.secrets import Secret
from fanlight.unicode import encodable

_MEMORY: Final = 32 * 1024 * 1024
"""For RE2's automata; with too little of it the engine is slow, never wrong."""


_HARMLESS: Final = frozenset({"none", "null", "true", "false", "undefined", "string", "optional", "required"})
"""What stands behind a secret's name in code and documentation."""


class Masked(NamedTuple):
    """A text without its secrets, and how many of each kind it had."""

    text: str
    found: Counter[str]


class _Span(NamedTuple):
    start: int
    end: int
    rank: int


def mask(kind: str) -> str:
    """Return what stands where a secret of *kind* was."""
    return f"[redacted:{kind}]"


class Scanner:
    """
    Masks what *secrets* and *detectors* describe; the earlier one names what several describe.

    Raises:
        ValueError: a detector's pattern is not valid RE2.
    """

    def __init__(self, secrets: Sequence[Secret], detectors: Sequence[Detector] = ()) -> None:
        patterns = [(item.kind, item.pattern) for item in secrets]
        patterns += [(item.kind, item.pattern) for item in detectors]
        self._kinds = tuple(kind for kind, _ in patterns)
        self._patterns = tuple(_compiled(kind, pattern) for kind, pattern in patterns)
        self._any = re2.compile(_either(pattern for _, pattern in patterns), _options())
        self._which = re2.Set.SearchSet(_options())
        for _, pattern in patterns:
            self._which.Add(pattern)
        self._which.Compile()

    def mask(self, text: str) -> Masked | None:
        """Return *text* with its secrets masked, or `None` where it has none."""
        readable = encodable(text)
        if self._any.search(readable) is None:
            return None
        spans = _merged(self._spans(readable))
        return _replaced(readable, [(span, self._kinds[span.rank]) for span in spans]) if spans else None

    def _spans(self, text: str) -> list[_Span]:
        # The set only narrows the choice: should it ever give up, all patterns are asked.
        ranks = self._which.Match(text) or range(len(self._patterns))
        return [span for rank in ranks for span in self._of(rank, text)]

    def _of(self, rank: int, text: str) -> Iterator[_Span]:
        pattern = self._patterns[rank]
        group = pattern.groupindex.get("secret", 0)
        for match in pattern.finditer(text):
            start, end = match.span(group)
            if start < 0:  # the group took no part
                start, end = match.span()
            if text[start:end].lower() not in _HARMLESS:
                yield _Span(start, end, rank)


class Hints:
    """Tells from an event's JSON that there is nothing to mask, which is what most events are told."""

    def __init__(self, hints: Iterable[str]) -> None:
        options = _options()
        # Bytes as they are: the hints are ASCII, and other letters need not be decoded to be passed over.
        options.encoding = re2.Options.Encoding.LATIN1
        self._any = re2.compile(_either(dict.fromkeys(hints)).encode("ascii"), options)

    def found_in(self, data: bytes) -> bool:
        """Whether *data* may hold a secret."""
        return self._any.search(data) is not None


def _merged(spans: list[_Span]) -> list[_Span]:
    merged: list[_Span] = []
    for span in sorted(span for span in spans if span.end > span.start):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = _Span(last.start, max(last.end, span.end), min(last.rank, span.rank))
        else:
            merged.append(span)
    return merged


def _replaced(text: str, spans: list[tuple[_Span, str]]) -> Masked:
    parts, at = [], 0
    for span, kind in spans:
        parts += [text[at : span.start], mask(kind)]
        at = span.end
    return Masked("".join([*parts, text[at:]]), Counter(kind for _, kind in spans))


def _either(patterns: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern.replace('(?P<secret>', '(?:')})" for pattern in patterns)


def _compiled(kind: str, pattern: str) -> Any:
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "not valid"
        raise ValueError(f"the detector {kind} has no valid RE2 pattern: {reason}") from None


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    return options
