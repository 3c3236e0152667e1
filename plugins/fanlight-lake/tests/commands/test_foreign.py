"""What is not a lake of fanlight's is refused, and files of somebody else within one are not touched."""

import os
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from fanlight_lake.encode import encode
from fanlight_lake.parquet import parquet

BOTH = pytest.mark.parametrize("local", ["delta", "parquet"], indirect=True)
PARQUET = pytest.mark.parametrize("place", ["parquet-local", "parquet-s3"], indirect=True)
COMMANDS = (
    ["query", "SELECT count(*) FROM events"],
    ["compact"],
    ["retention", "--older-than", "1d", "--yes"],
    ["forget", "--user", "u1", "--yes"],
)
SALES = pa.table({"event_id": ["e1", "e2"], "trace_id": ["t", "t"], "user_id": ["u1", "u2"], "name": [1, 2]})


def refused(run, place):
    """Run each command; return what it says. All are 1, and leave everything as it was."""
    before = place.contents()
    ran = [run(*command, *place.arguments()) for command in COMMANDS]
    assert [(each.code, each.out) for each in ran] == [(1, "")] * len(COMMANDS)
    assert place.contents() == before
    return {each.err.partition(": ")[2].removesuffix("\n") for each in ran}


@pytest.mark.parametrize("place", ["parquet-local", "parquet-s3"], indirect=True)
@pytest.mark.parametrize("directory", ["", "sales/", "date=2026-01-05/", "date=2026-01-05/environment=prod/"])
def test_parquet_files_of_somebody_else_are_no_lake(place, run, directory):
    """Wherever they lie, also in directories that are named like a lake's."""
    for name in "ab":
        place.storage.put(f"{directory}{name}.parquet", parquet(SALES))

    (said,) = refused(run, place)
    assert said.startswith(f"{place.storage.uri} holds Parquet files, but no fanlight lake: none below date=…/env")
    assert said.endswith(" has the columns event_id and schema_version")


@pytest.mark.parametrize("columns", [["event_id"], ["event_id", "schema_version"]])
@pytest.mark.parametrize("place", ["delta-local", "delta-s3"], indirect=True)
def test_a_table_of_somebody_else_is_no_lake(place, run, columns):
    """Without our columns, or with them and in one directory."""
    rows = pa.table({name: ["a"] for name in columns})
    write_deltalake(place.storage.uri, rows, storage_options=place.storage.options)

    (said,) = refused(run, place)
    assert said.startswith(f"{place.storage.uri} holds a Delta table, but no fanlight lake: that has the columns")


@pytest.mark.parametrize("inner", ["date=2026-01-05", "date=2026-01-05/environment=prod"])
@BOTH
def test_a_directory_within_a_lake_is_told_which_lake(local, run, make, inner):
    """A day alone is not a lake."""
    local.deliver(make.trace(seed=1))
    place = f"{local.config.path}/{inner}"

    for command in COMMANDS:
        ran = run(*command, "--path", place)
        said = f"{place} seems to be a directory within a lake; name the lake: {local.config.path}\n"
        assert (ran.code, ran.out, ran.err) == (1, "", f"fanlight lake {command[0]}: {said}")


@pytest.mark.parametrize("local", ["parquet"], indirect=True)
def test_a_file_is_no_lake(local, run):
    """Also not one that could be in a lake."""
    local.storage.put("sales.parquet", parquet(SALES))
    place = f"{local.config.path}/sales.parquet"

    for command in COMMANDS:
        said = f"fanlight lake {command[0]}: {place} is a file; a lake is a directory\n"
        assert run(*command, "--path", place) == (1, "", said)


@PARQUET
def test_files_of_somebody_else_within_a_lake_are_left_alone(place, run, ask, make):
    """They are no rows of it; compact, retention and forget leave them, byte for byte, and say which."""
    mine = (*make.trace(seed=1, user_id="u1"), *make.trace("rag", seed=2, user_id="u2"))
    place.deliver(mine[:5], mine[5:])
    days = ("date=2026-01-05/environment=prod", "date=2026-01-06/environment=prod")
    theirs = {f"{day}/{name}.parquet": parquet(SALES) for day in days for name in "az"}
    theirs |= {"sales.parquet": parquet(SALES), "exports/2026/empty.parquet": b""}
    for name, content in theirs.items():
        place.storage.put(name, content)
    left = "left alone, not fanlight's or not readable, such as date=2026-01-05/environment=prod/a.parquet\n"

    def untouched():
        return {name: content for name, content in place.contents().items() if name in theirs} == theirs

    assert ask(place, "SELECT count(*) AS n FROM events") == [{"n": len(mine)}]
    assert ask(place, "SELECT count(*) AS n FROM events WHERE user_id = 'u1'") == [{"n": 8}]
    assert sorted(event.event_id for event in place.events()) == sorted(event.event_id for event in mine)
    compacted = run("compact", *place.arguments())
    assert (compacted.code, compacted.err) == (0, f"fanlight lake compact: 4 files {left}")
    assert compacted.out.splitlines()[0].startswith("2026-01-05 prod: 2 files, ")
    assert untouched()
    forgotten = run("forget", "--user", "u1", "--yes", *place.arguments())
    assert (forgotten.code, forgotten.err) == (0, f"fanlight lake forget: 4 files {left}")
    assert {event.user_id for event in place.events()} == {"u2"}
    assert untouched()
    expired = run("retention", "--older-than", "1d", "--yes", *place.arguments())
    assert (expired.code, expired.err) == (0, f"fanlight lake retention: 4 files {left}")
    assert place.lake.live() != []
    assert untouched()
    assert refused(run, place)


@PARQUET
def test_a_newer_file_of_somebody_else_does_not_hide_columns(place, ask, make):
    """The columns that a newer fanlight has written are found, whoever wrote last."""
    rows = encode(make.trace(seed=1)).table.drop_columns(["date", "environment"])
    newer = rows.append_column("mood", pa.array(["fine"] * rows.num_rows))
    place.storage.put("date=2026-01-05/environment=prod/a.parquet", parquet(newer))
    place.storage.put("date=2026-01-05/environment=prod/b.parquet", parquet(SALES))

    assert ask(place, "SELECT DISTINCT mood FROM events") == [{"mood": "fine"}]


@pytest.mark.parametrize("local", ["parquet"], indirect=True)
def test_empty_directories_of_somebody_else_stay(local, run, make):
    """Only those that a lake makes go when they are empty."""
    local.deliver(make.trace(seed=1), make.today(make.trace(seed=2)))
    other = Path(local.config.path, "exports", "next")
    other.mkdir(parents=True)

    assert run("retention", "--older-than", "1d", "--yes", *local.arguments()).code == 0
    assert not Path(local.config.path, "date=2026-01-05").exists()
    assert other.exists()


@contextmanager
def _not_readable(directory: Path):
    """Nobody may read *directory*: as its mode says, or where the superuser runs tests, as another user."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
        return
    directory.chmod(0)
    try:
        yield
    finally:
        directory.chmod(0o700)


@BOTH
def test_what_may_not_be_read_is_not_said_to_be_missing(local, run, make):
    """1, and that it is the permission: a job that deletes must not take that for nothing to do."""
    local.deliver(make.trace(seed=1))
    assert run("query", "SELECT 1", *local.arguments()).code == 0

    with _not_readable(Path(local.config.path)):
        ran = [run(*command, *local.arguments()) for command in COMMANDS]

    for each in ran:
        assert (each.code, each.out) == (1, "")
        assert "Permission denied" in each.err
        assert "no lake" not in each.err
