"""
Which events become W&B alerts, and what those say.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from fanlight import TelemetryEvent
from fanlight_wandb.config import WandbConfig

_LONGEST_TITLE: Final = 63
_LONGEST_TEXT: Final = 2000


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One W&B alert, as `run.alert` takes it."""

    title: str
    text: str
    level: str

    def raise_on(self, run: Any, interval: float) -> None:
        """Raise the alert on *run*; W&B drops it if one of this title was raised within *interval* seconds."""
        # W&B takes a wait of 0 for its own default of a minute.
        run.alert(title=self.title, text=self.text, level=self.level, wait_duration=max(interval, 0.001))


def alert_of(event: TelemetryEvent, config: WandbConfig) -> Alert | None:
    """Return the alert that *event* is to become, if any. An error's message stays out of it: it may quote a prompt."""
    if event.type == "alert" and "alert" in config.alert_on:
        return Alert(title=event.name[:_LONGEST_TITLE], text=_text(event), level="WARN")
    failed = event.ends_run and event.is_root and event.status == "error"
    if failed and "error" in config.alert_on:
        what = event.error.type if event.error else "error"
        return Alert(
            title=f"{event.name} failed"[:_LONGEST_TITLE],
            text=f"{what} in {event.environment}, trace {event.trace_id}",
            level="ERROR",
        )
    return None


def _text(event: TelemetryEvent) -> str:
    said = event.custom if event.custom is not None else event.outputs
    if isinstance(said, dict):
        said = "\n".join(f"{key}: {value}" for key, value in said.items())
    return str(said or event.name)[:_LONGEST_TEXT]
