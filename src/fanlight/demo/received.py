"""What a destination holds, in words that all destinations share, so that they can be compared run by run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from fanlight.event import TelemetryEvent
from fanlight.semconv import Fanlight, GenAI


class SeenRun(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run, as a destination shows it."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    status: str
    tenant_id: str
    input_tokens: int
    output_tokens: int


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one destination holds of this demo."""

    name: str
    where: str
    """A path or a URL, for whoever wants to look."""
    runs: tuple[SeenRun, ...]

    @property
    def roots(self) -> tuple[SeenRun, ...]:
        """The runs at the top of their trees, in the order in which they began: LangChain's ids begin with the time."""
        return tuple(sorted((run for run in self.runs if run.parent_span_id is None), key=lambda run: run.trace_id))

    @property
    def statuses(self) -> Counter[str]:
        """How many trees ended how."""
        return Counter(run.status for run in self.roots)

    def count(self, kind: str) -> int:
        """Return how many runs of *kind* there are."""
        return sum(run.kind == kind for run in self.runs)

    @property
    def errors(self) -> int:
        """How many runs failed."""
        return sum(run.status == "error" for run in self.runs)

    @property
    def input_tokens(self) -> int:
        """The prompts' tokens."""
        return sum(run.input_tokens for run in self.runs)

    @property
    def output_tokens(self) -> int:
        """The answers' tokens."""
        return sum(run.output_tokens for run in self.runs)

    def of_trace(self, trace_id: str) -> Received:
        """Return what is held of one trace."""
        return msgspec.structs.replace(self, runs=tuple(run for run in self.runs if run.trace_id == trace_id))


def read_jsonl(name: str, path: Path) -> Received:
    """Return what the file at *path* holds; nothing where there is none."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    events = (TelemetryEvent.from_json(line) for line in lines)
    return Received(name=name, where=str(path), runs=tuple(_of_event(event) for event in events if event.ends_run))


def _of_event(event: TelemetryEvent) -> SeenRun:
    return SeenRun(
        trace_id=event.trace_id,
        span_id=event.span_id,
        parent_span_id=event.parent_span_id,
        name=event.name,
        kind=event.run_type,
        status=event.status or "",
        tenant_id=event.tenant_id or "",
        input_tokens=event.input_tokens or 0,
        output_tokens=event.output_tokens or 0,
    )


def read_spans(name: str, where: str, spans: Iterable[Any]) -> Received:
    """Return what *spans*, as the receiver decoded them from the wire, hold."""
    runs = (
        run_of_span(span.trace_id, span.span_id, span.parent_span_id, span.attributes, failed=span.status == "error")
        for span in spans
    )
    return Received(name=name, where=where, runs=tuple(runs))


def run_of_span(
    trace_id: str, span_id: str, parent_span_id: str | None, attributes: Mapping[str, Any], *, failed: bool
) -> SeenRun:
    """Return the run that a span with *attributes* stands for; *failed* is what the span's own status says."""
    status = str(attributes.get(Fanlight.STATUS, ""))
    return SeenRun(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent_span_id,
        name=str(attributes.get(Fanlight.NAME, "")),
        kind=str(attributes.get(Fanlight.RUN_TYPE, "")),
        status=status if failed == (status == "error") else f"{status}, but not by the span's own status",
        tenant_id=str(attributes.get(Fanlight.TENANT_ID, "")),
        input_tokens=int(attributes.get(GenAI.USAGE_INPUT_TOKENS, 0)),
        output_tokens=int(attributes.get(GenAI.USAGE_OUTPUT_TOKENS, 0)),
    )
