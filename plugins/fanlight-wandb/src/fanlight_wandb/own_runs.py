"""
The W&B runs that fanlight opens itself: some are open at a time, and all can be opened again.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Final

from fanlight import DeliveryError, RetryableError, __version__
from fanlight_wandb.config import WandbConfig
from fanlight_wandb.failures import opening_failed, writing_failed
from fanlight_wandb.identity import Identity, Writer, run_id, run_name
from fanlight_wandb.metrics import Sessions
from fanlight_wandb.pending import Pending
from fanlight_wandb.progress import Progress
from fanlight_wandb.run_facts import config_of
from fanlight_wandb.run_state import RunState
from fanlight_wandb.run_writer import RunWriter
from fanlight_wandb.sdk import Sdk

MOST_OPEN: Final = 16
"""Runs that are open at the same time; the one that was idle longest makes room."""
_IDLE: Final = 3600.0
"""Seconds after which a run that gets nothing is finished, such as yesterday's."""


_LEAST: Final = 1.0
"""Seconds that a run needs at least to be opened."""
_GRACE: Final = 0.25
"""Seconds after its timeout in which the SDK gives a run up; torn down before that, the process now and then hung."""


class OwnRuns:
    """
    Opens, keeps and finishes the runs of one writer.

    Args:
        sdk: The SDK.
        config: The sink's settings.
        writer: Who writes.
        directory: Where W&B and fanlight keep their files.
        logger: Hears what an operator should know.
    """

    def __init__(
        self, sdk: Sdk, config: WandbConfig, *, writer: Writer, directory: Path, logger: logging.Logger
    ) -> None:
        self._sdk: Final = sdk
        self._config: Final = config
        self._writer: Final = writer
        self._directory: Final = directory
        self._logger: Final = logger
        self._open: Final[OrderedDict[Identity, RunWriter]] = OrderedDict()
        self._used: Final[dict[Identity, float]] = {}
        self._pending: Final[dict[str, Pending]] = {}
        self._stopped: Final[set[Identity]] = set()
        self._finishing: Final[dict[Identity, Thread]] = {}
        self._sessions: Final = Sessions()
        self._broken = False

    def get(self, identity: Identity, deadline: float) -> RunWriter:
        """
        Return the open run of *identity*.

        Raises:
            DeliveryError: it could not be opened by *deadline*, in monotonic seconds.
            OSError: what is remembered of it cannot be read.
        """
        if self._broken:
            self._restart()
        if identity in self._stopped:
            self._resume_stopped(identity)
        writer = self._open.get(identity)
        if writer is None:
            self._wait_until_finished(identity, deadline)
            if deadline - time.monotonic() < _LEAST:
                raise RetryableError("no time is left to open the W&B run")
            self._make_room()
            writer = self._open[identity] = self._opened(identity, deadline)
        self._open.move_to_end(identity)
        self._used[identity] = time.monotonic()
        return writer

    def failed(self, error: BaseException) -> DeliveryError:
        """Note that the SDK raised *error* where rows should have been taken, and return what follows."""
        self._broken = True
        return writing_failed(error)

    def finish_idle(self) -> None:
        """Finish the runs that got nothing for an hour, and forget what is over."""
        for identity in [identity for identity, used in self._used.items() if used < time.monotonic() - _IDLE]:
            self._finish(identity)
        for identity in [identity for identity, thread in self._finishing.items() if not thread.is_alive()]:
            del self._finishing[identity]
        kept = {writer.run.id for writer in self._open.values()}
        for name in [name for name, pending in self._pending.items() if not pending and name not in kept]:
            del self._pending[name]

    def close(self) -> None:
        """Finish all runs side by side, and let the SDK end."""
        end = time.monotonic() + self._config.finish_timeout + _GRACE
        for identity in list(self._open) if not self._broken else ():
            self._finish(identity)
        for thread in self._finishing.values():
            thread.join(max(end - time.monotonic(), 0.0))
        self._sdk.close()

    def _opened(self, identity: Identity, deadline: float) -> RunWriter:
        name = run_id(identity, self._writer, self._config)
        path = self._directory / "state" / f"{name}.json"
        pending = self._pending.setdefault(name, Pending())
        state = RunState.load(path)
        run = self._start(identity, name, state, deadline)
        if run.resumed:
            state.catch_up(run.summary.get)
        state.step = max(state.step, pending.reached)
        return RunWriter(
            run,
            self._sdk.wandb,
            self._config,
            state=state,
            sessions=self._sessions,
            pending=pending,
            progress=Progress(Path(run.settings.sync_file)),
            state_path=path,
        )

    def _start(self, identity: Identity, name: str, state: RunState, deadline: float) -> Any:
        try:
            return self._sdk.start(
                name,
                name=run_name(identity, self._writer),
                config=self._run_config(identity) | config_of(state.facts),
                timeout=deadline - time.monotonic(),
                on_stop=partial(self._stopped.add, identity),
            )
        except Exception as error:
            # Its wandb-core takes the run for open from now on, and would not open it again.
            self._broken = True
            raise opening_failed(error, online=self._config.mode == "online") from None

    def _run_config(self, identity: Identity) -> dict[str, Any]:
        writer = self._writer
        return {
            "service": writer.service,
            "environment": writer.environment,
            "writer": writer.label,
            "fanlight_version": __version__,
            **identity.config,
        }

    def _make_room(self) -> None:
        while len(self._open) >= MOST_OPEN:
            self._finish(next(iter(self._open)))

    def _resume_stopped(self, identity: Identity) -> None:
        self._stopped.discard(identity)
        self._logger.warning(
            "W&B stopped the run %s: by its stop button, or because uploading failed for good. What was not uploaded "
            "is in its directory, for `wandb sync`; fanlight goes on with the run",
            run_id(identity, self._writer, self._config),
        )
        self._finish(identity)

    def _finish(self, identity: Identity) -> None:
        """Begin to finish the run of *identity*: a server that is away can hold that up for as long as it is."""
        writer = self._open.pop(identity, None)
        self._used.pop(identity, None)
        if writer is None:
            return
        self._finishing[identity] = Thread(
            target=self._finished, args=(writer,), name="fanlight-wandb-finish", daemon=True
        )
        self._finishing[identity].start()

    def _finished(self, writer: RunWriter) -> None:
        try:
            writer.run.finish()
        except Exception:  # wandb-core is gone: what it wrote is on disk
            self._broken = True

    def _wait_until_finished(self, identity: Identity, deadline: float) -> None:
        thread = self._finishing.get(identity)
        if thread is not None:
            thread.join(max(deadline - time.monotonic(), 0.0))
            if thread.is_alive():
                raise RetryableError("W&B is still finishing the run that is to be opened again")

    def _restart(self) -> None:
        """Begin anew with another wandb-core; rows that did not reach the disk may be logged again."""
        self._sdk.restart()
        # Not before: on its way out wandb-core writes what it still has.
        for writer in self._open.values():
            writer.give_up()
        self._open.clear()
        self._used.clear()
        self._finishing.clear()
        self._broken = False
