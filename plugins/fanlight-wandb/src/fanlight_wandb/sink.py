"""
The sink: each event to its W&B run, and not back before it is on disk there.
"""

from __future__ import annotations

import os
import socket
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final, TypeAlias

from fanlight import Batch, DeliveryError, PartialFailure, RetryableError, Sink, SinkContext, TelemetryEvent
from fanlight_wandb.config import WandbConfig
from fanlight_wandb.current_run import CurrentRun
from fanlight_wandb.identity import Identity, Writer, identity_of
from fanlight_wandb.own_runs import MOST_OPEN, OwnRuns
from fanlight_wandb.run_writer import RunWriter
from fanlight_wandb.slots import Slot

_MOST_TRACES: Final = 10_000
"""Traces whose run is remembered for feedback that comes later."""
_SPARE: Final = 0.5
"""Seconds before the lane's deadline at which waiting ends, so that the answer is heard."""

Share: TypeAlias = tuple[Identity, list[TelemetryEvent]]
"""The events of a batch that belong to one run."""


class WandbSink(Sink[WandbConfig]):
    """
    Logs each finished run to the W&B run that it belongs to: metrics, a row of a table, and what the run is about.

    Delivered means that the rows stand in the W&B run's transaction log.
    """

    def open(self, context: SinkContext) -> None:
        """Make the directory, take a writer's place in it and import the SDK; runs are opened as events come."""
        super().open(context)
        self._traces: OrderedDict[str, Identity] = OrderedDict()
        self._slot: Slot | None = None
        self._runs = CurrentRun(self.config) if self.config.run == "current" else self._own_runs(context)

    def deliver(self, batch: Batch) -> None:
        """Log *batch*, and return when it is on disk."""
        errors: dict[str, DeliveryError] = {}
        begin_by = (time.monotonic() + batch.deadline) / 2
        for shares in _rounds(self._shares(batch)):
            errors |= self._logged(shares, batch) if time.monotonic() < begin_by else _too_late(shares)
        self._runs.finish_idle()
        _raise_all(errors, batch)

    def close(self) -> None:
        """Finish the runs, but never the application's own."""
        self._runs.close()
        if self._slot is not None:
            self._slot.release()

    def _own_runs(self, context: SinkContext) -> OwnRuns:
        from fanlight_wandb.sdk import Sdk  # noqa: PLC0415 - listing plugins must not pay for it

        directory = _made(self.config.directory or default_directory())
        group = self.config.group or f"{context.service_name}/{context.environment}"
        sdk = Sdk(self.config, directory, group, ours=context.isolation == "process")
        host = self.config.writer or socket.gethostname()
        instance = context.instance_id if self.config.run == "process" else None
        writer = Writer(service=context.service_name, environment=context.environment, host=host, instance=instance)
        if instance is None:
            self._slot = Slot(directory / "slots", f"{writer} {self.config.run} {self.config.project}")
            writer = Writer(service=writer.service, environment=writer.environment, host=host, slot=self._slot.number)
        return OwnRuns(sdk, self.config, writer=writer, directory=directory, logger=context.logger)

    def _logged(self, shares: list[Share], batch: Batch) -> dict[str, DeliveryError]:
        """Log *shares*, whose runs can all be open at once, and return what failed."""
        errors: dict[str, DeliveryError] = {}
        written: list[tuple[RunWriter, list[TelemetryEvent]]] = []
        for identity, events in shares:
            try:
                written.append((self._written(identity, events, batch), events))
            except DeliveryError as error:
                errors |= _each(events, error)
        for writer, events in written:
            try:
                self._confirm(writer, batch)
            except DeliveryError as error:
                self._runs.failed(error)
                errors |= _each(events, error)
        return errors

    def _written(self, identity: Identity, events: list[TelemetryEvent], batch: Batch) -> RunWriter:
        try:
            writer = self._runs.get(identity, batch.deadline - _SPARE)
            writer.write(events, replay=batch.replay)
        except DeliveryError:
            raise
        except Exception as error:
            raise self._runs.failed(error) from error
        return writer

    def _confirm(self, writer: RunWriter, batch: Batch) -> None:
        try:
            writer.confirm(batch.deadline - _SPARE)
        except DeliveryError:
            raise
        except Exception as error:
            raise self._runs.failed(error) from error

    def _shares(self, batch: Batch) -> list[Share]:
        shares: dict[Identity, list[TelemetryEvent]] = {}
        for event in batch:
            shares.setdefault(self._identity(event), []).append(event)
        return list(shares.items())

    def _identity(self, event: TelemetryEvent) -> Identity:
        identity = identity_of(event, self.config)
        if not identity.values:
            return identity
        if event.feedback is not None:
            return self._traces.get(event.trace_id, identity)
        if event.is_root:
            self._traces[event.trace_id] = identity
            if len(self._traces) > _MOST_TRACES:
                self._traces.popitem(last=False)
        return identity


def default_directory() -> Path:
    """Return where W&B's files go if nothing is said: below the user's state directory, not the working directory."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path("~/.local/state")) / "fanlight" / "wandb"


def _made(directory: Path) -> Path:
    try:
        path = directory.expanduser().resolve()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        raise RetryableError(
            f"{directory} cannot be made ({type(error).__name__}): set `directory` to where W&B may keep its files"
        ) from None
    return path


def _rounds(shares: list[Share]) -> list[list[Share]]:
    """Return *shares* in parts whose runs can all be open at once: what is not on disk yet is not to make room."""
    return [shares[begin : begin + MOST_OPEN] for begin in range(0, len(shares), MOST_OPEN)]


def _too_late(shares: list[Share]) -> dict[str, DeliveryError]:
    error = RetryableError("these events belong to more W&B runs than can be opened in the time of a batch")
    return {event.event_id: error for _, events in shares for event in events}


def _each(events: list[TelemetryEvent], error: DeliveryError) -> dict[str, DeliveryError]:
    return {event.event_id: error for event in events}


def _raise_all(errors: dict[str, DeliveryError], batch: Batch) -> None:
    if not errors:
        return
    first = next(iter(errors.values()))
    if len(errors) == len({event.event_id for event in batch}):
        raise first
    raise PartialFailure(errors, message=f"{len(errors)} events were not taken: {first}")
