"""`fanlight lake compact`: fewer files, the same rows, at every moment."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from fanlight_lake.commands.merging import MARK
from fanlight_lake.encode import encode
from fanlight_lake.parquet import parquet

PARQUET = pytest.mark.parametrize("local", ["parquet"], indirect=True)
DELTA = pytest.mark.parametrize("local", ["delta"], indirect=True)


def deliver(place, make, batches=6):
    """Small files of three days."""
    place.deliver(*(make.trace("rag" if seed % 2 else "agent", seed=seed, day=seed % 3) for seed in range(batches)))


def live(place):
    return [file.name for file in place.lake.live()]


def test_files_become_fewer_and_rows_stay(place, run, make):
    """Each day's small files become one; the events read back are equal; a second time there is nothing to do."""
    deliver(place, make, 9)
    before = place.events()

    ran = run("compact", *place.arguments())

    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["2026-01-05 prod", "2026-01-06 prod", "2026-01-07 prod"]
    assert all(": 3 files, " in line and " → 1 file, " in line for line in lines[:3])
    assert lines[3].startswith("3 partitions compacted: 9 files, ")
    assert len(live(place)) == 3
    assert place.events() == before
    assert run("compact", *place.arguments()) == (0, "nothing to compact\n", "")


def test_todays_files_are_left_to_their_writers(place, run, make):
    """Unless it is asked for: then today's are compacted too. What is left is said, by a dry run as well."""
    place.deliver(make.today(make.trace(seed=1)), make.today(make.trace(seed=2)))

    said = "nothing to compact; today's 2 files are left to their writers, unless you say --today\n"
    assert run("compact", *place.arguments()).out == said
    assert run("compact", "--dry-run", *place.arguments()) == (0, said, "")
    assert len(live(place)) == 2
    assert run("compact", "--today", *place.arguments()).code == 0
    assert len(live(place)) == 1
    for options in ([], ["--today"]):
        assert run("compact", "--dry-run", *options, *place.arguments()) == (0, "nothing to compact\n", "")


def test_a_dry_run_changes_nothing(place, run, make):
    """It says what could be fewer; not what is too large to be put together."""
    deliver(place, make)
    before = place.contents()

    ran = run("compact", "--dry-run", *place.arguments())

    assert ran.code == 0
    assert [line.split()[-3:] for line in ran.out.splitlines()] == [["could", "be", "fewer"]] * 3
    smallest = min(len(content) for name, content in before.items() if name.startswith("date="))
    too_small = run("compact", "--dry-run", "--target-size", f"{smallest + 1}B", *place.arguments())
    assert too_small == (0, "nothing to compact\n", "")
    assert place.contents() == before


@pytest.mark.parametrize("local", ["parquet", "delta"], indirect=True)
def test_files_are_for_their_owner_alone(local, run, make):
    """What compaction makes has mode 0600, in directories of 0700."""
    deliver(local, make)
    run("compact", *local.arguments())

    modes = {file: file.stat().st_mode & 0o777 for file in Path(local.config.path).rglob("*")}
    assert modes
    assert {mode for file, mode in modes.items() if file.is_file()} == {0o600}
    assert {mode for file, mode in modes.items() if file.is_dir()} == {0o700}


@PARQUET
def test_files_do_not_grow_beyond_the_target(local, run, make):
    """Neighbours are put together while they fit; what is large already is left alone."""
    local.deliver(*(make.trace(seed=seed) for seed in range(6)))
    size = max(len(content) for name, content in local.contents().items() if name.endswith(".parquet"))
    before = local.events()

    ran = run("compact", "--target-size", f"{2 * size + 100}B", *local.arguments())

    assert " → 3 files, " in ran.out.splitlines()[-1]
    assert len(live(local)) == 3
    assert local.events() == before
    assert run("compact", "--target-size", "64", *local.arguments()).code == 2


@PARQUET
def test_columns_that_only_some_files_have_are_kept(local, run, make):
    """An older file lacks a column, a newer one has another: the large file has both, empty where there was nothing."""
    rows = encode(make.trace(seed=1)).table.drop_columns(["date", "environment"])
    older, newer = rows.drop_columns(["cost_usd"]), rows.append_column("mood", [["fine"] * rows.num_rows])
    for name, table in (("a", older), ("b", newer)):
        local.storage.put(f"date=2026-01-05/environment=prod/{name}.parquet", parquet(table))

    assert run("compact", *local.arguments()).code == 0
    (merged,) = live(local)
    found = pq.ParquetFile(f"{local.config.path}/{merged}").read()
    assert found.column("mood").to_pylist() == [None] * rows.num_rows + ["fine"] * rows.num_rows
    assert found.column("cost_usd").to_pylist() == rows.column("cost_usd").to_pylist() * 2


@pytest.mark.parametrize("place", ["parquet-local", "parquet-s3"], indirect=True)
def test_a_compaction_that_was_cut_off_is_finished(place, run, make):
    """Killed between writing and deleting, rows are there twice until the next one, which deletes the old files."""
    place.deliver(*(make.trace(seed=seed) for seed in range(3)))
    before, files = place.events(), place.contents()
    run("compact", *place.arguments())
    for name in list(files)[1:]:  # the first was deleted already
        if name.endswith(".parquet"):
            place.storage.put(name, files[name])
    assert len(place.events()) > len(before)

    assert run("compact", *place.arguments()).code == 0
    assert place.events() == before
    assert len(live(place)) == 1


@PARQUET
def test_what_was_replaced_long_ago_is_still_known(local, run, make):
    """A file that comes again after two compactions, as a late batch may, is recognised by its name."""
    first = make.trace(seed=1)
    local.deliver(first, make.trace(seed=2))
    late, content = next((name, content) for name, content in local.contents().items() if "batch-0001" in name)
    run("compact", *local.arguments())
    local.deliver(make.trace(seed=3))
    run("compact", *local.arguments())
    before = local.events()
    local.storage.put(late, content)

    run("compact", *local.arguments())
    assert local.events() == before
    (name,) = live(local)
    assert f"{MARK}0002-" in name


@PARQUET
def test_a_listing_meets_the_new_file_after_the_old_ones(local, run, make):
    """A bucket is listed by name: a listing that began before a compaction misses no row, whenever it ends."""
    local.deliver(*(make.trace(seed=seed) for seed in range(4)))
    old = live(local)
    run("compact", *local.arguments())
    (first,) = live(local)
    local.deliver(*(make.trace(seed=seed) for seed in range(4, 6)))
    more = live(local)
    run("compact", *local.arguments())
    (second,) = live(local)

    assert first > max(old)
    assert second > max(more)


@DELTA
def test_unused_files_go_when_their_time_is_over(local, run, make):
    """--vacuum deletes what has been no part of the table for 7 days, or for the period that the table has."""
    deliver(local, make)
    run("compact", *local.arguments())
    assert run("compact", "--vacuum", *local.arguments()).out.endswith(
        "0 files deleted that were no part of the table any more\n"
    )
    DeltaTable(local.config.path).alter.set_table_properties(
        {"delta.deletedFileRetentionDuration": "interval 0 seconds"}
    )

    assert "6 files deleted" in run("compact", "--vacuum", *local.arguments()).out
    assert {name for name in local.contents() if name.endswith(".parquet") and "_delta_log" not in name} == set(
        live(local)
    )


@PARQUET
def test_plain_files_have_no_vacuum(local, run, make):
    """2, and why."""
    deliver(local, make)

    ran = run("compact", "--vacuum", *local.arguments())
    assert (ran.code, ran.out) == (2, "")
    assert "--vacuum is for Delta tables" in ran.err


@DELTA
def test_a_table_is_quick_to_open_afterwards(local, run, make):
    """There is a checkpoint of the newest version."""
    deliver(local, make)
    run("compact", *local.arguments())

    version = DeltaTable(local.config.path).version()
    assert any(f"{version:020}.checkpoint" in name for name in local.contents())


@pytest.mark.parametrize("place", ["parquet-local", "parquet-s3"], indirect=True)
def test_a_batch_over_midnight_keeps_both_its_files(place, run, make):
    """Its files have one name in two directories: that one of them was replaced says nothing about the other."""
    place.deliver((*make.trace(seed=1), *make.trace(seed=2, day=1)), make.trace(seed=3))
    before = place.events()

    for _ in range(2):
        assert run("compact", *place.arguments()).code == 0
        assert place.events() == before
