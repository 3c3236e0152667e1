"""The table of the overhead measurement."""

from __future__ import annotations

from typing import Any

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one handler adds to one workload, in CPU µs per invoke, and its ratios."""

    workload: str
    events: int
    bare: float
    handler: str
    caller: float
    total: float
    to_noop: float | None
    to_floor: float | None
    to_floor_dual: float | None
    to_fanlight: float | None
    """Its caller's CPU in fanlight's."""
    total_to_fanlight: float | None
    lost: int


COLUMNS = (
    "workload", "handler", "caller µs", "total µs", "÷ no-op", "÷ floor", "÷ floor, dual", "÷ fanlight",
    "total ÷ fanlight", "lost",
)  # fmt: skip


def render(rows: list[Row], machine: str, received: dict[str, Any]) -> str:
    """Return everything as one Markdown table, with what it was measured on."""
    lines = [_line(COLUMNS), "|---" * len(COLUMNS) + "|"]
    previous = ""
    for row in rows:
        title = "" if row.workload == previous else f"{row.workload} ({row.events}; {row.bare:.0f})"
        lines.append(_line((title, *_cells(row))))
        previous = row.workload
    came = ", ".join(f"{name} {count:,}" for name, count in sorted(received.items()))
    return "\n".join([f"{machine}; workload (events per invoke; bare µs)", "", *lines, "", f"Received (bytes): {came}"])


def _cells(row: Row) -> tuple[str, ...]:
    ratios = (row.to_noop, row.to_floor, row.to_floor_dual, row.to_fanlight, row.total_to_fanlight)
    return (
        row.handler,
        f"{row.caller:.0f}",
        f"{row.total:.0f}",
        *("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
        str(row.lost),
    )


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
