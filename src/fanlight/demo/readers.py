"""How each kind of destination is read back: events, spans, and the rows of a traces table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fanlight.demo.received import SeenRun
from fanlight.event import TelemetryEvent
from fanlight.semconv import Fanlight, GenAI, OpenInference


def runs_of_events(events: Iterable[TelemetryEvent]) -> Iterator[SeenRun]:
    """Yield the runs that *events* end."""
    for event in events:
        if event.ends_run:
            yield SeenRun(
                trace_id=event.trace_id,
                span_id=event.span_id,
                parent_span_id=event.parent_span_id,
                name=event.name,
                kind=event.run_type,
                status=event.status or "",
                tenant_id=event.tenant_id or "",
                input_tokens=event.input_tokens or 0,
                output_tokens=event.output_tokens or 0,
                cost_usd=event.cost_usd,
            )


def runs_of_spans(spans: Iterable[Any]) -> Iterator[SeenRun]:
    """Yield the runs that *spans*, as a receiver decoded them from the wire, stand for."""
    for span in spans:
        failed = span.status == "error"
        yield run_of_span(span.trace_id, span.span_id, span.parent_span_id, span.attributes, failed=failed)


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
        input_tokens=_tokens(attributes, GenAI.USAGE_INPUT_TOKENS, OpenInference.LLM_TOKEN_COUNT_PROMPT),
        output_tokens=_tokens(attributes, GenAI.USAGE_OUTPUT_TOKENS, OpenInference.LLM_TOKEN_COUNT_COMPLETION),
        cost_usd=attributes.get(Fanlight.COST_USD),
    )


def _tokens(attributes: Mapping[str, Any], *names: str) -> int:
    return next((int(attributes[name]) for name in names if name in attributes), 0)


def rows_of_tables(runs: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of the `traces` tables of W&B *runs*."""
    for run in runs:
        if "traces" in run.tables:
            yield from run.tables["traces"].rows


def runs_of_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[SeenRun]:
    """Yield the runs that the *rows* of a traces table stand for."""
    for row in rows:
        yield SeenRun(
            trace_id=row["trace_id"],
            span_id=row["span_id"],
            parent_span_id=row["parent_span_id"],
            name=row["name"],
            kind=row["type"],
            status=row["status"] or "",
            tenant_id=row["tenant_id"] or "",
            input_tokens=int(row["input_tokens"] or 0),
            output_tokens=int(row["output_tokens"] or 0),
            cost_usd=row["cost_usd"],
        )
