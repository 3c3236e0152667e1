"""
What fanlight remembers of a W&B run over restarts: how many rows it has, what they add up to, what they told.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from fanlight_wandb.metrics import STEP
from fanlight_wandb.run_facts import Facts
from fanlight_wandb.totals import PREFIX, Totals


class RunState(msgspec.Struct, kw_only=True):
    """The memory of one W&B run; only the run's one writer has it open."""

    step: int = 0
    """The last value of the step metric."""
    totals: Totals = msgspec.field(default_factory=Totals)
    facts: Facts = msgspec.field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> RunState:
        """Return what *path* holds; a new state where there is none, or nothing that can be read."""
        try:
            return _decoder.decode(path.read_bytes())
        except (FileNotFoundError, msgspec.MsgspecError):
            return cls()

    def save(self, path: Path) -> None:
        """Write the state to *path*, whole or not at all."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(self))
        beside.replace(path)

    def catch_up(self, known_of: Callable[[str], Any]) -> None:
        """Take over what the summary of a resumed run says (*known_of* a key), where this machine has forgotten it."""
        step = known_of(STEP)
        if not isinstance(step, int | float) or step <= self.step:
            return
        self.step = int(step)
        known = {name: known_of(PREFIX + name) for name in Totals.__struct_fields__}
        known["cost_pico_usd"] = _pico(known_of(f"{PREFIX}cost_usd"))
        counted = {name: int(value) for name, value in known.items() if isinstance(value, int | float)}
        self.totals = Totals(**counted)


def _pico(dollars: Any) -> int | None:
    return round(dollars * 10**12) if isinstance(dollars, int | float) else None


_decoder = msgspec.json.Decoder(RunState)
