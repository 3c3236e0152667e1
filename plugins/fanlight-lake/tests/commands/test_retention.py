"""`fanlight lake retention`: whole days go, and nothing else."""

from pathlib import Path

import pytest
from deltalake import DeltaTable

DELTA = pytest.mark.parametrize("local", ["delta"], indirect=True)
PARQUET = pytest.mark.parametrize("local", ["parquet"], indirect=True)


def old_and_new(place, make):
    """Deliver traces of 100, 91, 90 and 0 days ago, the oldest in two environments; return those to keep at 90d."""
    kept = (*make.today(make.trace(seed=3), days_ago=90), *make.today(make.trace(seed=4)))
    dev = make.today(make.trace(seed=5, environment="dev"), days_ago=100)
    gone = (*make.today(make.trace(seed=1), days_ago=100), *make.today(make.trace(seed=2), days_ago=91))
    place.deliver(gone, dev, kept)
    return kept, dev, gone


def ids(events):
    return sorted(event.event_id for event in events)


def test_old_days_go(place, run, make):
    """What is of a day that ended more than so many days ago is gone; the rest reads back as it was."""
    kept, dev, gone = old_and_new(place, make)

    ran = run("retention", "--older-than", "90d", "--yes", *place.arguments())

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"deleting 3 partitions, {len(dev) + len(gone)} rows, ")
    assert ids(place.events()) == ids(kept)
    again = run("retention", "--older-than", "90d", "--yes", *place.arguments())
    assert again.code == 0
    assert again.out.startswith("nothing is from before ")


def test_one_environment_alone(place, run, make):
    """The others keep their old days; one that is not there is no environment without old days: 1, and which are."""
    kept, _, gone = old_and_new(place, make)

    wrong = run("retention", "--older-than", "90d", "--environment", "prdo", "--yes", *place.arguments())
    assert wrong == (1, "", "fanlight lake retention: no environment `prdo` in this lake; there are: dev, prod\n")
    assert run("retention", "--older-than", "90d", "--environment", "dev", "--yes", *place.arguments()).code == 0
    assert ids(place.events()) == ids((*kept, *gone))


def test_nothing_goes_unasked(place, run, make):
    """A dry run says what would go; so it is without --yes, which is 2, and everything stays."""
    _, dev, gone = old_and_new(place, make)
    before = place.contents()

    dry = run("retention", "--older-than", "90d", "--dry-run", *place.arguments())
    unasked = run("retention", "--older-than", "90d", *place.arguments())

    assert dry.code == 0
    assert dry.out.startswith(f"would delete 3 partitions, {len(dev) + len(gone)} rows, ")
    assert unasked.out == dry.out
    assert (unasked.code, unasked.err) == (
        2,
        "fanlight lake retention: nothing was deleted; say --yes if it shall be\n",
    )
    assert place.contents() == before


@pytest.mark.parametrize("age", ["90", "2w", "-1d", "0d", "1.5d", "soon", ""])
@PARQUET
def test_an_age_is_whole_days(local, run, make, age):
    """2 for everything else: the lake is divided by days."""
    local.deliver(make.trace(seed=1))
    ran = run("retention", f"--older-than={age}", *local.arguments())

    assert ran.code == 2
    assert "expected whole days, such as 90d" in ran.err


@PARQUET
def test_old_files_are_gone(local, run, make):
    """Their directories too."""
    old_and_new(local, make)
    run("retention", "--older-than", "90d", "--yes", *local.arguments())

    assert len(list(Path(local.config.path).glob("date=*"))) == 2


@DELTA
def test_a_tables_files_wait_for_its_period(local, run, make):
    """An older version stays readable for 7 days: rows are gone from the newest one, files are not."""
    old_and_new(local, make)
    version, files = DeltaTable(local.config.path).version(), set(local.contents())

    run("retention", "--older-than", "90d", "--yes", *local.arguments())
    assert files <= set(local.contents())
    assert DeltaTable(local.config.path, version=version).to_pyarrow_table().num_rows > len(local.events())


@DELTA
def test_now_means_now(local, run, make):
    """--now deletes the old days' files at once, also those of an earlier deletion; other days' older versions stay."""
    kept, _, _ = old_and_new(local, make)
    local.deliver(make.today(make.trace(seed=6), days_ago=90))
    run("compact", *local.arguments())
    run("retention", "--older-than", "90d", "--yes", *local.arguments())
    before = {name for name in local.contents() if name.endswith(".parquet")}

    assert run("retention", "--older-than", "90d", "--now", "--yes", *local.arguments()).code == 0

    after = {name for name in local.contents() if name.endswith(".parquet")}
    days = {name.partition("/")[0] for name in after if name.startswith("date=")}
    assert len(days) == 2
    assert {name for name in before if name.partition("/")[0] in days} <= after
    assert ids(kept) == ids(event for event in local.events() if event.event_id in set(ids(kept)))


def test_the_quarantine_ages_too(place, run, make):
    """A quarantined event goes with the day on which it came; one of today stays."""
    place.deliver(make.today(make.trace(seed=1)), (make.misfit(),))
    (today,) = [name for name in place.contents() if name.startswith("_quarantine")]
    place.storage.put("_quarantine/date=2020-01-01/old.jsonl", place.storage.get(today))

    ran = run("retention", "--older-than", "90d", "--yes", *place.arguments())

    assert ", 1 file in quarantine" in ran.out
    assert [name for name in place.contents() if name.startswith("_quarantine")] == [today]
