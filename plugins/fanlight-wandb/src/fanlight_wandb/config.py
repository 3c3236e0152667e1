"""
The settings of a sink of `type: wandb`.
"""

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, SecretStr, field_validator, model_validator

from fanlight import SinkConfig
from fanlight.units import Duration, PositiveDuration
from fanlight_wandb.checks import check_address, check_key, check_names, check_tag, problems

Occasion: TypeAlias = Literal["alert", "error"]


class RunBy(SinkConfig):
    """One W&B run for each combination of these fields' values."""

    by: tuple[str, ...] = Field(min_length=1, examples=[["metadata.prompt_version"]])
    """Names of event fields, as routes match them."""

    @field_validator("by")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            check_key(key)
        if len(set(keys)) < len(keys):
            raise ValueError("a key stands there twice")
        return keys


class TableConfig(SinkConfig):
    """The table of finished runs, and when it is begun anew."""

    enabled: bool = True
    """Whether there are tables at all; without them W&B gets metrics, configuration and alerts."""
    max_rows: int = Field(default=10_000, ge=1, le=200_000)
    """Rows after which a new table is begun: a browser shows a table whole."""
    max_increments: int = Field(default=100, ge=1, le=1000)
    """Batches after which a new table is begun: each costs a line that names all of the table's earlier ones."""


class WandbConfig(SinkConfig):
    """Which W&B project, which run in it, and what is logged there."""

    project: str | None = None
    """The W&B project. Needed unless `run` is `current`."""
    entity: str | None = None
    """The W&B team or user; the account's default where nothing is said."""
    mode: Literal["online", "offline"] = "online"
    """`offline` writes files only; `wandb sync` uploads them."""
    api_key: SecretStr | None = None
    """The API key. Where nothing is said: what WANDB_API_KEY or `wandb login` left, as with any use of W&B."""
    base_url: str | None = None
    """The W&B server, if it is not wandb.ai."""
    directory: Path | None = None
    """Where W&B keeps its files; `$XDG_STATE_HOME/fanlight/wandb` or `~/.local/state/fanlight/wandb` by default."""
    run: Literal["current", "process", "day"] | RunBy = "day"
    """
    Which W&B run an event belongs to: the application's own `wandb.run` (`current`), one a `process`, one a `day`, or
    one for each value of some event fields: `{by: [metadata.prompt_version]}`.
    """
    writer: str | None = None
    """Names the machine in a run's identity; its host name where nothing is said."""
    group: str | None = None
    """The group of the W&B runs; `<service>/<environment>` where nothing is said."""
    tags: tuple[str, ...] = ()
    """Tags of the W&B runs."""
    table: TableConfig = TableConfig()
    """The tables of finished runs and of feedback."""
    alert_on: tuple[Occasion, ...] = ("alert",)
    """What becomes a W&B alert: `alert` events, and a root run that ends with an `error`."""
    alert_interval: PositiveDuration = Duration(300)
    """W&B sends no second alert of the same title within this time."""
    init_timeout: PositiveDuration = Duration(15)
    """How long W&B may take to open a run."""
    finish_timeout: PositiveDuration = Duration(2.5)
    """How long finishing a run may go on uploading; what is left then stays in the run's directory."""

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        return value if value is None else check_address(value)

    @field_validator("tags")
    @classmethod
    def _are_tags(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        for tag in tags:
            check_tag(tag)
        return tags

    @model_validator(mode="after")
    def _fits_together(self) -> "WandbConfig":
        check_names(project=self.project, entity=self.entity)
        found = list(problems(self))
        if found:
            raise ValueError("; ".join(found))
        return self


def isolation_of(config: WandbConfig) -> Literal["thread", "process"]:
    """Return where a sink with *config* runs: the application's own run can only be reached from its process."""
    return "thread" if config.run == "current" else "process"
