"""
The configuration as pydantic models: what keys there are, their types, defaults and meaning.

The docstring under a field is its documentation in the reference file, the JSON Schema and config/README.md. Models
check shape only; what needs the installed plugins or another part of the file is checked by `fanlight.plan`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from fanlight.units import ByteSize, Duration, PositiveDuration

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _scalar(value: Any) -> str | int | float | bool:
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError("expected text, a number, true or false")


def _date(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError("expected a date such as 2026-01-31")


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _target(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) != {"sink"}:
            raise ValueError("expected a sink's name, or {sink: name}")
        return value["sink"]
    return value


def _unmatched(value: Any) -> Any:
    if value == "drop":
        return ()
    if isinstance(value, str):
        raise ValueError("expected `drop` or a list of sinks")  # noqa: TRY004 - pydantic collects these
    return value


class Model(BaseModel):
    """Immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class SinkReference(Model):
    """A sink in a route, in the long form."""

    sink: str
    """The sink's name."""


Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
"""A sink's name: lower case letters, digits and underscores."""
Scalar: TypeAlias = Annotated[Any, PlainValidator(_scalar, json_schema_input_type=str | float | bool)]
Target: TypeAlias = Annotated[str, BeforeValidator(_target, json_schema_input_type=str | SinkReference)]
Date: TypeAlias = Annotated[date, PlainValidator(_date, json_schema_input_type=str)]
Dollars: TypeAlias = Annotated[float, Field(ge=0)]
MatchMap: TypeAlias = dict[str, Any]
"""A match as written; its keys and operators are parsed by `fanlight.routing`."""


class ServiceConfig(Model):
    """The application that is observed."""

    name: str = Field(min_length=1, examples=["support-bot"])
    """The service's name, as in OpenTelemetry's `service.name`."""
    version: str | None = Field(default=None, examples=["1.4.2"])
    """The service's version."""
    revision: str | None = Field(default=None, examples=["9f2c1e7"])
    """The commit it was built from; `vcs.ref.head.revision`."""


class IntakeConfig(Model):
    """The queue between the application's threads and the router thread."""

    max_events: int = Field(default=50_000, ge=1)
    """Events it holds; more are dropped and counted as `intake_full`."""
    max_bytes: ByteSize = ByteSize(128 * 1024 * 1024)
    """Estimated bytes it holds."""


class CaptureConfig(Model):
    """What is taken from the callbacks."""

    max_field_bytes: ByteSize = ByteSize(64 * 1024)
    """Longer texts are cut; their size and a keyed hash are kept."""
    prompt_name_key: str = "prompt_name"
    """The metadata key that names the prompt."""
    prompt_version_key: str = "prompt_version"
    """The metadata key that holds the prompt's version."""
    session_keys: tuple[str, ...] = ("session_id", "conversation_id", "thread_id")
    """Metadata keys that hold the session, the first that is there wins."""
    user_keys: tuple[str, ...] = ("user_id",)
    """Metadata keys that hold the user."""
    tenant_keys: tuple[str, ...] = ("tenant_id",)
    """Metadata keys that hold the tenant."""
    configurable_keys: tuple[str, ...] = Field(default=(), examples=[["user_id", "tenant_id"]])
    """Keys of LangGraph's `configurable` to take over as if they were metadata."""
    intake: IntakeConfig = IntakeConfig()
    """The queue between the application's threads and the router thread."""
    max_open_runs: int = Field(default=100_000, ge=1)
    """Runs remembered as open; the oldest beyond that are reaped as `abandoned`."""
    run_ttl: PositiveDuration = Duration(6 * 3600)
    """After this long without an end, a run is reaped as `abandoned`."""


class PriceConfig(Model):
    """What some models cost, for a time."""

    provider: str | None = Field(default=None, examples=["openai"])
    """The provider, a glob, as `provider` of the events or as LangChain calls it; every provider where nothing is
    said."""
    model: str = Field(min_length=1, examples=["gpt-4o*"])
    """The model, a glob: the one that answered, or the one that was asked for."""
    input: Dollars
    """What a million tokens of the prompt cost, in US dollars."""
    output: Dollars
    """What a million tokens of the answer cost; 0 for embeddings."""
    cache_read: Dollars | None = Field(default=None, examples=[0.25])
    """The same for prompt tokens that the provider's cache had; as `input` where nothing is said."""
    cache_write: Dollars | None = Field(default=None, examples=[3.75])
    """For prompt tokens that were put into the cache; as `input` where nothing is said."""
    cache_write_1h: Dollars | None = Field(default=None, examples=[6.0])
    """For those that were put there for an hour; as `cache_write` where nothing is said."""
    reasoning: Dollars | None = Field(default=None, examples=[10.0])
    """For reasoning tokens; as `output` where nothing is said."""
    input_audio: Dollars | None = Field(default=None, examples=[40.0])
    """For audio in the prompt; as `input` where nothing is said."""
    output_audio: Dollars | None = Field(default=None, examples=[80.0])
    """For audio in the answer; as `output` where nothing is said."""
    since: Date | None = Field(default=None, examples=["2026-01-01"])
    """The first day on which it holds, in UTC; the call's start counts."""
    until: Date | None = Field(default=None, examples=["2027-01-01"])
    """The first day on which it does no longer."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError(f"it never holds: `until` ({self.until}) is not after `since` ({self.since})")
        return self


class CostConfig(Model):
    """What model calls cost."""

    prices: tuple[PriceConfig, ...] = Field(
        default=(), examples=[[{"provider": "acme", "model": "acme-large*", "input": 2.5, "output": 10}]]
    )
    """Prices of your own, before any others. Of several that name a model and hold at the time, the first counts."""
    table: Literal["genai-prices", "none"] = "genai-prices"
    """List prices for what nothing else prices: `genai-prices`, if `fanlight[cost]` is installed, or `none`."""


class QueueConfig(Model):
    """How much one sink may have pending."""

    max_events: int | None = Field(default=None, ge=1, examples=[10_000])
    """Events; 10 000 where nothing is said."""
    max_bytes: ByteSize | None = Field(default=None, examples=["64MiB"])
    """Estimated bytes; 64MiB where nothing is said."""
    when_full: Literal["drop_oldest", "drop_newest"] | None = Field(default=None, examples=["drop_oldest"])
    """`drop_oldest` (the default) keeps what is fresh, `drop_newest` keeps what is there. Counted either way."""


class BatchConfig(Model):
    """When a batch is full, and how long it waits to become so."""

    max_events: int | None = Field(default=None, ge=1, examples=[200])
    """Events; 200 where neither this nor the sink type says otherwise."""
    max_bytes: ByteSize | None = Field(default=None, examples=["2MiB"])
    """Estimated bytes; 2MiB where nothing else is said."""
    linger: Duration | None = Field(default=None, examples=["500ms"])
    """How long an incomplete batch waits for more; 500ms where nothing else is said."""


class RetryConfig(Model):
    """How a failed attempt is repeated: full jitter between 0 and an interval that doubles."""

    initial: PositiveDuration | None = Field(default=None, examples=["1s"])
    """The first interval; 1s."""
    max: PositiveDuration | None = Field(default=None, examples=["60s"])
    """The longest interval; 60s."""
    give_up_after: PositiveDuration | None = Field(default=None, examples=["5m"])
    """How long a batch is tried before its events are dropped as `gave_up`; waiting on the destination's word, or for
    a key that it takes, is no trying; 5m."""
    respect_retry_after: bool | None = Field(default=None, examples=[True])
    """Whether the destination's own Retry-After pauses the sink, up to 5 minutes; true."""


class BreakerConfig(Model):
    """When a sink is left alone for a while."""

    failures: int | None = Field(default=None, ge=1, examples=[5])
    """Failed attempts within the window that open it; 5."""
    window: PositiveDuration | None = Field(default=None, examples=["30s"])
    """The window; 30s."""
    open: PositiveDuration | None = Field(default=None, examples=["15s"])
    """How long it stays open the first time; doubles up to `max_open`; 15s."""
    max_open: PositiveDuration | None = Field(default=None, examples=["5m"])
    """The longest it stays open; 5m."""


class DeliveryConfig(Model):
    """How events reach a sink. What is not said comes from `defaults:`, then the sink type, then fanlight."""

    queue: QueueConfig = QueueConfig()
    """How much may be pending."""
    batch: BatchConfig = BatchConfig()
    """When a batch is sent."""
    retry: RetryConfig = RetryConfig()
    """How a failed attempt is repeated."""
    breaker: BreakerConfig = BreakerConfig()
    """When the sink is left alone."""
    timeout: PositiveDuration | None = Field(default=None, examples=["10s"])
    """How long one attempt may take before it is abandoned; 10s."""
    rate_limit: float | None = Field(default=None, gt=0)
    """The most events a second; unlimited where nothing is said."""


class CollapseConfig(Model):
    """Runs that are left out for this sink; their children hang on the nearest run that is sent."""

    hidden: bool = False
    """Leave out what LangChain tags `langsmith:hidden`."""
    types: tuple[Literal["chain", "tool", "retriever", "llm"], ...] = Field(default=(), examples=[["chain"]])
    """Leave out runs of these types, roots excepted."""


class CommonSinkConfig(DeliveryConfig):
    """The keys that every sink has, whatever its type."""

    type: str
    """The sink type; `fanlight plugins` lists those that are installed."""
    enabled: bool = True
    """Whether the sink is used. A disabled sink is checked and then left out."""
    labels: dict[str, str] = Field(default={}, examples=[{"region": "eu"}])
    """Free labels; restrictions can name them as `label:region=eu`."""
    content: Literal["full", "metadata"] = "full"
    """`metadata` sends no prompts, answers, documents, arguments, custom data or exception messages."""
    collapse: CollapseConfig = CollapseConfig()
    """Which runs are left out."""
    isolation: Literal["thread", "process"] | None = Field(default=None, examples=["thread"])
    """Where the sink runs: on a `thread` of this process, or in a `process` of its own, which is killed where it
    hangs. What the type prefers where nothing is said."""


class RestrictionAction(Model):
    """What a restriction does; it names sinks, `type:<type>` or `label:<key>=<value>`."""

    deny: tuple[str, ...] = Field(default=(), examples=[["label:region=us"]])
    """These never get it."""
    only: tuple[str, ...] | None = Field(default=None, examples=[["label:region=eu"]])
    """None but these may get it."""


class RouteConfig(RestrictionAction):
    """One rule. Every rule that matches applies: sinks are united, restrictions beat every `to`."""

    name: str = Field(default="", examples=["EU tenants stay in the EU"])
    """What `explain`, health and errors call it; `routes[3]` where nothing is said."""
    enabled: bool = True
    """Whether the rule is used."""
    match: MatchMap = Field(default={}, examples=[{"tenant_id": "eu-*"}])
    """What it applies to; `{}`, or nothing said, is everything."""
    to: tuple[Target, ...] = Field(default=(), examples=[["console", "jsonl"]])
    """The sinks that get it, each by its name."""
    require: tuple[str, ...] = Field(default=(), examples=[["tenant_id"]])
    """Keys that must be known; where one is missing, `otherwise` applies."""
    otherwise: RestrictionAction | None = None
    """The restriction where a required key is missing."""


class SecretsConfig(Model):
    """The privacy floor: applies everywhere, before anything is queued for a sink."""

    secrets: Literal["mask"] = "mask"
    """API keys, tokens and private keys are masked. There is no way to turn this off."""


class PluginsConfig(Model):
    """Plugins beyond those that are installed."""

    modules: tuple[str, ...] = ()
    """Importable modules with hooks, such as `my_app.my_sink`."""
    disabled: tuple[str, ...] = ()
    """Installed plugins that are not loaded, by the name of their entry point or distribution."""


class MemoryJournalConfig(Model):
    """Where accepted events wait."""

    type: Literal["memory"] = "memory"
    """`memory`: in this process; lost with it."""


class TestExpectation(Model):
    """What a test of the configuration expects."""

    __test__ = False

    sinks: tuple[str, ...] | None = Field(default=None, examples=[["console", "jsonl"]])
    """Exactly these sinks get it."""
    not_sinks: tuple[str, ...] = Field(default=(), examples=[["memory"]])
    """None of these gets it."""
    routes: tuple[str, ...] | None = Field(default=None, examples=[["EU tenants stay in the EU"]])
    """Exactly these routes match."""
    redacted: dict[str, tuple[str, ...]] = Field(default={}, examples=[{"jsonl": ["inputs"]}])
    """For each sink, the fields in which something was masked."""


class TestCase(Model):
    """An event and where it must go; run by `fanlight test`."""

    __test__ = False

    name: str = Field(min_length=1, examples=["EU tenants stay in the EU"])
    """The guarantee, in words."""
    event: dict[str, Any] = Field(examples=[{"tenant_id": "eu-7", "inputs": {"api_key": "not for anybody"}}])
    """Field values by their names: `{environment: prod, tenant_id: eu-7, inputs: "…"}`."""
    expect: TestExpectation
    """Where it must go."""


class RouterConfig(Model):
    """The whole file."""

    version: Literal[1]
    """The version of this format."""
    service: Annotated[ServiceConfig, BeforeValidator(_named, json_schema_input_type=str | ServiceConfig)]
    """The application: its name, or `{name, version, revision}`."""
    environments: tuple[str, ...] = Field(min_length=1, examples=[["dev", "staging", "prod"]])
    """The environments there are; rules may name no other."""
    environment: str = Field(examples=["${env:APP_ENV}"])
    """The one this process runs in, usually `"${env:APP_ENV}"`. There is no default."""
    attributes: dict[str, Scalar] = Field(default={}, examples=[{"team": "support", "cost_center": "4711"}])
    """Static attributes of every event, for attribution: `{team: support}`."""
    capture: CaptureConfig = CaptureConfig()
    """What is taken from the callbacks."""
    cost: CostConfig = CostConfig()
    """What model calls cost."""
    delivery: Literal["inline"] = "inline"
    """Who delivers: `inline` is a thread of this process for each sink."""
    journal: MemoryJournalConfig = MemoryJournalConfig()
    """Where accepted events wait."""
    shutdown_timeout: Duration = Duration(5.0)
    """How long the end of the process may be delayed at most while events are being delivered."""
    privacy: SecretsConfig = SecretsConfig()
    """The privacy floor."""
    plugins: PluginsConfig = PluginsConfig()
    """Plugins beyond those that are installed."""
    defaults: DeliveryConfig = DeliveryConfig()
    """Delivery settings for all sinks."""
    sinks: dict[Name, dict[str, Any]] = Field(min_length=1)
    """The destinations by name: common keys, and those of the sink's `type`."""
    routes: tuple[RouteConfig, ...] = ()
    """The rules."""
    unmatched: Annotated[
        tuple[str, ...], BeforeValidator(_unmatched, json_schema_input_type=Literal["drop"] | tuple[str, ...])
    ] = Field(default="drop", validate_default=True)
    """Where events go that no rule matches: `drop`, or sinks. Counted either way."""
    tests: tuple[TestCase, ...] = ()
    """Tests of this file."""
