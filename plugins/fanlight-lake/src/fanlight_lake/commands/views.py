"""What a query sees: `events` as they lie there, and the two tables that most questions are about."""

from __future__ import annotations

from typing import Final

_SUMS: Final = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
_COUNTS: Final = ("runs", "llm_calls", "tool_calls", "retrievals", "steps", "errors", "cost_unknown")

# Delivery is at least once: the same event may lie there twice. With the partitions' columns in PARTITION BY, a
# condition on them still reaches the scan, and directories that cannot match are never opened.
RUNS: Final = """
CREATE VIEW runs AS
SELECT * FROM events
WHERE type LIKE '%.end' OR type LIKE '%.error'
QUALIFY row_number() OVER (PARTITION BY date, environment, event_id) = 1
"""


def _summed(name: str) -> str:
    return f"CASE WHEN rollup IS NULL THEN {name} ELSE coalesce((rollup ->> '$.{name}')::BIGINT, 0) END AS {name}"


def _counted(name: str) -> str:
    return f"coalesce((rollup ->> '$.{name}')::BIGINT, 0) AS {name}"


# ruff: noqa: S608 - put together from the names above, and nothing else
TRACES: Final = f"""
CREATE VIEW traces AS
SELECT
    * EXCLUDE (rollup) REPLACE (
        {", ".join(map(_summed, _SUMS))},
        CASE WHEN rollup IS NULL THEN cost_usd ELSE (rollup ->> '$.cost_usd')::DOUBLE END AS cost_usd
    ),
    {", ".join(map(_counted, _COUNTS))}
FROM runs WHERE run_id = root_run_id
"""
