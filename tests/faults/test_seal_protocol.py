"""
Exactly once, through SIGKILL and power loss: what the journal's seals rest on.

Each trial is a process with a journal and a real lake sink, killed at a step or at random; then the journal's log loses
what was not synced, or does not; and so on, until a last process drains it and the lake's rows are compared with what
was committed. Further trials: `FANLIGHT_SEAL_TRIALS=500`, or `python -m seals.experiment`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from .seals.life import Kill, Step
from .seals.protocol import NAIVE, ONLY_RENEWED, ONLY_SYNCED, SOUND, UNSETTLED
from .seals.trial import STEPS, Crash, Damage, Laboratory, Outcome, random_crashes

pytestmark = pytest.mark.long

TRIALS = int(os.environ.get("FANLIGHT_SEAL_TRIALS", "8"))


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory() as laboratory:
        yield laboratory


def crash(step: Step, nth: int, damage: Damage = "none", lost_commits: int | None = None) -> Crash:
    return Crash(damage, kill=Kill(step, nth), lost_commits=lost_commits)


def is_exact(outcome: Outcome) -> bool:
    """Every committed event is in the lake once, and the books are closed."""
    return (outcome.lost, outcome.duplicated, outcome.reused, outcome.forgotten, outcome.unsettled) == (0,) * 5


@pytest.mark.parametrize("damage", ["none", "power"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_each_step(laboratory: Laboratory, tmp_path: Path, step: Step, damage: Damage) -> None:
    """Killed at a step, and all that was not synced is gone or not: each committed event is in the lake once."""
    outcome = laboratory.trial(tmp_path / "trial", SOUND, [crash(step, 2, damage, lost_commits=99)])
    assert outcome.killed == (step,)
    assert outcome.committed > 0
    assert is_exact(outcome), outcome


def test_killed_at_random(laboratory: Laboratory, tmp_path: Path) -> None:
    """Up to three crashes in a row, anywhere, with power losses: each committed event is in the lake once."""
    outcomes = {}
    for seed in range(TRIALS):
        crashes = random_crashes(Random(seed), ("none", "power"))
        outcomes[seed] = laboratory.trial(tmp_path / str(seed), SOUND, crashes, seed)
    assert {seed: outcome for seed, outcome in outcomes.items() if not is_exact(outcome)} == {}
    assert sum(outcome.rolled_back for outcome in outcomes.values()) > 0


def test_an_older_copy_of_the_volume(laboratory: Laboratory, tmp_path: Path) -> None:
    """A journal that is put back to an older state delivers again what it had, and loses none of it."""
    crashes = [crash("landed", 2), crash("acknowledged", 4, "restored")]
    outcome = laboratory.trial(tmp_path / "trial", SOUND, crashes)
    assert (outcome.rolled_back, outcome.lost, outcome.reused, outcome.unsettled) == (1, 0, 0, 0)


class TestEachPrecautionIsNeeded:
    """The same trials find what goes wrong without it."""

    def test_a_seal_that_was_not_synced(self, laboratory: Laboratory, tmp_path: Path) -> None:
        """Its number comes again for other events, and the lake says that it has them: they are lost in silence."""
        crashes = [crash("landed", 3, "power", lost_commits=1), crash("acknowledged", 2)]
        outcome = laboratory.trial(tmp_path / "trial", NAIVE, crashes)
        assert outcome.reused > 0
        assert outcome.lost > 0

    def test_a_new_name_alone(self, laboratory: Laboratory, tmp_path: Path) -> None:
        """Nothing is lost, but the lake cannot recognise the events under another name: they are there twice."""
        outcome = laboratory.trial(tmp_path / "trial", ONLY_RENEWED, [crash("landed", 3, "power", lost_commits=1)])
        assert outcome.lost == outcome.reused == 0
        assert outcome.duplicated > 0

    def test_a_sync_alone(self, laboratory: Laboratory, tmp_path: Path) -> None:
        """An older copy of the volume brings old numbers back."""
        crashes = [crash("appended", 2), crash("acknowledged", 4, "restored"), crash("acknowledged", 2)]
        outcome = laboratory.trial(tmp_path / "trial", ONLY_SYNCED, crashes)
        assert outcome.reused > 0
        assert outcome.lost > 0

    def test_a_seal_that_was_found(self, laboratory: Laboratory, tmp_path: Path) -> None:
        """A process killed between write and sync leaves a seal that the next one attempts, and a power loss takes."""
        crashes = [crash("sealing", 2), crash("landed", 1, "power", lost_commits=2)]
        outcome = laboratory.trial(tmp_path / "unsettled", UNSETTLED, crashes)
        assert outcome.duplicated > 0
        assert is_exact(laboratory.trial(tmp_path / "sound", SOUND, crashes))
