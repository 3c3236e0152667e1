"""A Delta table as the destination."""

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import deltalake
import msgspec
import pyarrow as pa
import pytest
from deltalake import DeltaTable, Transaction, write_deltalake

from fanlight import Batch, PartialFailure, PermanentError, RetryableError, Seal, TelemetryEvent
from fanlight.testing import make_event
from fanlight_lake import LakeSink
from fanlight_lake.encode import encode
from fanlight_lake.schema import SCHEMA
from fanlight_lake.testing import read_events, read_quarantine

Open = Callable[..., LakeSink]
Make = Callable[..., Batch]
Commits = Callable[[], list[list[dict[str, Any]]]]


def in_order(events: tuple[TelemetryEvent, ...]) -> list[TelemetryEvent]:
    return sorted(events, key=lambda event: (event.time_unix_nano, event.run_id, event.sequence))


def test_runs_come_back_equal(
    open_sink: Open, make_batch: Make, tree: tuple[TelemetryEvent, ...], path: str, commits: Commits
) -> None:
    """Recorded runs are read back equal, from one commit."""
    open_sink().deliver(make_batch(*tree))
    assert read_events(path) == in_order(tree)
    assert len(commits()) == 2


def test_rows_are_partitioned_by_date_and_environment(open_sink: Open, make_batch: Make, path: str) -> None:
    """Directories carry the UTC date of the event's time, and the environment, whatever characters it has."""
    midnight = 1_767_657_600_000_000_000
    events = [
        make_event(time_unix_nano=midnight - 1, environment="prod"),
        make_event(time_unix_nano=midnight, environment="eu/a b=ü%"),
        make_event(time_unix_nano=midnight + 1, environment=""),
    ]
    open_sink().deliver(make_batch(*events))
    assert [(event.time_unix_nano - midnight, event.environment) for event in read_events(path)] == [
        (-1, "prod"),
        (0, "eu/a b=ü%"),
        (1, ""),
    ]
    assert {each.name for each in Path(path).glob("date=*")} == {"date=2026-01-05", "date=2026-01-06"}
    assert DeltaTable(path).metadata().partition_columns == ["date", "environment"]


def test_a_delivered_batch_would_survive_a_power_cut(
    open_sink: Open, make_batch: Make, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before `deliver` returns, the commit, its data file and their directories were given to fsync."""
    synced: list[Path] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    open_sink().deliver(make_batch(make_event()))
    root = Path(path).resolve()
    (data,) = root.glob("date=*/*/*.parquet")
    log = root / "_delta_log"
    assert {data, data.parent, log, *log.glob("*.json")} <= set(synced)


def test_files_are_compressed_with_zstd(open_sink: Open, make_batch: Make, path: str) -> None:
    """The files are zstd."""
    open_sink().deliver(make_batch(make_event()))
    (file,) = Path(path).rglob("*.parquet")
    assert pa.parquet.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


def test_only_the_owner_may_read(open_sink: Open, make_batch: Make, path: str) -> None:
    """After a batch all files have mode 0600 and all directories 0700, checkpoints included."""
    sink = open_sink()
    for _ in range(21):
        sink.deliver(make_batch(make_event(environment="a b")))
    found = list(Path(path).rglob("*"))
    assert any("checkpoint" in each.name for each in found)
    assert {each.stat().st_mode & 0o777 for each in found if each.is_file()} == {0o600}
    assert {each.stat().st_mode & 0o777 for each in [Path(path), *found] if each.is_dir()} == {0o700}


def test_the_log_holds_nothing_of_a_person(open_sink: Open, make_batch: Make, path: str) -> None:
    """The log outlives deleted rows: no user, session, tenant, name or content stands in its statistics."""
    open_sink().deliver(
        make_batch(make_event(user_id="alice-7", session_id="alice-7", name="alice-7", inputs="alice-7"))
    )
    logs = list((Path(path) / "_delta_log").iterdir())
    assert logs
    assert not [log for log in logs if b"alice-7" in log.read_bytes()]


class TestSeals:
    """A sealed batch is written once."""

    def test_a_redelivery_is_no_commit(self, open_sink: Open, make_batch: Make, path: str, commits: Commits) -> None:
        """The same seal again, by the same sink or by another one, writes nothing."""
        batch = make_batch(make_event(), seal=7)
        sink = open_sink()
        sink.deliver(batch)
        sink.deliver(batch)
        open_sink().deliver(batch)
        assert len(read_events(path)) == 1
        assert len(commits()) == 2
        assert DeltaTable(path).transaction_version("bot/1") == 7

    def test_an_older_seal_is_known_too(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """Sequences only grow: what comes after a newer one has been written before."""
        sink = open_sink()
        first, second = make_event(), make_event()
        for seal, event in [(0, first), (1, second), (0, first), (1, second)]:
            sink.deliver(make_batch(event, seal=seal))
        assert {event.event_id for event in read_events(path)} == {first.event_id, second.event_id}
        assert len(read_events(path)) == 2

    def test_writers_do_not_hide_each_other(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """The same sequence of another writer is another batch."""
        sink = open_sink()
        for writer in ("bot/1", "bot/2"):
            sink.deliver(msgspec.structs.replace(make_batch(make_event()), seal=Seal(writer=writer, sequence=0)))
        assert len(read_events(path)) == 2

    def test_two_handles_race(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """Eight handles deliver the same seal at the same time: the rows are there once, and each one says yes."""
        for sequence in range(5):
            batch = make_batch(make_event(), seal=sequence)
            sinks = [open_sink() for _ in range(8)]
            errors = _at_once([partial(sink.deliver, batch) for sink in sinks])
            assert errors == []
            assert len(read_events(path)) == sequence + 1

    def test_without_a_seal_it_is_at_least_once(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """Without a seal a batch that comes twice is there twice; the rows have the same event_id."""
        sink = open_sink()
        batch = make_batch(make_event())
        sink.deliver(batch)
        sink.deliver(batch)
        first, second = read_events(path)
        assert first == second


def _at_once(calls: list[Callable[[], None]]) -> list[Exception]:
    barrier, errors = threading.Barrier(len(calls)), []

    def run(call: Callable[[], None]) -> None:
        barrier.wait()
        try:
            call()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


class TestEvolution:
    """Older and newer fanlights share one table."""

    def test_a_column_that_the_table_lacks_is_added(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """An older table gets the new columns; its rows have nothing there."""
        old = make_event(name="old", time_unix_nano=1)
        write_deltalake(
            path, encode([old]).table.drop_columns(["cost_usd", "tags"]), partition_by=["date", "environment"]
        )
        new = make_event(cost_usd=0.25, tags=("a",))
        open_sink().deliver(make_batch(new))
        assert read_events(path) == [old, new]

    def test_a_column_that_is_not_known_is_kept(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """A newer table's columns, or somebody's own, stay; our rows have nothing there."""
        table = encode([make_event(name="theirs", time_unix_nano=1)]).table
        write_deltalake(path, table.append_column("score", pa.array([0.5])), partition_by=["date", "environment"])
        open_sink().deliver(make_batch(make_event(name="ours")))
        rows = DeltaTable(path).to_pyarrow_table(columns=["name", "score"]).to_pylist()
        assert sorted((row["name"], row["score"]) for row in rows) == [("ours", None), ("theirs", 0.5)]
        assert len(read_events(path)) == 2

    def test_a_column_of_another_type_is_refused(self, open_sink: Open, path: str) -> None:
        """The error names the column, its type, the expected one, and what to do."""
        write_deltalake(path, pa.table({"event_id": ["a"], "input_tokens": ["many"]}))
        with pytest.raises(PermanentError, match=r"column input_tokens of .* is string, expected long: rename it"):
            open_sink()

    def test_a_list_of_something_else_is_refused(self, open_sink: Open, path: str) -> None:
        """Lists are told apart by what they hold."""
        write_deltalake(path, pa.table({"event_id": ["a"], "tags": [[1]]}))
        with pytest.raises(PermanentError, match=r"column tags of .* is array of long, expected array of string"):
            open_sink()

    def test_somebody_elses_table_is_left_alone(self, open_sink: Open, path: str) -> None:
        """A table without events gets no columns from us."""
        write_deltalake(path, pa.table({"customer": ["a"]}))
        with pytest.raises(PermanentError, match="has no column event_id: it holds something else"):
            open_sink()
        assert DeltaTable(path).version() == 0

    def test_a_table_that_changes_meanwhile_opens_the_breaker(
        self, open_sink: Open, make_batch: Make, path: str
    ) -> None:
        """A type that changes under an open sink costs no event: they wait until somebody has acted."""
        sink = open_sink()
        fields = [field.with_type(pa.string()) if field.name == "pid" else field for field in SCHEMA]
        other = pa.Table.from_pylist([{"event_id": "a", "pid": "x", "environment": "e"}], schema=pa.schema(fields))
        write_deltalake(path, other, mode="overwrite", schema_mode="overwrite", partition_by=["date", "environment"])
        for _ in range(2):
            with pytest.raises(RetryableError) as caught:
                sink.deliver(make_batch(make_event()))
        assert caught.value.open_breaker
        assert "column pid" in str(caught.value)
        assert DeltaTable(path).to_pyarrow_table().num_rows == 1

    def test_a_table_that_is_gone_is_made_again(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """A table that somebody deleted comes back with the next attempts."""
        sink = open_sink()
        sink.deliver(make_batch(make_event()))
        Path(path).rename(Path(path).with_name("moved"))
        event = make_event()
        try:
            sink.deliver(make_batch(event))
        except RetryableError:
            sink.deliver(make_batch(event))
        assert read_events(path) == [event]


class TestQuarantine:
    """Events with a value of a wrong type."""

    def test_one_bad_event_costs_no_other(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """The others are written; it is a dead letter for `wrong_type`, and kept beside the table with the reason."""
        good, bad = make_event(), make_event(input_tokens="many", metadata={"n": 2**80, "h": "\ud800"})
        with pytest.raises(PartialFailure) as caught:
            open_sink().deliver(make_batch(good, bad))
        error = caught.value.errors[bad.event_id]
        assert isinstance(error, PermanentError)
        assert error.reason == "wrong_type"
        assert len(caught.value.errors) == 1
        assert read_events(path) == [good]
        (kept,) = read_quarantine(path)
        assert (kept["event_id"], kept["reason"]) == (bad.event_id, str(error))
        assert kept["event"]["input_tokens"] == "many"
        assert kept["event"]["metadata"] == {"n": 2**80, "h": "\ud800"}

    def test_a_redelivery_is_kept_once(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """The same batch again replaces what was kept of it."""
        batch = make_batch(make_event(name=object()), make_event(), seal=1)
        for _ in range(2):
            with pytest.raises(PartialFailure):
                open_sink().deliver(batch)
        assert (len(read_quarantine(path)), len(read_events(path))) == (1, 1)

    def test_only_bad_events_are_no_commit(
        self, open_sink: Open, make_batch: Make, path: str, commits: Commits
    ) -> None:
        """A batch of nothing but bad events leaves the table as it was."""
        with pytest.raises(PartialFailure):
            open_sink().deliver(make_batch(make_event(name=1)))
        assert len(commits()) == 1

    def test_delta_leaves_it_alone(self, open_sink: Open, make_batch: Make, path: str) -> None:
        """Delta's own clean-up does not delete it, and it is its owner's alone."""
        with pytest.raises(PartialFailure):
            open_sink().deliver(make_batch(make_event(name=1)))
        DeltaTable(path).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        assert len(read_quarantine(path)) == 1
        (file,) = (Path(path) / "_quarantine").rglob("*.jsonl")
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_no_time_left_is_said_before_the_commit(open_sink: Open, make_batch: Make, path: str) -> None:
    """A batch whose deadline has passed is not written: the lane sends it again."""
    sink = open_sink()
    with pytest.raises(RetryableError, match="no time was left"):
        sink.deliver(make_batch(make_event(), seconds=-1))
    assert read_events(path) == []


def test_a_file_in_the_way_is_refused(open_sink: Open, path: str) -> None:
    """A path that is a file can never be a lake."""
    Path(path).write_text("a file")
    with pytest.raises(PermanentError, match="is not a directory"):
        open_sink()


def test_a_table_that_needs_a_newer_library_is_not_written_to(open_sink: Open, make_batch: Make, path: str) -> None:
    """A table with a feature that this `deltalake` does not know stays as it is, and the error names the feature."""
    open_sink().deliver(make_batch(make_event()))
    log = Path(path) / "_delta_log" / f"{2:020}.json"
    log.write_text(
        '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["x"],"writerFeatures":["x"]}}\n'
    )
    with pytest.raises(RetryableError, match="Feature 'x' is not supported"):
        open_sink()


def test_the_library_checks_no_transaction_by_itself(path: str) -> None:
    """Why the sink asks first: `deltalake` appends a transaction that the table has already."""
    table = pa.table({"event_id": ["a"]})
    properties = deltalake.CommitProperties(app_transactions=[Transaction("w", 1)])
    for _ in range(2):
        write_deltalake(path, table, mode="append", commit_properties=properties)
    assert DeltaTable(path).to_pyarrow_table().num_rows == 2
