"""What somebody may have meant who wrote a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_LISTED: Final = 12


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return `did you mean ...?` where a known word is close to *found*, else the list of what is known."""
    words = {word.lower(): word for word in sorted(set(known))}
    low = found.lower()
    close = get_close_matches(low, words, n=1, cutoff=0.6) or [word for word in words if _shortened(low, word)]
    return f"did you mean `{words[close[0]]}`?" if close else listed(words.values())


def _shortened(first: str, second: str) -> bool:
    # `prod` for `production`: too far apart for a ratio of letters
    return min(len(first), len(second)) >= 3 and (first.startswith(second) or second.startswith(first))


def listed(words: Iterable[str]) -> str:
    """Return `known: a, b, c`, cut after a dozen."""
    known = list(words)
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f"known: {', '.join(known[:_LISTED])}{more}" if known else "there are none"
