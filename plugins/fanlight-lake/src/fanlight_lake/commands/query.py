"""`fanlight lake query`: SQL over the lake, without a warehouse."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

import pyarrow as pa

from fanlight_lake.commands.arguments import count, size
from fanlight_lake.commands.opening import open_lake
from fanlight_lake.commands.render import FORMATS, rows_of, width_of, write
from fanlight_lake.commands.session import session

if TYPE_CHECKING:
    import duckdb

_SHOWN: Final = {"table": 100, "markdown": 100}
_BATCH: Final = 1000

DESCRIPTION: Final = """\
Answer SQL (DuckDB's) over three views:

  events   every row, as it was delivered; an event that was delivered twice is there twice
  runs     the runs that ended, each once, whole: inputs, outputs, usage, cost, status
  traces   the runs at the top of a tree, with the tokens, the cost and the counts of the whole tree

The query reads the lake and nothing else: no other files, no network. Conditions on `date` and `environment`
keep the other partitions closed."""

EXAMPLES: Final = """\
examples, to be pasted into a shell; FANLIGHT_CONFIG or --config names the lake:

# what each team spent, where each team has a service: attributes {team: ...} in the YAML
fanlight lake query - <<'SQL'
SELECT attributes ->> '$.team' AS team, round(sum(cost_usd), 4) AS usd
FROM runs WHERE date >= current_date - 30 GROUP BY ALL ORDER BY usd DESC
SQL

# what each team spent, where teams share one: fanlight.context(metadata={"team": ...})
fanlight lake query - <<'SQL'
SELECT metadata ->> '$.team' AS team, round(sum(cost_usd), 4) AS usd
FROM runs WHERE date >= current_date - 30 GROUP BY ALL ORDER BY usd DESC
SQL

# how long models take
fanlight lake query - <<'SQL'
SELECT request_model, count(*) AS calls, round(quantile_cont(duration_ms, 0.95)) AS p95_ms
FROM runs WHERE run_type = 'llm' AND date >= current_date - 7 GROUP BY ALL ORDER BY calls DESC
SQL

# the tools that fail
fanlight lake query - <<'SQL'
SELECT name, error_type, count(*) AS failures, max(time) AS last
FROM runs WHERE run_type = 'tool' AND status = 'error' GROUP BY ALL ORDER BY failures DESC
SQL

# tokens of each session
fanlight lake query - <<'SQL'
SELECT session_id, count(*) AS traces, sum(input_tokens) AS tokens_in, sum(output_tokens) AS tokens_out
FROM traces WHERE session_id IS NOT NULL GROUP BY ALL ORDER BY tokens_in DESC LIMIT 20
SQL

# retrievals whose best document scored low
fanlight lake query - <<'SQL'
SELECT trace_id, name, list_max((documents -> '$[*].score')::DOUBLE[]) AS best
FROM runs WHERE run_type = 'retriever' AND best < 0.5 ORDER BY best
SQL"""


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "query",
        help="answer SQL over the lake",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sql", metavar="SQL", help="the question; `-` reads it from standard input")
    parser.add_argument("--format", choices=FORMATS, default="table", help="how rows are printed (default: table)")
    parser.add_argument(
        "--limit", type=count, metavar="N", help="print at most N rows (default: 100 of a table, all of csv and json)"
    )
    parser.add_argument(
        "--memory", type=size, default="1GiB", metavar="SIZE", help="what DuckDB may use before it spills to disk"
    )
    parser.set_defaults(run=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """Print what the SQL yields; 1 where it cannot be answered."""
    sql = sys.stdin.read() if options.sql == "-" else options.sql
    lake = open_lake(options)
    with session(lake.dataset(), memory=options.memory) as connection:
        answer = _answer(connection, sql)
        if answer is None:  # a statement without rows
            return 0
        _print(answer, options.format, _SHOWN.get(options.format) if options.limit is None else options.limit)
    return 0


def _answer(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.RecordBatchReader | None:
    relation = cast("duckdb.DuckDBPyRelation | None", connection.sql(sql))
    return None if relation is None else relation.to_arrow_reader(_BATCH)


def _print(answer: pa.RecordBatchReader, form: str, limit: int | None) -> None:
    rows = rows_of(answer)
    write(answer.schema.names, islice(rows, limit), form, sys.stdout, width=width_of(sys.stdout))
    if limit is not None and next(rows, None) is not None:
        print(f"fanlight lake query: there is more than these {limit}; --limit takes a number", file=sys.stderr)
