"""`fanlight demo`: scripted applications through real rules into real destinations, and what arrived there."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """
    Run the demo with the arguments of `fanlight demo` and return its exit code.

    0 where every destination holds what the scripts did and the ledger balances, 1 where not or where something that
    the demo needs is missing.
    """
    from fanlight.demo.command import main

    return main(argv)
