"""
How far a run's transaction log has come: what stands there is delivered.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fanlight import RetryableError
from fanlight_wandb.metrics import STEP
from fanlight_wandb.transaction_log import CorruptLogError, TransactionLog

_POLL: Final = 0.02
_ASK: Final = 1.0
"""Seconds between two looks at whether wandb-core is still there."""


class Progress:
    """Follows one transaction log, by the step that each row carries."""

    def __init__(self, path: Path) -> None:
        self._log: Final = TransactionLog(path)
        self._step = 0

    def step(self) -> int:
        """Return the last step that stands in the file, up to where it is damaged."""
        with contextlib.suppress(CorruptLogError):
            self._read()
        return self._step

    def wait_for(self, step: int, deadline: float, ask: Callable[[], object]) -> None:
        """
        Return when the row of *step* stands in the file.

        Args:
            step: The step of the last row.
            deadline: Monotonic seconds.
            ask: Called each second; raises once nobody is there who could write the row.

        Raises:
            RetryableError: it did not in time, or the file is damaged.
        """
        try:
            self._wait_for(step, deadline, ask)
        except CorruptLogError:
            raise RetryableError(f"the run's transaction log is damaged: {self._log.path}") from None

    def _wait_for(self, step: int, deadline: float, ask: Callable[[], object]) -> None:
        asking = time.monotonic() + _ASK
        while self._read() < step:
            now = time.monotonic()
            if now >= deadline:
                raise RetryableError("the rows did not reach the run's transaction log in time")
            if now >= asking:
                ask()
                asking = now + _ASK
            time.sleep(_POLL)

    def _read(self) -> int:
        for record in self._log.read_new():
            self._step = max(self._step, _step_of(record))
        return self._step


def _step_of(record: Any) -> int:
    if record.WhichOneof("record_type") != "history":
        return 0
    for item in record.history.item:
        if (item.key or "/".join(item.nested_key)) == STEP:
            return int(json.loads(item.value_json))
    return 0
