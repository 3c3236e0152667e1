"""`fanlight lake query`: SQL over the lake, and over nothing else."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from deltalake import DeltaTable

from fanlight.event import Rollup
from fanlight_lake.commands.query import EXAMPLES

README = Path(__file__).parents[2] / "README.md"
BOTH = pytest.mark.parametrize("local", ["delta", "parquet"], indirect=True)
PARQUET = pytest.mark.parametrize("local", ["parquet"], indirect=True)
DELTA = pytest.mark.parametrize("local", ["delta"], indirect=True)


def test_each_run_is_there_once(place, ask, make):
    """`events` is what was delivered, twice where it came twice; `runs` has each run that ended once, whole."""
    first, second = make.trace(seed=1), make.trace("rag", seed=2, day=1)
    place.deliver(first, second, first)

    ends = {event.event_id for event in (*first, *second) if event.ends_run}
    assert ask(place, "SELECT count(*) AS n FROM events") == [{"n": 2 * len(first) + len(second)}]
    assert {row["event_id"] for row in ask(place, "SELECT event_id FROM runs")} == ends
    assert len(ask(place, "SELECT event_id FROM runs")) == len(ends)


def test_a_trace_has_the_sums_of_its_tree(place, ask, make):
    """`traces` has a row for each root, with the tokens, the cost and the counts of everything below it."""
    events = make.trace(seed=1)
    sums = Rollup(runs=4, llm_calls=2, tool_calls=1, input_tokens=672, total_tokens=745, cost_usd=0.25, cost_unknown=1)
    place.deliver(tuple(event.replace(rollup=sums) if event.rollup else event for event in events))

    asked = "trace_id, runs, llm_calls, tool_calls, errors, input_tokens, output_tokens, cost_usd, cost_unknown"
    assert ask(place, f"SELECT {asked} FROM traces") == [
        {
            "trace_id": events[0].trace_id,
            "runs": 4,
            "llm_calls": 2,
            "tool_calls": 1,
            "errors": 0,
            "input_tokens": 672,
            "output_tokens": 0,
            "cost_usd": 0.25,
            "cost_unknown": 1,
        }
    ]


@BOTH
def test_what_is_not_asked_for_is_not_opened(local, ask, run, make):
    """With a condition on the day, a file of another day is not even opened: it may be no Parquet at all."""
    local.deliver(make.trace(seed=1), make.trace(seed=2, day=1))
    (spoilt,) = [name for name in local.contents() if "date=2026-01-05" in name]
    path = Path(local.config.path, spoilt)
    found = path.stat()
    path.write_bytes(b"?" * found.st_size)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    for view in ("events", "runs", "traces"):
        assert ask(local, f"SELECT count(*) > 0 AS yes FROM {view} WHERE date = '2026-01-06'") == [{"yes": True}]
    assert ask(local, "SELECT count(*) > 0 AS yes FROM runs WHERE date > '2026-01-05'") == [{"yes": True}]
    spoilt_day = run("query", "SELECT max(name) FROM events", *local.arguments())
    assert spoilt_day.code == 1
    assert "\x1b" not in spoilt_day.err


@DELTA
def test_files_that_delta_has_rewritten_are_answered_too(local, ask, make):
    """Delta's own DELETE writes texts in a way that Arrow cannot filter; the answer is right all the same."""
    kept, gone = make.trace(seed=1), make.trace(seed=2)
    local.deliver((*kept, *gone), make.trace("rag", seed=3))
    DeltaTable(local.config.path).delete(f"trace_id = '{gone[0].trace_id}'")

    found = ask(local, f"SELECT count(*) AS n FROM runs WHERE trace_id = '{kept[0].trace_id}' AND status = 'ok'")
    assert found == [{"n": sum(event.ends_run for event in kept)}]
    assert ask(local, f"SELECT count(*) AS n FROM events WHERE trace_id = '{gone[0].trace_id}'") == [{"n": 0}]
    models = [event for event in local.events() if event.type == "llm.end"]
    assert ask(local, "SELECT count(*) AS n FROM events WHERE type = 'llm.end'") == [{"n": len(models)}]


ODD = "SELECT 1 AS a, 'x|y' AS b, NULL AS c, {'k': [1.5, 'NaN'::DOUBLE]} AS d, chr(27) || '[31m' || chr(10) AS e"


@PARQUET
def test_an_answer_has_four_forms(local, run, make):
    """A table to look at, CSV, JSON, Markdown; what a terminal would obey is shown as text."""
    local.deliver(make.trace(seed=1))

    def printed(form):
        return run("query", ODD, *local.arguments(), "--format", form).out

    assert printed("table") == (
        "a  b    c     d                   e\n"
        "─  ───  ────  ──────────────────  ──────────\n"
        '1  x|y  NULL  {"k": [1.5, null]}  \\x1b[31m\\n\n'
    )
    assert printed("markdown").splitlines()[2] == '| 1 | x\\|y | NULL | {"k": [1.5, null]} | \\x1b[31m\\n |'
    assert list(csv.reader(io.StringIO(printed("csv"))))[1] == ["1", "x|y", "", '{"k": [1.5, null]}', "\x1b[31m\n"]
    assert json.loads(printed("json")) == [{"a": 1, "b": "x|y", "c": None, "d": {"k": [1.5, None]}, "e": "\x1b[31m\n"}]


@PARQUET
def test_a_table_too_wide_for_the_terminal_is_set_upright(local, run, make, monkeypatch):
    """A line for each value, none longer than the terminal is wide; an answer that fits, or goes to a file, is flat."""
    local.deliver(make.trace(seed=1))
    sql = f"SELECT 1 AS a, '{'x' * 50}' AS long_name, NULL AS b UNION ALL SELECT 2, 'y', 'z' ORDER BY a"

    def printed(columns, *options):
        monkeypatch.setenv("COLUMNS", columns)
        return run("query", sql, *local.arguments(), *options).out

    assert printed("40") == (
        f"── 1 {'─' * 35}\n"
        "a          1\n"
        f"long_name  {'x' * 28}…\n"
        "b          NULL\n"
        f"── 2 {'─' * 35}\n"
        "a          2\n"
        "long_name  y\n"
        "b          z\n"
    )
    flat = printed("59")
    assert flat.splitlines()[0].split() == ["a", "long_name", "b"]
    assert max(map(len, flat.splitlines())) == 59
    assert printed("58") != flat
    assert printed("") == flat
    assert printed("40", "--format", "csv") == printed("", "--format", "csv")


@PARQUET
def test_the_terminals_own_width_counts(local, make, monkeypatch):
    """Of a real terminal, without a variable that says so."""
    local.deliver(make.trace(seed=1))
    monkeypatch.delenv("COLUMNS", raising=False)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 50))
    command = [sys.executable, "-m", "fanlight.cli", "lake", "query", "SELECT repeat('x', 60) AS a, 1 AS b"]
    ended = subprocess.run([*command, *local.arguments()], stdout=theirs, check=True)
    os.close(theirs)
    lines = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)

    assert ended.returncode == 0
    assert [line.split()[0] for line in lines] == ["──", "a", "b"]
    assert max(map(len, lines)) == 50


@PARQUET
def test_times_and_blobs_have_a_spelling(local, ask, make):
    """Times are ISO 8601 in UTC, bytes are base64, what JSON has no number for is a text."""
    local.deliver(make.trace(seed=1))
    row = (
        "SELECT TIMESTAMPTZ '2026-01-05 12:00:00+00' AS t, DATE '2026-01-05' AS d, 'ab'::BLOB AS b, 10::HUGEINT AS h, "
    )
    row += "TIMESTAMP_NS '2026-01-05 12:00:00.123456789' AS n, MAP {'k': 1} AS m"

    assert ask(local, row) == [
        {
            "t": "2026-01-05T12:00:00+00:00",
            "d": "2026-01-05",
            "b": "YWI=",
            "h": "10",
            "n": "2026-01-05T12:00:00.123456",
            "m": [["k", 1]],
        }
    ]


@PARQUET
def test_long_answers_end_somewhere(local, run, make):
    """A table ends after 100 rows and says so; CSV and JSON do not; --limit is for all."""
    local.deliver(make.trace(seed=1))

    def lines(*options):
        ran = run("query", "SELECT i FROM range(150) t(i)", *local.arguments(), *options)
        return len(ran.out.splitlines()), ran.err

    assert lines() == (102, "fanlight lake query: there is more than these 100; --limit takes a number\n")
    assert lines("--format", "csv") == (151, "")
    assert lines("--limit", "150") == (152, "")
    assert lines("--limit", "3", "--format", "csv")[0] == 4
    assert run("query", "SELECT 1", *local.arguments(), "--limit", "0").code == 2


@PARQUET
@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM nowhere", "Table with name nowhere does not exist"),
        ("SELEC 1", "syntax error"),
        ("SELECT CASE WHEN i = 299999 THEN error('late') ELSE i END FROM range(300000) t(i)", "late"),
    ],
)
def test_a_wrong_question_is_a_no(local, run, make, sql, said):
    """1, and DuckDB's own words; also where the mistake is found when rows were printed already."""
    local.deliver(make.trace(seed=1))
    ran = run("query", sql, *local.arguments(), "--format", "csv")

    assert ran.code == 1
    assert ran.err.startswith("fanlight lake query: ")
    assert said in ran.err


@PARQUET
def test_nothing_is_kept(local, run, make):
    """A table that a query makes ends with it; a question that is empty has no answer."""
    local.deliver(make.trace(seed=1))

    assert run("query", "CREATE TABLE scratch (a INT)", *local.arguments()).code == 0
    assert run("query", "", *local.arguments()) == (0, "", "")
    assert run("query", "SELECT * FROM scratch", *local.arguments()).code == 1


@BOTH
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT content FROM read_text('{secret}')",
        "FROM '{secret}'",
        "SELECT * FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{folder}/new.csv'",
        "COPY events TO '{lake}/date=2026-01-05/new.parquet'",
        "ATTACH '{folder}/new.csv'",
        "EXPORT DATABASE '{folder}/new.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('s3://somewhere/else.parquet')",
        "SET enable_external_access = true",
        "SET memory_limit = '64GB'",
        "SELECT * FROM options",
        "INSERT INTO events SELECT * FROM events",
    ],
)
def test_a_query_reaches_nothing_but_the_lake(local, run, make, tmp_path, sql):
    """No other file, no network, no extension, no variable of the program; and it writes nothing, nowhere."""
    local.deliver(make.trace(seed=1))
    secret = tmp_path / "secret.csv"
    secret.write_text("s3cr3t\n")
    before = sorted(local.contents())

    ran = run("query", sql.format(secret=secret, folder=tmp_path, lake=local.config.path), *local.arguments())

    assert ran.code == 1
    assert "s3cr3t" not in ran.out + ran.err
    assert sorted(local.contents()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "secret.csv"]


@PARQUET
def test_the_examples_run(local, run, make, monkeypatch):
    """
    Those of --help, and those of the README: pasted into a shell, each says what was meant.

    The shell is real; what it would give to `fanlight` is given to the command.
    """
    local.deliver(make.trace(seed=1), make.trace("rag", seed=2, day=1))
    of_readme = re.findall(
        r"```shell\n(.*?)```", README.read_text(encoding="utf-8").partition("### query")[2], re.DOTALL
    )

    pasted = [asked for text in (EXAMPLES, "\n".join(of_readme)) for asked in _pasted(text)]

    assert [arguments for arguments, _ in pasted] == [["lake", "query", "-"]] * 12
    assert sum("'$[*].score'" in sql for _, sql in pasted) == 2
    for (_, *arguments), sql in pasted:
        monkeypatch.setattr(sys, "stdin", io.StringIO(sql))
        ran = run(*arguments, *local.arguments())
        assert (ran.code, ran.err) == (0, ""), sql


def _pasted(text):
    """What a shell makes of *text*: the arguments and the standard input of each call of `fanlight`."""
    shown = "fanlight() { printf '%s\\0' \"$@\"; printf '\\1'; cat; printf '\\2'; }\n"
    commands = "\n".join(text.partition("\n\n")[2].splitlines() if text is EXAMPLES else text.splitlines())
    told = subprocess.run(["bash", "-euc", shown + commands], capture_output=True, text=True, check=True).stdout
    for call in told.split("\2")[:-1]:
        arguments, _, sql = call.partition("\1")
        yield arguments.split("\0")[:-1], sql


@BOTH
def test_a_team_is_named_by_its_service_or_by_the_request(local, ask, make):
    """What each team spent: by the configuration's attributes, and by a context's metadata, both as the README asks."""
    by_service = make.trace(seed=1, attributes={"team": "support"})
    by_request = make.trace("rag", seed=2, metadata={"team": "search"})
    local.deliver(tuple(event.replace(cost_usd=0.1) if event.type == "llm.end" else event for event in by_service))
    local.deliver(tuple(event.replace(cost_usd=0.2) if event.type == "llm.end" else event for event in by_request))
    calls = [sum(event.type == "llm.end" for event in events) for events in (by_service, by_request)]

    for column, team, usd in (("attributes", "support", 0.1 * calls[0]), ("metadata", "search", 0.2 * calls[1])):
        sql = f"SELECT {column} ->> '$.team' AS team, round(sum(cost_usd), 4) AS usd FROM runs GROUP BY ALL"
        assert {"team": team, "usd": pytest.approx(usd)} in ask(local, sql)


@PARQUET
@pytest.mark.parametrize("unit", ["B", "kB", "KB", "MB", "GB", "KiB", "MiB", "GiB"])
def test_memory_takes_the_units_that_it_names(local, run, make, unit):
    """Those of fanlight's sizes; another is told which there are."""
    local.deliver(make.trace(seed=1))
    number = {"B": 10**9, "kB": 10**6, "KB": 10**6, "MB": 1000, "KiB": 10**6, "MiB": 1000}.get(unit, 1)

    assert run("query", "SELECT 1", *local.arguments(), "--memory", f"{number}{unit}").code == 0
    wrong = run("query", "SELECT 1", *local.arguments(), "--memory", "1TB")
    assert wrong.code == 2
    assert unit in re.search(r"units: (.*)\); found '1TB'", wrong.err)[1].replace(" or ", ", ").split(", ")


@PARQUET
def test_the_lowest_scores_are_found(local, ask, make):
    """The example for retrievals reads the documents' scores."""
    events = make.trace("rag", seed=2)
    local.deliver(events)
    (retrieval,) = [event for event in events if event.type == "retriever.end"]
    best = max(document.score for document in retrieval.documents)

    sql = "SELECT list_max((documents -> '$[*].score')::DOUBLE[]) AS best FROM runs WHERE run_type = 'retriever'"
    assert ask(local, sql) == [{"best": best}]


@PARQUET
def test_the_question_may_come_from_standard_input(local, run, make, monkeypatch):
    """For what is too long for a line."""
    local.deliver(make.trace(seed=1))
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 42 AS answer"))

    assert run("query", "-", *local.arguments(), "--format", "csv").out == "answer\n42\n"


@PARQUET
def test_without_duckdb_there_is_a_sentence(local, make):
    """1, and what to install; the other commands need no DuckDB."""
    local.deliver(make.trace(seed=1))
    program = "import sys; sys.modules['duckdb'] = None; from fanlight.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "lake"]
    asked = subprocess.run(
        [*command, "query", "SELECT 1", *local.arguments()], capture_output=True, text=True, check=False
    )
    compacted = subprocess.run([*command, "compact", *local.arguments()], capture_output=True, text=True, check=False)

    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr == "fanlight lake query: queries need DuckDB: pip install 'fanlight-lake[query]'\n"
    assert compacted.returncode == 0


@PARQUET
def test_the_lake_is_named_in_one_of_three_ways(local, run, make, monkeypatch, tmp_path):
    """By its place, by a configuration, or by FANLIGHT_CONFIG; 2 where it is not named, 1 where it is not there."""
    local.deliver(make.trace(seed=1))
    monkeypatch.delenv("FANLIGHT_CONFIG", raising=False)
    question = ("query", "SELECT 42 AS answer", "--format", "csv")
    answer = (0, "answer\n42\n", "")

    assert run(*question, "--path", local.config.path) == answer
    assert run(*question, "--config", local.yaml()) == answer
    assert run(*question, "--config", local.yaml(), "--sink", "archive") == answer
    assert run(*question) == (
        2,
        "",
        "fanlight lake query: which lake? Say --path or --config, or set FANLIGHT_CONFIG\n",
    )
    assert run(*question, "--path", local.config.path, "--sink", "archive").code == 2
    assert run(*question, "--path", local.config.path, "--config", local.yaml()).code == 2
    assert run(*question, "--path", "gs://somewhere/lake").code == 2
    assert run(*question, "--config", local.yaml(), "--sink", "achive").code == 1
    nowhere = run(*question, "--path", str(tmp_path / "nowhere"))
    assert (nowhere.code, nowhere.out) == (1, "")
    assert nowhere.err.endswith("nowhere, or nothing was written to it yet\n")
    monkeypatch.setenv("FANLIGHT_CONFIG", local.yaml())
    assert run(*question) == answer
    assert run().code == 2


@pytest.mark.parametrize("place", ["parquet-s3"], indirect=True)
def test_keys_may_come_from_the_environment(place, run, make, monkeypatch):
    """With --path, a bucket is reached as other tools reach it: by the AWS_ variables."""
    place.deliver(make.trace(seed=1))
    monkeypatch.setenv("AWS_ENDPOINT_URL", place.settings["endpoint"])
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")

    ran = run("query", "SELECT count(*) AS n FROM events", "--path", place.config.path, "--format", "csv")
    assert ran == (0, f"n\n{len(place.events())}\n", "")
