"""A capture with nothing behind it: what was captured is read from its intake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fanlight.capture.capture import Capture
from fanlight.capture.handler import make_handler
from fanlight.capture.intake import Intake
from fanlight.capture.record import CallbackRecord


class Captured:
    """A handler, and what it captured."""

    def __init__(self) -> None:
        self.intake = Intake(max_events=100_000, max_bytes=1 << 30)
        self.capture = Capture(self.intake)

    @property
    def handler(self):
        return make_handler(self.capture)

    @property
    def config(self):
        return {"callbacks": [self.handler]}

    def records(self) -> list[CallbackRecord]:
        return self.intake.take(1_000_000)

    def names(self) -> list[str]:
        return [record.callback for record in self.records()]


@pytest.fixture
def captured() -> Iterator[Captured]:
    return Captured()
