"""
The newest events that a destination refused for good, within a bound; the ledger counts them all.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from fanlight.journal.base import DeadLetter

MAX_LETTERS: Final = 1000
MAX_BYTES: Final = 16 * 1024 * 1024


class DeadLetters:
    """Keeps dead letters until newer ones need their room. Its owner holds the lock."""

    def __init__(self) -> None:
        self._letters: Final[deque[DeadLetter]] = deque()
        self._bytes = 0

    @property
    def letters(self) -> tuple[DeadLetter, ...]:
        """What is kept, oldest first."""
        return tuple(self._letters)

    def keep(self, letter: DeadLetter) -> None:
        """Keep *letter*, and forget the oldest ones beyond the bound."""
        self._letters.append(letter)
        self._bytes += letter.delivery.size
        while len(self._letters) > MAX_LETTERS or self._bytes > MAX_BYTES:
            self._bytes -= self._letters.popleft().delivery.size

    def clear(self) -> None:
        """Forget all."""
        self._letters.clear()
        self._bytes = 0
