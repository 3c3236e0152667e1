"""
A trial: lives that end badly, what is left of the journal after each, and at last a life that drains it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from random import Random
from typing import Final, Literal, Self, TypeAlias

import msgspec

from .bucket import Bucket, Fate, Moment
from .life import Ended, Kill, Order, Step
from .power_loss import log_of, lose_power, mark_of
from .protocol import Protocol

Damage: TypeAlias = Literal["none", "power", "restored"]
"""
What a crash does to the journal: nothing; a power loss, which takes what was not synced; or an older copy of the volume
is put back, which takes what was. The bucket keeps all it has.
"""
STEPS: Final[tuple[Step, ...]] = (
    "appended", "sealing", "sealed", "files", "late", "landed", "delivered", "acknowledged"
)  # fmt: skip


class Crash(msgspec.Struct, frozen=True):
    """How a life ends: at a step, or after some seconds of work, or of being there at all."""

    damage: Damage = "none"
    kill: Kill | None = None
    kill_after: float | None = None
    from_birth: bool = False
    lost_commits: int | None = None
    """How many commits a power loss takes; any number of those that it can where nothing is said."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial found; where all is well the last five are 0."""

    killed: tuple[str, ...]
    """Where its processes were killed."""
    rolled_back: int
    """How often a part of the journal was missing after that."""
    committed: int
    """Events that the journal had after each crash, or took later."""
    batches: int
    """Attempts, those at the same seal included."""
    lost: int
    """Committed events that are not in the lake."""
    duplicated: int
    """Events that are in the lake more than once."""
    reused: int
    """Seals that were attempted with members that they had not had before."""
    forgotten: int
    """Events that were accepted before a crash without damage, and not in the journal after it."""
    unsettled: int
    """Events that the journal has not counted as delivered at the end."""


def random_crashes(chance: Random, damages: tuple[Damage, ...]) -> list[Crash]:
    """One to three crashes, six in ten of them at an exact step."""
    crashes = []
    for _ in range(chance.randint(1, 3)):
        damage = chance.choice(damages)
        if chance.random() < 0.6:
            crashes.append(Crash(damage, kill=Kill(chance.choice(STEPS), chance.randint(1, 4))))
        else:
            crashes.append(Crash(damage, kill_after=chance.uniform(0, 0.4), from_birth=chance.random() < 0.25))
    return crashes


class Laboratory:
    """A bucket and a nursery that trials share: a context."""

    def __enter__(self) -> Self:
        self._bucket = Bucket(self._at_commit).__enter__()
        here = Path(__file__).parent
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", f"{here.name}.nursery"],
            cwd=here.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._nursery.communicate()
        self._bucket.__exit__()

    def trial(self, directory: Path, protocol: Protocol, crashes: list[Crash], seed: int = 0) -> Outcome:
        """Let a process crash as *crashes* say, one after the other, then drain, and compare."""
        self._bucket.empty()
        trial = Trial(directory, Random(seed))
        killed = []
        for number, crash in enumerate(crashes):
            if self._live(trial.order(number, protocol, self._bucket.url, crash)):
                killed.append(crash.kill.step if crash.kill else "at random")
            trial.damage(crash)
        self._live(trial.order(len(crashes), protocol, self._bucket.url, None))
        return trial.outcome(tuple(killed))

    def _live(self, order: Order) -> bool:
        """Run a process to its end; whether it was killed before it came to that."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._order, self._pid, self._commits = order, Future[int](), {"files": 0, "landed": 0}
        self._nursery.stdin.write(f"{msgspec.json.encode(order).decode()}\n")
        self._nursery.stdin.flush()
        self._pid.set_result(int(self._nursery.stdout.readline()))
        status = int(self._nursery.stdout.readline())
        if status not in (0, -9):
            raise AssertionError(f"a life ended with {status}: {order}")
        return status != 0

    def _at_commit(self, moment: Moment) -> Fate:
        self._commits[moment] += 1
        kill = self._order.kill
        step: Step | None = kill.step if kill else None
        if kill is None or ("files" if step == "late" else step) != moment or kill.nth != self._commits[moment]:
            return "goes on"
        os.kill(self._pid.result(), signal.SIGKILL)
        return "late" if step == "late" else "lost"


class Trial:
    """The files of one trial, and what must be in the lake at its end."""

    def __init__(self, directory: Path, chance: Random) -> None:
        self._directory: Final = directory
        self._chance: Final = chance
        self._database: Final = directory / "journal.db"
        self._bucket: Final = f"b{chance.getrandbits(64):x}"  # a request of an earlier trial may still be on its way
        self._committed: list[str] = []
        self._older: tuple[Path, list[str]] | None = None
        self._rolled_back = 0
        self._forgotten = 0
        directory.mkdir(parents=True)

    def order(self, number: int, protocol: Protocol, endpoint: str, crash: Crash | None) -> Order:
        """Return what the next life does: without a crash, drain."""
        return Order(
            directory=str(self._directory),
            number=number,
            endpoint=endpoint,
            bucket=self._bucket,
            protocol=protocol,
            rounds=6 if crash else 0,
            seed=self._chance.getrandbits(32),
            kill=crash.kill if crash else None,
            kill_after=crash.kill_after if crash else None,
            from_birth=crash.from_birth if crash else False,
        )

    def damage(self, crash: Crash) -> None:
        """Do to the journal what the crash does to it, and find out what it still has."""
        emitted, accepted = self._take("emitted"), self._take("accepted")
        older, self._older = self._older, (self._copy(), self._committed + emitted)
        self._committed = self._older[1]
        if crash.damage == "restored" and older is not None:
            self._restore(older[0])
            self._committed = older[1]
            self._rolled_back += 1
        elif crash.damage == "power" and lose_power(self._database, self._chance, crash.lost_commits):
            self._rolled_back += 1
        elif self._accepted() < len(self._committed) - len(emitted) + len(accepted):
            self._forgotten += 1
        self._committed = self._committed[: self._accepted()]

    def outcome(self, killed: tuple[str, ...]) -> Outcome:
        """Compare what the lake has with what was committed."""
        ended = msgspec.json.decode((self._directory / "ended").read_bytes(), type=Ended)
        attempts = [json.loads(line) for line in self._take("attempted")]
        counts = ended.counts
        return Outcome(
            killed=killed,
            rolled_back=self._rolled_back,
            committed=len(self._committed),
            batches=len(attempts),
            lost=sum(event_id not in ended.rows for event_id in self._committed),
            duplicated=sum(count > 1 for count in ended.rows.values()),
            reused=_reused(attempts),
            forgotten=self._forgotten,
            unsettled=counts["pending"] + counts["accepted"] - counts["delivered"],
        )

    def _take(self, name: str) -> list[str]:
        path = self._directory / name
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def _copy(self) -> Path:
        copy = self._directory / f"copy-{self._chance.getrandbits(64):x}"
        copy.mkdir()
        for path in (self._database, log_of(self._database), mark_of(self._database)):
            if path.exists():
                shutil.copyfile(path, copy / path.name)
        return copy

    def _restore(self, copy: Path) -> None:
        for path in self._directory.glob("journal.db*"):
            path.unlink()
        for path in copy.iterdir():
            shutil.copyfile(path, self._directory / path.name)

    def _accepted(self) -> int:
        """Read the counter from a copy: who opens a journal and closes it moves its log into the file."""
        connection = sqlite3.connect(self._copy() / self._database.name)
        try:
            found = connection.execute("SELECT value FROM ledger WHERE counter = 'accepted'").fetchone()
        except sqlite3.OperationalError:  # killed before it had made its tables
            found = None
        finally:
            connection.close()
        return int(found[0]) if found else 0


def _reused(attempts: list[dict[str, object]]) -> int:
    """Members of a seal may leave; none may join."""
    members: dict[tuple[object, object], set[str]] = {}
    reused = 0
    for attempt in attempts:
        found = set(attempt["members"])  # type: ignore[call-overload]
        reused += not found <= members.setdefault((attempt["writer"], attempt["sequence"]), found)
    return reused
