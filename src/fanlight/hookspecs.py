"""
Everything that a plugin can add to fanlight: one class of hooks, each typed, each with an example that runs.

A plugin is a module (or object) whose functions carry `@hookimpl`. fanlight finds it through the entry-point group
`fanlight`, or through `plugins: {modules: [my_app.my_sink]}` in the configuration. An implementation may take any
subset of a hook's arguments, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec
import pluggy

from fanlight.event import TelemetryEvent
from fanlight.sinks.base import Batch, SinkType

PROJECT: Final = "fanlight"
ENTRY_POINT_GROUP: Final = "fanlight"

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)

Process: TypeAlias = Callable[[TelemetryEvent], TelemetryEvent | None]


class Processor(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the pipeline: takes an event, returns it, a changed copy, or `None` to drop it (counted)."""

    name: str
    process: Process


class Matcher(msgspec.Struct, frozen=True, kw_only=True):
    """A further key that routes can match on: `x.<name>` in the configuration."""

    name: str
    value: Callable[[TelemetryEvent], Any]
    """Returns the value to match, or `None` where it is not known. Must be pure and fast."""


class Detector(msgspec.Struct, frozen=True, kw_only=True):
    """A further secret that the floor masks, everywhere, before anything is queued for a sink."""

    kind: str
    """What the mask and the event's `redacted` call it."""
    pattern: str
    """RE2 syntax (linear time). Where it has a group `secret`, only that group is masked."""


class SecretResolver(msgspec.Struct, frozen=True, kw_only=True):
    """A further placeholder for the configuration: `${<scheme>:<reference>}`."""

    scheme: str
    resolve: Callable[[str], str]
    """Returns the value for a reference; raises `LookupError` with a sentence where there is none."""


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a model call cost, in US dollars: the total, its parts, or both."""

    total_usd: float | None = None
    """The sum of the parts where it is not given."""
    input_usd: float | None = None
    output_usd: float | None = None

    def __post_init__(self) -> None:
        parts = [part for part in (self.input_usd, self.output_usd) if part is not None]
        if self.total_usd is None and parts:
            msgspec.structs.force_setattr(self, "total_usd", sum(parts))


class PriceSource(msgspec.Struct, frozen=True, kw_only=True):
    """A further source of prices, asked before fanlight's own table."""

    name: str
    """What the events' `price_source` says."""
    price: Callable[[TelemetryEvent], Price | None]
    """
    Prices a model call that ended, by its provider, model, time and usage; `None` where it does not know. Every event
    waits for it: it must not ask a network.
    """


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A further command of the command line: `fanlight <name> …`."""

    name: str
    summary: str
    """One line for `fanlight --help`."""
    main: Callable[[Sequence[str]], int]
    """Called with the arguments behind the name; returns 0 for yes, 1 for no, 2 for wrong usage."""


class DeliveryOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt at one batch ended."""

    sink: str
    batch_id: str
    events: int
    attempt: int
    result: Literal["delivered", "retry", "partial", "rejected", "timeout", "gave_up"]
    duration_ms: float
    message: str = ""


class FanlightSpecs:
    """The hooks. Their order here is the order of an event's way."""

    @hookspec
    def fanlight_register_sinks(self) -> Iterable[SinkType]:  # type: ignore[empty-body]
        """
        Return the sink types that this plugin brings.

        **Example:**

        ```python
        from fanlight import Batch, Sink, SinkConfig, SinkType, hookimpl

        class StdoutConfig(SinkConfig):
            prefix: str = ""

        class StdoutSink(Sink[StdoutConfig]):
            def deliver(self, batch: Batch) -> None:
                for event in batch:
                    print(self.config.prefix + event.name)

        @hookimpl
        def fanlight_register_sinks() -> list[SinkType]:
            return [SinkType(name="stdout", config_model=StdoutConfig, factory=StdoutSink)]
        ```
        """

    @hookspec
    def fanlight_secret_resolvers(self) -> Iterable[SecretResolver]:  # type: ignore[empty-body]
        """
        Return further placeholders for the configuration.

        **Example:**

        ```python
        from fanlight import SecretResolver, hookimpl

        VAULT = {"wandb/key": "local-wandb-key"}

        @hookimpl
        def fanlight_secret_resolvers() -> list[SecretResolver]:
            return [SecretResolver(scheme="vault", resolve=VAULT.__getitem__)]
        ```
        """

    @hookspec
    def fanlight_processors(self) -> Iterable[Processor]:  # type: ignore[empty-body]
        """
        Return steps that every event takes after it is normalised and before it is routed.

        **Example:**

        ```python
        from fanlight import Processor, TelemetryEvent, hookimpl

        def lower_names(event: TelemetryEvent) -> TelemetryEvent:
            return event.replace(name=event.name.lower())

        @hookimpl
        def fanlight_processors() -> list[Processor]:
            return [Processor(name="lower_names", process=lower_names)]
        ```
        """

    @hookspec
    def fanlight_matchers(self) -> Iterable[Matcher]:  # type: ignore[empty-body]
        """
        Return further keys for routes; the key is `x.<name>`.

        **Example:**

        ```python
        from fanlight import Matcher, hookimpl

        @hookimpl
        def fanlight_matchers() -> list[Matcher]:
            return [Matcher(name="long_name", value=lambda event: len(event.name) > 40)]
        ```
        """

    @hookspec
    def fanlight_detectors(self) -> Iterable[Detector]:  # type: ignore[empty-body]
        """
        Return further secrets that the floor masks.

        **Example:**

        ```python
        from fanlight import Detector, hookimpl

        @hookimpl
        def fanlight_detectors() -> list[Detector]:
            return [Detector(kind="acme_token", pattern=r"acme_[0-9a-f]{32}")]
        ```
        """

    @hookspec
    def fanlight_price_sources(self) -> Iterable[PriceSource]:  # type: ignore[empty-body]
        """
        Return further sources of prices; the first that knows a model's price wins.

        **Example:**

        ```python
        from fanlight import Price, PriceSource, TelemetryEvent, hookimpl

        def our_rates(event: TelemetryEvent) -> Price | None:
            if event.provider != "acme":
                return None
            return Price(total_usd=(event.total_tokens or 0) * 2e-6)

        @hookimpl
        def fanlight_price_sources() -> list[PriceSource]:
            return [PriceSource(name="our_rates", price=our_rates)]
        ```
        """

    @hookspec
    def fanlight_commands(self) -> Iterable[Command]:  # type: ignore[empty-body]
        """
        Return further commands of the command line.

        **Example:**

        ```python
        from collections.abc import Sequence

        from fanlight import Command, hookimpl

        def hello(arguments: Sequence[str]) -> int:
            print("hello", *arguments)
            return 0

        @hookimpl
        def fanlight_commands() -> list[Command]:
            return [Command(name="hello", summary="say hello", main=hello)]
        ```
        """

    @hookspec
    def fanlight_deliver(self, batch: Batch) -> None:
        """
        Deliver *batch* to one sink. A sink's `deliver` is this hook's implementation, in a PluginManager of its own.

        Write an implementation only as a wrapper: it sees the batches of every sink.

        **Example:**

        ```python
        from collections.abc import Generator

        from fanlight import Batch, hookimpl

        @hookimpl(wrapper=True)
        def fanlight_deliver(batch: Batch) -> Generator[None, list[None], list[None]]:
            print(f"{len(batch)} events to {batch.sink}")
            return (yield)
        ```
        """

    @hookspec
    def fanlight_delivery_outcome(self, outcome: DeliveryOutcome) -> None:
        """
        Hear how an attempt ended. Runs on the sink's lane: be quick; what it raises is logged and forgotten.

        **Example:**

        ```python
        from fanlight import DeliveryOutcome, hookimpl

        @hookimpl
        def fanlight_delivery_outcome(outcome: DeliveryOutcome) -> None:
            print(outcome.sink, outcome.result, outcome.events)
        ```
        """

    @hookspec
    def fanlight_started(self, sinks: tuple[str, ...]) -> None:
        """
        Hear that a router began work in this process, at its first event; *sinks* are the names it delivers to.

        **Example:**

        ```python
        from fanlight import hookimpl

        @hookimpl
        def fanlight_started(sinks: tuple[str, ...]) -> None:
            print("delivering to", ", ".join(sinks))
        ```
        """

    @hookspec
    def fanlight_stopped(self) -> None:
        """
        Hear that a router closed.

        **Example:**

        ```python
        from fanlight import hookimpl

        @hookimpl
        def fanlight_stopped() -> None:
            print("closed")
        ```
        """
