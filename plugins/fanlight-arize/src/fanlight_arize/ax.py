"""
Feedback to Arize AX, by its SDK: what people say are annotations, what models and programs say are evaluations.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from fanlight import DeliveryError, TelemetryEvent
from fanlight_arize.addresses import Addresses
from fanlight_arize.alone import fate_of_all, no_address, send_or_each_alone
from fanlight_arize.config import ArizeConfig
from fanlight_arize.encode import SPAN_ID, Row, Way, ax_row
from fanlight_arize.patience import SpanUnknownError
from fanlight_arize.sdk import frame_of, meaning_of, open_client, trace_annotations
from fanlight_arize.sdk_logging import silent


class Written(msgspec.Struct, frozen=True):
    """Feedback as it is written to Arize AX."""

    event: TelemetryEvent
    way: Way
    row: Row


class AxFeedback:
    """
    Writes feedback to spans that Arize AX has. The SDK is imported at the first feedback, which takes seconds.

    Args:
        config: The sink's settings.
        addresses: Where Arize AX takes feedback.
        excerpt: Makes of what a server said what may be shown.
    """

    def __init__(self, config: ArizeConfig, addresses: Addresses, excerpt: Callable[[str], str]) -> None:
        self._config = config
        self._addresses = addresses
        self._excerpt = excerpt
        self._client: Any = None

    def deliver(self, events: Sequence[TelemetryEvent], deadline: float) -> dict[str, DeliveryError]:
        """Write *events* until *deadline*, and return by event id why some were not taken."""
        try:
            self._client = self._client or open_client(self._config, self._addresses)
        except DeliveryError as error:
            return fate_of_all(events, error)
        written, errors = _written(events)
        for at_once in _at_once(written):
            rows = {each.event.event_id: each.row for each in at_once}
            send = self._ways(rows)[at_once[0].way]
            errors |= send_or_each_alone([each.event for each in at_once], send, deadline)
        return errors

    def close(self) -> None:
        """Let go of the client; its Flight connections end with each call."""
        self._client = None

    def _ways(self, rows: dict[str, Row]) -> dict[Way, Any]:
        def chosen(events: Sequence[TelemetryEvent]) -> list[Row]:
            return [rows[event.event_id] for event in events]

        spans = self._client.spans
        return {
            "annotation": lambda events, _: self._update(spans.update_annotations, events, chosen(events)),
            "evaluation": lambda events, _: self._update(spans.update_evaluations, events, chosen(events)),
            "trace_annotation": lambda events, _: self._annotate_traces(chosen(events)),
        }

    def _update(
        self, call: Callable[..., Any], events: Sequence[TelemetryEvent], rows: list[Row]
    ) -> dict[str, DeliveryError]:
        config = self._config
        answer = self._asked(call, space_id=config.space_id, project_name=config.project, dataframe=frame_of(rows))
        unmatched = set(answer.get("unmatched_ids", ()))
        unknown = [event for event, row in zip(events, rows, strict=True) if row[SPAN_ID] in unmatched]
        return fate_of_all(unknown, SpanUnknownError("Arize knows no such span in this project"))

    def _annotate_traces(self, rows: list[Row]) -> dict[str, DeliveryError]:
        config = self._config
        if self._addresses.api is None:  # the SDK would take Arize's own
            raise no_address("api_endpoint")
        annotations = trace_annotations(rows)
        self._asked(self._client.spans.annotate, project=config.project, space=config.space_id, **annotations)
        return {}

    def _asked(self, call: Callable[..., Any], **arguments: Any) -> Any:
        try:
            with silent():
                return call(**arguments)
        except Exception as error:  # whatever the SDK raises is about these rows
            raise meaning_of(error, self._excerpt) from None


def _written(events: Iterable[TelemetryEvent]) -> tuple[list[Written], dict[str, DeliveryError]]:
    written: list[Written] = []
    errors: dict[str, DeliveryError] = {}
    now_ms = time.time_ns() // 1_000_000
    for event in events:
        try:
            written.append(Written(event, *ax_row(event, now_ms=now_ms)))
        except DeliveryError as error:
            errors[event.event_id] = error
    return written, errors


def _at_once(written: Iterable[Written]) -> Iterator[list[Written]]:
    """
    Yield what can go in one call each.

    That is: the same columns, so that no cell is empty and overwrites what is there; and no span twice, so that the
    later of two judgements is written later.
    """
    calls: dict[tuple[int, tuple[str, ...]], list[Written]] = {}
    turns: Counter[str] = Counter()
    for each in written:
        span_id = each.row[SPAN_ID]
        calls.setdefault((turns[span_id], (each.way, *sorted(each.row))), []).append(each)
        turns[span_id] += 1
    yield from (calls[key] for key in sorted(calls))
