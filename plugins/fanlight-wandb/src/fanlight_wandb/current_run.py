"""
The application's own W&B run, for `run: current`: fanlight logs into it, and never opens, steps or finishes it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Final

from fanlight import DeliveryError, RetryableError
from fanlight_wandb.config import WandbConfig
from fanlight_wandb.failures import writing_failed
from fanlight_wandb.identity import Identity
from fanlight_wandb.metrics import Sessions
from fanlight_wandb.pending import Pending
from fanlight_wandb.run_state import RunState
from fanlight_wandb.run_writer import RunWriter

_NAMESPACE: Final = "fanlight"


class CurrentRun:
    """
    Finds the run that the application has open, and keeps to it as long as it is that.

    Args:
        config: The sink's settings.
    """

    def __init__(self, config: WandbConfig) -> None:
        self._config: Final = config
        self._sessions: Final = Sessions()
        self._writer: RunWriter | None = None

    def get(self, identity: Identity, deadline: float) -> RunWriter:  # noqa: ARG002 - there is one run, and it is open
        """
        Return the open run.

        Raises:
            RetryableError: the application has none.
        """
        wandb, run = _open_run()
        if self._writer is None or self._writer.run is not run:
            state = RunState()
            if run.resumed:
                state.catch_up(run.summary.get)
            self._writer = RunWriter(
                run,
                wandb,
                self._config,
                state=state,
                sessions=self._sessions,
                pending=Pending(),
                namespace=_NAMESPACE,
            )
        return self._writer

    def failed(self, error: BaseException) -> DeliveryError:
        """Return what follows from *error*, which the run raised."""
        return writing_failed(error)

    def finish_idle(self) -> None:
        """Do nothing: the run is the application's."""

    def close(self) -> None:
        """Do nothing: the run is the application's."""


def _open_run() -> tuple[ModuleType, Any]:
    # Not imported: where the application did not, there is no run.
    wandb = sys.modules.get("wandb")
    run = getattr(wandb, "run", None)
    if wandb is None or run is None:
        raise RetryableError(
            "run: current, but the application has no W&B run open: call wandb.init() first, or set `run` to "
            "process, day or {by: [...]}"
        )
    return wandb, run
