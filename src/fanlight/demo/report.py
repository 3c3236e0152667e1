"""What arrived where, read back from each destination, and whether it is what it must be."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from fanlight.demo.received import Received
from fanlight.demo.tables import destinations_table, ledger_table, trees_table
from fanlight.health import RouterHealth


class Report:
    """
    Prints tables and the answers to questions; remembers whether any answer was no.

    Args:
        stream: Where to; the standard output if nothing is said.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream: Final = stream or sys.stdout
        self._yes, self._no = ("✓", "✗") if _has(self._stream, "✓✗") else ("+", "x")
        self.good = True

    def heading(self, text: str) -> None:
        """Print the head of a section."""
        self._print(f"\n{text}\n{'-' * len(text)}\n")

    def trees(self, received: Received) -> None:
        """Print the trees that one destination holds."""
        self._print(trees_table(received))

    def destinations(self, destinations: Sequence[Received]) -> None:
        """Print what each destination holds, and how to look there."""
        self._print(f"{destinations_table(destinations)}\n")
        width = max(len(received.name) for received in destinations)
        for received in destinations:
            self._print(f"  {received.name.ljust(width)}   {received.look}\n")

    def ledger(self, health: RouterHealth) -> None:
        """Print the router's account."""
        self._print(ledger_table(health))

    def check(self, promise: str, objections: Iterable[str]) -> None:
        """Print *promise*, kept if there are no *objections*, which are printed too."""
        found = list(objections)
        self.good = self.good and not found
        self._print(f"  {self._no if found else self._yes} {promise}\n")
        self._print("".join(f"      {objection}\n" for objection in found))

    def _print(self, text: str) -> None:
        encoding = self._stream.encoding or "ascii"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))


def _has(stream: TextIO, letters: str) -> bool:
    try:
        letters.encode(stream.encoding or "ascii")
    except UnicodeError:
        return False
    return True
