"""
The whole experiment: `python -m seals.experiment --trials 500`, from the directory above this one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Final, NamedTuple

from .journal import SealingJournal
from .life import SINK
from .protocol import NAIVE, ONLY_RENEWED, ONLY_SYNCED, SOUND, UNSETTLED, Protocol
from .trial import Damage, Laboratory, Outcome, random_crashes


class Case(NamedTuple):
    """A protocol, and what happens to it."""

    name: str
    protocol: Protocol
    damages: tuple[Damage, ...]


KILLED: Final[tuple[Damage, ...]] = ("none",)
POWERLESS: Final[tuple[Damage, ...]] = ("none", "power")
RESTORED: Final[tuple[Damage, ...]] = ("none", "power", "restored")
CASES: Final = (
    Case("sound, power", SOUND, POWERLESS),
    Case("sound, restored", SOUND, RESTORED),
    Case("naive, killed", NAIVE, KILLED),
    Case("naive, power", NAIVE, POWERLESS),
    Case("only renewed, power", ONLY_RENEWED, POWERLESS),
    Case("only synced, power", ONLY_SYNCED, POWERLESS),
    Case("only synced, restored", ONLY_SYNCED, RESTORED),
    Case("unsettled, power", UNSETTLED, POWERLESS),
)
_EVENTS: Final = 200
_BODY: Final = 2048
_BATCHES: Final = 200


def compare(laboratory: Laboratory, case: Case, trials: int) -> None:
    """Run *trials* of *case* and print what they found."""
    outcomes = []
    for seed in range(trials):
        with tempfile.TemporaryDirectory() as directory:
            crashes = random_crashes(Random(seed), case.damages)
            outcomes.append(laboratory.trial(Path(directory) / "trial", case.protocol, crashes, seed))
    print(f"{case.name}: {trials} trials, {summary(outcomes)}", flush=True)


def summary(outcomes: list[Outcome]) -> str:
    """Return the totals, and for what must not be, also in how many trials it was."""
    killed = Counter(where for outcome in outcomes for where in outcome.killed)
    line = f"{killed.total()} killed {dict(killed)}"
    for name in ("rolled_back", "committed", "batches"):
        line += f", {sum(getattr(outcome, name) for outcome in outcomes)} {name}"
    for name in ("lost", "duplicated", "reused", "forgotten", "unsettled"):
        counts = [getattr(outcome, name) for outcome in outcomes]
        line += f", {sum(counts)} {name} in {sum(map(bool, counts))}"
    return line


def measure(*, synced: bool) -> None:
    """Print how long each step of a batch takes on this disk: milliseconds, median and 95th percentile."""
    with tempfile.TemporaryDirectory() as directory:
        journal = SealingJournal(Path(directory) / "journal.db", Protocol(renewed=True, synced=synced, settled=True))
        batches = [_timed(journal, number) for number in range(_BATCHES)]
        journal.close()
    line = f"{_EVENTS} events of {_BODY} bytes, seals {'FULL' if synced else 'NORMAL'}:"
    for step, times in zip(("append", "seal", "acknowledge"), zip(*batches, strict=True), strict=True):
        line += f" {step} {quantiles(times, n=20)[9]:.2f} / {quantiles(times, n=20)[18]:.2f} ms"
    print(line, flush=True)


def _timed(journal: SealingJournal, batch: int) -> tuple[float, float, float]:
    events = [(f"{batch}-{number}", bytes(_BODY)) for number in range(_EVENTS)]
    moments = [time.perf_counter()]
    journal.append(SINK, events)
    moments.append(time.perf_counter())
    sealed = journal.lease(SINK, _EVENTS)
    assert sealed is not None
    moments.append(time.perf_counter())
    journal.acknowledge(SINK, sealed)
    moments.append(time.perf_counter())
    append, seal, acknowledge = ((after - before) * 1e3 for before, after in pairwise(moments))
    return append, seal, acknowledge


def main() -> None:
    """Run the cases that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES])
    parser.add_argument("--measure", action="store_true", help="only measure what a seal costs")
    arguments = parser.parse_args()
    if arguments.measure:
        for synced in (False, True, False, True):
            measure(synced=synced)
        return
    with Laboratory() as laboratory:
        for case in CASES:
            if arguments.case is None or case.name in arguments.case:
                compare(laboratory, case, arguments.trials)


if __name__ == "__main__":
    main()
