"""One tree as lines of text: guides and names to the left, durations in a column, facts behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from fanlight.event import TelemetryEvent
from fanlight.sinks.console.facts import COST_UNKNOWN, clean, duration
from fanlight.sinks.console.forest import Run, Tree
from fanlight.sinks.console.style import BOLD, DIM, KIND_STYLES, Glyphs, Span, columns, fit, paint, status_style

_WIDEST_NAME: Final = 48


def render(tree: Tree, *, glyphs: Glyphs, width: int, colour: bool) -> str:
    """Return the tree as text that ends with an empty line."""
    rows = list(_rows(tree, glyphs))
    widest = min(max(columns(guide) + columns(run.name) for guide, run in rows), _WIDEST_NAME, width // 2)
    # An error climbs the tree: its message stands where it began, its name on the way up.
    passed_on = {(run.parent_run_id, run.explanation) for _, run in rows if run.explanation}
    lines = [[Span(_heading(tree.top), DIM)]]
    for guide, run in rows:
        explained = (run.run_id, run.explanation) in passed_on
        # Where nothing has a price, nobody asked for prices: that a sum lacks something is told only beside a sum.
        facts = [fact for fact in run.facts if tree.priced or fact != COST_UNKNOWN]
        lines.append(_line(run, guide, widest, glyphs, "" if explained else run.explanation, facts))
    painted = (paint(line, width=width, ellipsis=glyphs.ellipsis, colour=colour) for line in lines)
    return "\n".join(painted) + "\n\n"


def _heading(top: TelemetryEvent) -> str:
    began = datetime.fromtimestamp((top.start_time_unix_nano or top.time_unix_nano) / 1e9, UTC).astimezone()
    # First what one searches by: a narrow terminal cuts the end.
    named = {"trace": top.trace_id, "tenant": top.tenant_id, "user": top.user_id, "session": top.session_id}
    trace, *whose = [f"{word} {clean(value)}" for word, value in named.items() if value]
    where = [clean(part) for part in (top.service_name, top.environment) if part]
    return "  ".join([f"{began:%H:%M:%S}", trace, *where, *whose])


def _rows(tree: Tree, glyphs: Glyphs) -> Iterator[tuple[str, Run]]:
    children = tree.children()
    pending = [("", "", tree.runs[tree.top.run_id])]
    while pending:
        guide, below, run = pending.pop()
        yield guide, run
        below_run = children.get(run.run_id, [])
        for child in reversed(below_run):
            elbow, bar = (glyphs.last, glyphs.blank) if child is below_run[-1] else (glyphs.branch, glyphs.bar)
            pending.append((below + elbow, below + bar, child))


def _line(run: Run, guide: str, widest: int, glyphs: Glyphs, explanation: str, facts: Iterable[str]) -> list[Span]:
    status = run.status or ""
    name = fit(run.name, max(8, widest - columns(guide)), glyphs.ellipsis)
    gap = " " * max(0, widest - columns(guide) - columns(name))
    took = duration(run.duration_ms) if run.duration_ms is not None else ""
    spans = [
        Span(guide, DIM),
        Span(glyphs.status.get(status, "?") + " ", status_style(status)),
        Span(name, KIND_STYLES.get(run.kind, BOLD if not guide else "")),
        Span(f"{gap}  {took:>7}  ", DIM),
    ]
    if run.problem:
        problem = f"{run.problem}: {explanation}" if explanation else run.problem
        spans.append(Span(problem + "  ", status_style(status)))
    if not run.ended:
        spans.append(Span("still running  ", DIM))
    return [*spans, Span("  ".join(facts), DIM if not run.problem else "")]
