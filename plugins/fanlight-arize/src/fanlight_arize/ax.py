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
from fanlight_arize.addresses import Addresses, no_address
from fanlight_arize.alone import Fates, fate_of_all, in_order, send_or_each_alone
from fanlight_arize.config import ArizeConfig
from fanlight_arize.encode import SPAN_ID, Row, Way, ax_row, encoded
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

    def deliver(self, events: Sequence[TelemetryEvent], deadline: float) -> Fates:
        """Write *events* until *deadline*, and return by event id why some were not taken."""
        try:
            self._client = self._client or open_client(self._config, self._addresses, self._excerpt)
        except DeliveryError as error:
            return fate_of_all(events, error)
        now_ms = time.time_ns() // 1_000_000
        written, fates = encoded(events, lambda event: Written(event, *ax_row(event, now_ms=now_ms)))

        def send(call: Sequence[TelemetryEvent], _: float) -> Fates:
            return self._send([written[event.event_id] for event in call])

        calls = ([each.event for each in call] for call in _at_once(written.values()))
        return {**fates, **in_order(calls, lambda call: send_or_each_alone(call, send, deadline))}

    def close(self) -> None:
        """Let go of the client; its Flight connections end with each call."""
        self._client = None

    def _send(self, written: Sequence[Written]) -> Fates:
        spans = self._client.spans
        match written[0].way:
            case "annotation":
                return self._update(spans.update_annotations, written)
            case "evaluation":
                return self._update(spans.update_evaluations, written)
            case "trace_annotation":
                return self._annotate_traces(written)

    def _update(self, call: Callable[..., Any], written: Sequence[Written]) -> Fates:
        config, frame = self._config, frame_of([each.row for each in written])
        answer = self._asked(call, space_id=config.space_id, project_name=config.project, dataframe=frame)
        unmatched = set(answer.get("unmatched_ids", ()))
        unknown = [each.event for each in written if each.row[SPAN_ID] in unmatched]
        return fate_of_all(unknown, SpanUnknownError("Arize knows no such span in this project"))

    def _annotate_traces(self, written: Sequence[Written]) -> Fates:
        config = self._config
        if self._addresses.api is None:  # the SDK would take Arize's own
            raise no_address("api_endpoint")
        annotations = trace_annotations([each.row for each in written])
        self._asked(self._client.spans.annotate, project=config.project, space=config.space_id, **annotations)
        return {}

    def _asked(self, call: Callable[..., Any], **arguments: Any) -> Any:
        try:
            with silent():
                return call(**arguments)
        except Exception as error:  # whatever the SDK raises is about these rows
            raise meaning_of(error, self._excerpt) from None


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
