"""Tables of text: names to the left, figures to the right."""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.demo.received import Received
from fanlight.health import RouterHealth


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return *rows* under *header* in aligned columns; numbers are right-aligned."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    right = [all(isinstance(row[column], int) for row in rows) for column in range(len(header))]
    return "".join(f"  {_line(row, widths, right)}\n" for row in cells)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if aligned else cell.ljust(width)
        for cell, width, aligned in zip(row, widths, right, strict=True)
    ]
    return "   ".join(padded).rstrip()


def received_table(received: Received) -> str:
    """Return one line for each tree that a destination holds, and their sums."""
    rows: list[Sequence[object]] = []
    for root in received.roots:
        tree = received.of_trace(root.trace_id)
        rows.append((root.name, root.tenant_id, *_figures(tree), root.status))
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(received.statuses.items()))
    rows.append((f"{len(received.roots)} trees", "", *_figures(received), statuses))
    return table(("tree", "tenant", "runs", "models", "tools", "retrievals", "in", "out", "errors", "status"), rows)


def _figures(received: Received) -> tuple[int, ...]:
    return (
        len(received.runs),
        received.count("llm"),
        received.count("tool"),
        received.count("retriever"),
        received.input_tokens,
        received.output_tokens,
        received.errors,
    )


def ledger_table(health: RouterHealth) -> str:
    """Return the router's own account of every event."""
    intake = health.intake
    lost = ", ".join(f"{count} {reason}" for reason, count in sorted(intake.dropped.items())) or "0"
    process = table(
        ("captured", "routed", "unmatched", "queued", "dropped"),
        [(intake.captured, intake.routed, intake.unmatched, intake.queued, lost)],
    )
    rows = [
        (name, counts.accepted, counts.delivered, counts.pending, counts.dead_lettered, sum(counts.dropped.values()))
        for name, counts in ((name, sink.counts) for name, sink in health.sinks.items())
    ]
    return process + "\n" + table(("sink", "accepted", "delivered", "pending", "dead letters", "dropped"), rows)
