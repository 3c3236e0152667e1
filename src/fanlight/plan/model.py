"""What a router is built from."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from fanlight.config.models import CaptureConfig, CollapseConfig, RouterConfig, ServiceConfig, TestCase
from fanlight.delivery.settings import LaneSettings
from fanlight.errors import Problem
from fanlight.plugins import PluginRegistry
from fanlight.routing import RoutingTable
from fanlight.sinks.base import Isolation, SinkConfig, SinkType


class PlannedSink(msgspec.Struct, frozen=True, kw_only=True):
    """One destination that is in use."""

    name: str
    sink_type: SinkType
    config: SinkConfig
    """The sink's own settings."""
    settings: LaneSettings
    """The sink's own delivery settings over `defaults`, over its type's, over fanlight's."""
    isolation: Isolation = "thread"
    """The sink's own word over its type's."""
    labels: dict[str, str] = {}
    content: Literal["full", "metadata"] = "full"
    collapse: CollapseConfig = CollapseConfig()

    def __repr__(self) -> str:  # a config may hold what a placeholder resolved to in a plain text
        return f"PlannedSink(name={self.name!r}, type={self.sink_type.name!r})"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that can be run."""

    config: RouterConfig
    file: str | None
    """Where it comes from; `None` for a dict."""
    environment: str
    """Empty where it is not known, which only a plan without secrets can be."""
    sinks: tuple[PlannedSink, ...]
    """Those that are enabled and that a route reaches; without secrets, all that are enabled."""
    table: RoutingTable
    registry: PluginRegistry
    secrets: bool
    """Whether placeholders were resolved. A plan without secrets is for looking at, not for delivery."""
    warnings: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        names = ", ".join(sink.name for sink in self.sinks)
        return f"Plan(file={self.file!r}, environment={self.environment!r}, sinks=[{names}])"

    @property
    def service(self) -> ServiceConfig:
        """The application that is observed."""
        return self.config.service

    @property
    def attributes(self) -> dict[str, Any]:
        """Static attributes of every event."""
        return self.config.attributes

    @property
    def capture(self) -> CaptureConfig:
        """What is taken from the callbacks."""
        return self.config.capture

    @property
    def shutdown_timeout(self) -> float:
        """Seconds that the end of the process may be delayed."""
        return self.config.shutdown_timeout

    @property
    def tests(self) -> tuple[TestCase, ...]:
        """The file's own tests."""
        return self.config.tests

    @property
    def plugins_failed(self) -> tuple[str, ...]:
        """The plugins that could not be loaded, each with the reason."""
        return tuple(f"{info.origin}: {info.reason}" for info in self.registry.failed)
