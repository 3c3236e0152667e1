"""`fanlight lake forget`: everything of somebody goes, for good, and nothing of anybody else."""

import io
import json
import os
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from fanlight_lake.encode import encode
from fanlight_lake.testing import read_quarantine

PARQUET = pytest.mark.parametrize("local", ["parquet"], indirect=True)
DELTA = pytest.mark.parametrize("local", ["delta"], indirect=True)
BOTH = pytest.mark.parametrize("local", ["delta", "parquet"], indirect=True)


def files_with(place, text):
    """The names of all files in which *text* stands, Parquet read first: hidden files, old versions and logs too."""
    return [name for name, content in place.contents().items() if text.encode() in _readable(name, content)]


def _readable(name, content):
    if not name.endswith(".parquet"):
        return content
    file = pq.ParquetFile(io.BytesIO(content))
    return json.dumps(file.read().to_pylist(), default=str).encode() + repr(file.metadata.to_dict()).encode()


def history(place, make):
    """Deliver what alice and bob did; return bob's events. Half of it is compacted, so that there are older files."""
    alice = make.trace(seed=1, user_id=make.user, session_id="s-alice", tenant_id="t-alice")
    secretly = tuple(
        event.replace(user_id=None, session_id=None, tenant_id=None) if event.run_type != "llm" else event
        for event in make.trace(seed=2, user_id=make.user, session_id="s-alice", tenant_id="t-alice", day=1)
    )
    bob = (*make.trace("rag", seed=3, user_id="bob", session_id="s-bob", tenant_id="t-bob"), *make.trace(seed=4, day=1))
    judged = make.feedback(bob[0], user_id=make.user, session_id="s-alice", tenant_id="t-alice")
    wrong = make.misfit(user_id=make.user, session_id="s-alice", tenant_id="t-alice", inputs=f"I am {make.user}")
    bobs_wrong = make.misfit(user_id="bob")
    place.deliver(alice[:3], (*alice[3:], *bob[:4], wrong), (*secretly, *bob[4:]))
    if place.is_delta:
        DeltaTable(place.storage.uri, storage_options=place.storage.options).optimize.compact()
    place.deliver((judged, bobs_wrong))
    return bob


def ids(events):
    return sorted(event.event_id for event in events)


@pytest.mark.parametrize("whom", ["user", "session", "tenant"])
def test_all_of_somebody_is_gone(place, run, make, whom):
    """
    Rows, whole traces in which only one run names them, feedback, quarantine and older versions; no file names them.

    What others did is untouched: also the trace that they judged.
    """
    bob = history(place, make)
    name = {"user": make.user, "session": "s-alice", "tenant": "t-alice"}[whom]
    before = {event.event_id: event for event in place.events()}
    assert files_with(place, name)

    ran = run("forget", f"--{whom}", name, "--yes", *place.arguments())

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("deleted: 17 rows in 3 traces, 1 event in quarantine")
    assert ran.out.endswith("nothing in the lake names them any more\n")
    assert name not in ran.out
    assert files_with(place, name) == []
    assert place.events() == sorted(
        (before[event.event_id] for event in bob), key=lambda e: (e.time_unix_nano, e.run_id, e.sequence)
    )
    assert [entry["event"]["user_id"] for entry in read_quarantine(**place.settings)] == ["bob"]
    assert "_forgetting.json" not in place.contents()


def test_nothing_goes_unasked(place, run, make):
    """A dry run counts; so it is without --yes, which is 2; nobody or two at once is 2. Everything stays."""
    history(place, make)
    before = place.contents()

    counted = "would delete 17 rows in 3 traces, and 1 event in quarantine\n"
    assert run("forget", "--user", make.user, "--dry-run", *place.arguments()) == (0, counted, "")
    assert run("forget", "--user", make.user, *place.arguments()) == (
        2,
        counted,
        "fanlight lake forget: nothing was deleted; say --yes if it shall be\n",
    )
    assert run("forget", "--yes", *place.arguments()).code == 2
    assert run("forget", "--user", "a", "--session", "b", "--yes", *place.arguments()).code == 2
    assert place.contents() == before


def test_of_somebody_who_is_not_there_nothing_is_deleted(place, run, make):
    """0: the answer is the one that was wanted. It does not say that anything was there, and how ids are matched."""
    history(place, make)
    before = place.events()

    for name in ("nobody", make.user.upper(), f" {make.user}"):
        answer = (0, "nothing in the lake names this user; ids are matched exactly, as they were written\n", "")
        assert run("forget", "--user", name, "--dry-run", *place.arguments()) == answer
        assert run("forget", "--user", name, "--yes", *place.arguments()) == answer
    assert place.events() == before
    assert "_forgetting.json" not in place.contents()


ODD_NAMES = ["o'neil\\\"; --", "müller@example.org", "😀", "a b%20c", "x" * 60]


@BOTH
@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_may_be_anything(local, run, make, name):
    """Quotes, other scripts, long ids: found, deleted, and never part of a condition."""
    kept = make.trace("rag", seed=3, user_id="bob")
    local.deliver((*make.trace(seed=1, user_id=name, metadata={"user_id": name}), *kept))

    assert run("forget", "--user", name, "--yes", *local.arguments()).code == 0
    assert ids(local.events()) == ids(kept)


@BOTH
def test_a_name_elsewhere_is_reported(local, run, make):
    """
    1, with the traces in whose metadata or content the id is a value; these may be somebody else's, so they stay.

    --trace deletes one of them.
    """
    told = make.trace(seed=5, user_id="bob", metadata={"on_behalf_of": [make.user]})
    tagged = make.trace("rag", seed=6, user_id="bob", tags=(make.user,))
    quoted, mentioned = json.dumps({"who": make.user}), f"hello {make.user}, how are you?"
    nested = tuple(event.replace(inputs=quoted) for event in make.trace(seed=7, user_id="bob"))
    prose = tuple(event.replace(inputs=mentioned) for event in make.trace("rag", seed=8, user_id="bob"))
    local.deliver((*make.trace(seed=1, user_id=make.user), *told), tagged, nested, prose)

    ran = run("forget", "--user", make.user, "--yes", *local.arguments())

    assert ran.code == 1
    assert "3 other traces with this id as a value elsewhere" in ran.err
    for events in (told, tagged, nested):
        assert events[0].trace_id in ran.err
        assert run("forget", "--trace", events[0].trace_id, "--yes", *local.arguments()).code == 0
    assert "on_behalf_of" not in ran.err
    assert run("forget", "--user", make.user, "--yes", *local.arguments()).code == 0
    assert ids(local.events()) == ids(prose)


def _age(path, hours):
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


@DELTA
def test_a_file_that_no_version_names_is_left_for_an_hour(local, run, make):
    """It may be in the middle of a commit: 1, and what to do. When it is old, its writer was killed: it goes."""
    local.deliver(make.trace(seed=1, user_id=make.user), make.trace(seed=2))
    (sample, *_) = [name for name in local.contents() if name.endswith(".parquet")]
    lost = Path(local.config.path, sample).with_name("part-lost.parquet")
    pq.write_table(encode(make.trace(seed=9, user_id=make.user)).table.drop_columns(["date", "environment"]), lost)

    early = run("forget", "--user", make.user, "--yes", *local.arguments())
    assert early.code == 1
    assert "1 file may be about to become part of the table" in early.err
    assert lost.exists()
    _age(lost, hours=2)

    assert run("forget", "--user", make.user, "--yes", *local.arguments()).code == 0
    assert files_with(local, make.user) == []


@BOTH
def test_half_written_files_go(local, run, make):
    """What a writer left in the middle of a file is no row for anybody, and may hold anything."""
    local.deliver(make.trace(seed=1, user_id=make.user), make.trace(seed=2))
    half = Path(local.config.path, "date=2026-01-05", ".0123456789abcdef.tmp")
    half.write_bytes(f"half of a row of {make.user}".encode())

    assert run("forget", "--user", make.user, "--yes", *local.arguments()).code == 1
    _age(half, hours=2)
    assert run("forget", "--user", make.user, "--yes", *local.arguments()).code == 0
    assert not half.exists()


@DELTA
def test_a_log_that_names_somebody_is_reported(local, run, make):
    """A table that others have made may keep ids in its log's statistics: 1, and when they go."""
    write_deltalake(
        local.config.path, encode(make.trace(seed=1, user_id=make.user)).table, partition_by=["date", "environment"]
    )

    ran = run("forget", "--user", make.user, "--yes", *local.arguments())
    assert ran.code == 1
    assert "beside the rows with this id, such as _delta_log/" in ran.err
    assert "delta.logRetentionDuration" in ran.err


@DELTA
def test_a_feed_of_changes_is_refused(local, run, make):
    """It would keep what is deleted: 1 before anything is deleted."""
    local.deliver(make.trace(seed=1, user_id=make.user))
    DeltaTable(local.config.path).alter.set_table_properties(
        {"delta.enableChangeDataFeed": "true"}, raise_if_not_exists=False
    )
    before = local.events()

    ran = run("forget", "--user", make.user, "--yes", *local.arguments())
    assert ran.code == 1
    assert "delta.enableChangeDataFeed" in ran.err
    assert local.events() == before


def test_what_was_cut_off_is_finished(place, run, make):
    """The row that named them is gone, the rest of the trace is not: the ids that were kept tell the next one."""
    alice, bob = make.trace(seed=1), make.trace("rag", seed=2)
    place.deliver((*alice, *bob))
    place.storage.put("_forgetting.json", json.dumps({"traces": [alice[0].trace_id], "events": []}).encode())

    assert run("forget", "--user", make.user, "--yes", *place.arguments()).code == 0
    assert ids(place.events()) == ids(bob)
    assert "_forgetting.json" not in place.contents()


@DELTA
def test_files_that_delta_has_rewritten_are_searched_too(local, run, make):
    """Delta's own DELETE writes texts in a way that Arrow cannot filter."""
    alice, bob, gone = make.trace(seed=1, user_id=make.user), make.trace("rag", seed=2), make.trace(seed=3)
    local.deliver((*alice, *bob, *gone))
    DeltaTable(local.config.path).delete(f"trace_id = '{gone[0].trace_id}'")

    assert run("forget", "--user", make.user, "--yes", *local.arguments()).code == 0
    assert ids(local.events()) == ids(bob)
    assert files_with(local, make.user) == []


@PARQUET
def test_a_lake_may_be_empty_afterwards(local, run, make):
    """Then there is none: the next command says so."""
    local.deliver(make.trace(seed=1, user_id=make.user))

    assert run("forget", "--user", make.user, "--yes", *local.arguments()).code == 0
    assert run("query", "SELECT 1", *local.arguments()).code == 1


@BOTH
def test_others_may_not_read_what_is_written(local, run, make):
    """Rewritten files have mode 0600."""
    history(local, make)
    run("forget", "--user", make.user, "--yes", *local.arguments())

    assert {path.stat().st_mode & 0o777 for path in Path(local.config.path).rglob("*") if path.is_file()} == {0o600}
