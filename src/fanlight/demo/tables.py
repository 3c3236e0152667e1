"""Tables of text: names to the left, figures to the right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Self

from fanlight.demo.received import Received
from fanlight.health import RouterHealth


class Dollars(str):
    """An amount as it is shown."""

    __slots__ = ()

    def __new__(cls, amount: float) -> Self:
        """Return *amount*, to the micro-dollar."""
        return super().__new__(cls, f"{amount:.6f}")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return *rows* under *header* in aligned columns; numbers are right-aligned."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    right = [all(isinstance(row[column], int | Dollars) for row in rows) for column in range(len(header))]
    return "".join(f"  {_line(row, widths, right)}\n" for row in cells)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if aligned else cell.ljust(width)
        for cell, width, aligned in zip(row, widths, right, strict=True)
    ]
    return "   ".join(padded).rstrip()


def trees_table(received: Received) -> str:
    """Return one line for each tree that a destination holds."""
    rows: list[Sequence[object]] = []
    for root in received.roots:
        tree = received.of_trace(root.trace_id)
        rows.append((root.name, root.tenant_id, *_figures(tree), root.status))
    return table(("tree", "tenant", *_FIGURES, "status"), rows)


def destinations_table(destinations: Iterable[Received]) -> str:
    """Return one line for each destination."""
    rows = [(received.name, len(received.roots), *_figures(received)) for received in destinations]
    return table(("destination", "trees", *_FIGURES), rows)


_FIGURES: Final = ("runs", "models", "tools", "retrievals", "in", "out", "USD", "errors")


def _figures(received: Received) -> tuple[object, ...]:
    return (
        len(received.runs),
        received.count("llm"),
        received.count("tool"),
        received.count("retriever"),
        received.input_tokens,
        received.output_tokens,
        Dollars(received.cost_usd),
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
