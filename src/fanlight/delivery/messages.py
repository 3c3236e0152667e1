"""
What the application and the process of a sink say to each other.

The application asks, one thing at a time: open, deliver, close. The process answers each with `Done` or `Failure`, and
may say what its sink logged before that.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any, Final, TypeAlias

import msgspec

from fanlight.delivery.failure import Failure
from fanlight.delivery.recipe import Recipe
from fanlight.errors import PermanentError
from fanlight.event import TelemetryEvent
from fanlight.sinks.base import Batch, Delivery, Seal, SinkContext


class Open(msgspec.Struct, frozen=True, kw_only=True, tag="open"):
    """Make the sink, and open it."""

    recipe: Recipe
    parent: int
    """The application's process id."""
    name: str
    service_name: str
    service_version: str | None
    environment: str
    instance_id: str
    attributes: dict[str, Any]
    log_level: int

    @classmethod
    def of(cls, recipe: Recipe, context: SinkContext) -> Open:
        """Return the question for a sink that is told *context*."""
        return cls(
            recipe=recipe,
            parent=os.getpid(),
            name=context.name,
            service_name=context.service_name,
            service_version=context.service_version,
            environment=context.environment,
            instance_id=context.instance_id,
            attributes=context.attributes,
            log_level=context.logger.getEffectiveLevel(),
        )

    def context(self, logger: logging.Logger) -> SinkContext:
        """Return what the sink is told, with *logger*."""
        return SinkContext(
            name=self.name,
            service_name=self.service_name,
            service_version=self.service_version,
            environment=self.environment,
            instance_id=self.instance_id,
            attributes=self.attributes,
            isolation="process",
            logger=logger,
        )


class Parcel(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One delivery; the event as it stands in its own cache, encoded once for all sinks."""

    event_id: str
    event: msgspec.Raw
    """Nil where no message can hold the event: what a processor made of it may be anything."""
    routes: tuple[str, ...]
    size: int
    age: float
    """Seconds since the journal took it."""


class Deliver(msgspec.Struct, frozen=True, kw_only=True, tag="deliver"):
    """Deliver a batch. Times are told as seconds from now: two processes need not agree on a clock's zero."""

    id: str
    sink: str
    parcels: list[Parcel]
    remaining: float
    attempt: int
    replay: bool
    seal: Seal | None

    @classmethod
    def of(cls, batch: Batch) -> Deliver:
        """Return the question that hands over *batch*."""
        now = time.monotonic()
        parcels = [
            Parcel(
                event_id=delivery.event.event_id,
                event=_raw(delivery.event),
                routes=delivery.routes,
                size=delivery.size,
                age=now - delivery.accepted_at,
            )
            for delivery in batch.deliveries
        ]
        return cls(
            id=batch.id,
            sink=batch.sink,
            parcels=parcels,
            remaining=batch.deadline - now,
            attempt=batch.attempt,
            replay=batch.replay,
            seal=batch.seal,
        )

    def batch(self) -> tuple[Batch, dict[str, PermanentError]]:
        """Return the batch, and why it lacks the events that it lacks: one that is none must not cost the others."""
        now = time.monotonic()
        deliveries: list[Delivery] = []
        misfits: dict[str, PermanentError] = {}
        for parcel in self.parcels:
            try:
                deliveries.append(self._delivery(parcel, now))
            except msgspec.MsgspecError:  # what it says may quote a value
                misfits[parcel.event_id] = PermanentError("a field holds a value of a wrong type", reason="wrong_type")
        batch = Batch(
            id=self.id,
            sink=self.sink,
            deliveries=tuple(deliveries),
            deadline=now + self.remaining,
            attempt=self.attempt,
            replay=self.replay,
            seal=self.seal,
        )
        return batch, misfits

    def _delivery(self, parcel: Parcel, now: float) -> Delivery:
        return Delivery(
            event=_event(bytes(parcel.event)),
            sink=self.sink,
            routes=parcel.routes,
            size=parcel.size,
            accepted_at=now - parcel.age,
        )


class Close(msgspec.Struct, frozen=True, tag="close"):
    """Close the sink, and end."""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """What was asked for is done."""


class Said(msgspec.Struct, frozen=True, tag="said"):
    """The sink logged a line."""

    level: int
    text: str


_NIL: Final = msgspec.Raw(msgspec.msgpack.encode(None))


def _raw(event: TelemetryEvent) -> msgspec.Raw:
    try:
        return msgspec.Raw(event.to_msgpack())
    except Exception:  # a huge integer, half a surrogate pair, an object of somebody's own
        return _NIL


def _event(packed: bytes) -> TelemetryEvent:
    try:
        return TelemetryEvent.from_msgpack(packed)
    except msgspec.ValidationError:
        told = msgspec.msgpack.decode(packed)
        if not isinstance(told, dict):
            raise
    # A field of a wrong type is the sink's to judge, as it is on a thread: the lake has a quarantine for it.
    declared = {field.name: field.type for field in msgspec.structs.fields(TelemetryEvent)}
    return TelemetryEvent(**{name: _fitting(value, declared[name]) for name, value in told.items()})


def _fitting(value: Any, declared: Any) -> Any:
    try:
        return msgspec.convert(value, declared)
    except msgspec.ValidationError:
        return value


Request: TypeAlias = Open | Deliver | Close
Answer: TypeAlias = Done | Failure | Said
