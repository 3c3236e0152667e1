"""
The contract between a lane and a sink: three methods, a config model, and exceptions that say what to do next.

A sink author writes `open`, `deliver` and `close`. Queue, batching, retry, backoff, circuit breaker, timeout and
dead letters belong to the lane; a sink that keeps a queue or retries by itself is doing the lane's work.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict

from fanlight.event import TelemetryEvent

Consumes: TypeAlias = Literal["events", "runs"]
"""`events`: every event. `runs`: the events that end a run, and those that stand alone (feedback, audit, alert)."""

Isolation: TypeAlias = Literal["thread", "process"]
Idempotency: TypeAlias = Literal["event_id", "span_id", "batch_id", "none"]


class SinkConfig(BaseModel):
    """
    Base of every sink's own settings: immutable, and an unknown key is an error.

    Keys that every sink has (`type`, `enabled`, `labels`, `content`, `collapse` and the delivery settings) belong
    to fanlight and do not reach this model. Declare secrets as `pydantic.SecretStr`. The docstring under a field is its
    description.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)


class SinkContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink is told when it is opened."""

    name: str
    """The sink's name in the configuration."""
    service_name: str
    service_version: str | None = None
    environment: str
    instance_id: str
    attributes: dict[str, Any] = {}
    isolation: Isolation = "thread"
    """`process`: fanlight started this process for the sink alone, and nobody else's environment and SDK are in it."""
    logger: logging.Logger
    """Logs under `fanlight.sinks.<name>`. Never log content or secrets."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one sink, with what differs between sinks."""

    event: TelemetryEvent
    sink: str
    routes: tuple[str, ...] = ()
    """The routes that sent it here; empty for `unmatched`."""
    size: int = 0
    """Estimated bytes; what the queue is bounded by."""
    accepted_at: float = 0.0
    """Monotonic seconds at which the journal took it."""


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """
    The mark of a batch that will come again as exactly this set, or not at all: what exactly-once delivery needs.

    A sink that writes it in one transaction with the rows recognises a batch that it has: each writer's sequence only
    grows. A writer's batches come in order, the next only after the one before has its final word: a lower number than
    the last one means that it was written, or never will be. So a replay, and a part of a batch, have no seal or a new
    one.
    """

    writer: str
    """Who sealed it: a name that a journal draws anew for each sink whenever it is opened: no number is used twice."""
    sequence: int
    """Grows by 1 with each batch of this writer for this sink."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink is given to deliver at once."""

    id: str
    """Stable over the attempts at the same batch; use it as idempotency key where the destination has one."""
    sink: str
    deliveries: tuple[Delivery, ...]
    deadline: float
    """Monotonic seconds at which the lane abandons this attempt: pass what is left as your socket timeout."""
    attempt: int = 1
    """Counted from 1."""
    replay: bool = False
    """The events are old and are sent again on purpose: do not raise alerts or count metrics for them."""
    seal: Seal | None = None
    """Present where the journal seals batches; without it delivery is at least once."""

    @property
    def events(self) -> tuple[TelemetryEvent, ...]:
        """The batch's events, in the order in which they happened."""
        return tuple(delivery.event for delivery in self.deliveries)

    def __len__(self) -> int:
        return len(self.deliveries)

    def __iter__(self) -> Iterator[TelemetryEvent]:
        return (delivery.event for delivery in self.deliveries)


ConfigT = TypeVar("ConfigT", bound=SinkConfig)


class Sink(ABC, Generic[ConfigT]):
    """
    One configured destination. All methods run on threads of its lane, never on the application's.

    An instance is opened once. After a hang or a crash the lane makes a new instance and opens that.
    """

    config: ConfigT

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    def open(self, context: SinkContext) -> None:
        """
        Import the SDK, connect, make files. Called once, before the first batch.

        Raises:
            RetryableError: try again later, with backoff; events wait in the queue.
            PermanentError: this sink can never work as configured; its breaker opens and stays in `health()`.
        """
        self.context = context

    @abstractmethod
    def deliver(self, batch: Batch) -> None:
        """
        Hand *batch* to the destination, and return when the destination's own durable step has said yes.

        Raises:
            RetryableError: nothing is known to have been taken; the same batch comes again.
            PermanentError: the destination will never take it.
            PartialFailure: some events were taken, the others fared as it says.
            Exception: anything else counts as retryable, up to the lane's limits.
        """

    def close(self) -> None:
        """Let go of connections and files. Called once, after the last batch, with little time left."""


class DeliveryDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink type prefers where the configuration does not say; `None` leaves fanlight's own default."""

    batch_max_events: int | None = None
    batch_max_bytes: int | None = None
    batch_linger: float | None = None
    """Seconds that an incomplete batch waits for more."""
    timeout: float | None = None
    """Seconds that one attempt may take."""
    queue_max_events: int | None = None
    queue_max_bytes: int | None = None
    """Must be well above `batch_max_bytes`, or batches never fill."""


class SinkType(msgspec.Struct, frozen=True, kw_only=True):
    """
    A kind of sink, as a plugin registers it through `fanlight_register_sinks`.
    """

    name: str
    """What `type:` says in the configuration."""
    config_model: type[SinkConfig]
    factory: Callable[[Any], Sink[Any]]
    """Called with a validated `config_model`; usually the sink class. Must be cheap and must not import the SDK."""
    consumes: Consumes = "events"
    isolation: Isolation | Callable[[Any], Isolation] = "thread"
    """`process` for an SDK that owns global state, may hang, or fights over `atexit`; or a choice by the config."""
    idempotency: Idempotency = "none"
    """By what the destination recognises an event that it is given twice."""
    delivered_means: str = ""
    """What the destination has done with an event when `deliver` returns, in one sentence."""
    network: bool = True
    """Whether events leave the machine."""
    defaults: DeliveryDefaults = DeliveryDefaults()
    stability: Literal["experimental", "beta", "stable"] = "stable"


_STANDALONE: Final = frozenset({"feedback", "audit", "alert"})


def consumed(consumes: Consumes, event: TelemetryEvent) -> bool:
    """Whether a sink that consumes *consumes* is given *event*."""
    return consumes == "events" or event.ends_run or event.type in _STANDALONE
