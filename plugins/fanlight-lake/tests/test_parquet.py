"""Plain Parquet files as the destination."""

import json
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from fanlight import Batch, PartialFailure, RetryableError, Seal, TelemetryEvent
from fanlight.testing import make_event
from fanlight_lake import LakeSink
from fanlight_lake.testing import read_events, read_quarantine

Open = Callable[..., LakeSink]
Make = Callable[..., Batch]
MIDNIGHT = 1_767_657_600_000_000_000


@pytest.fixture
def sink(open_sink: Open) -> LakeSink:
    return open_sink(format="parquet")


def files(path: str) -> list[Path]:
    return sorted(Path(path).rglob("*.parquet"))


def test_runs_come_back_equal(sink: LakeSink, make_batch: Make, tree: tuple[TelemetryEvent, ...], path: str) -> None:
    """Recorded runs are read back equal, from one file."""
    sink.deliver(make_batch(*tree))
    found = read_events(path)
    assert {event.event_id: event for event in found} == {event.event_id: event for event in tree}
    assert (len(found), len(files(path))) == (len(tree), 1)


def test_directories_are_hives(sink: LakeSink, make_batch: Make, path: str) -> None:
    """DuckDB and Arrow read date and environment from the directories, whatever characters they have."""
    environments = ["prod", "eu/a b=ü%", ""]
    events = [make_event(time_unix_nano=MIDNIGHT - 1 + n, environment=name) for n, name in enumerate(environments)]
    sink.deliver(make_batch(*events))
    assert [event.environment for event in read_events(path)] == environments
    assert {part.name for part in Path(path).iterdir()} == {"date=2026-01-05", "date=2026-01-06"}
    rows = f"read_parquet('{path}/**/*.parquet', hive_partitioning=true)"
    query = f"select date::varchar, environment from {rows} order by time_unix_nano"
    expected = [("2026-01-05", "prod"), ("2026-01-06", "eu/a b=ü%"), ("2026-01-06", None)]
    with duckdb.connect() as connection:
        assert connection.sql(query).fetchall() == expected
    table = ds.dataset(path, format="parquet", partitioning="hive").to_table(columns=["environment", "time_unix_nano"])
    assert table.sort_by("time_unix_nano").column("environment").to_pylist() == [
        environment for _, environment in expected
    ]


def test_files_are_compressed_with_zstd(sink: LakeSink, make_batch: Make, path: str) -> None:
    """The files are zstd."""
    sink.deliver(make_batch(make_event()))
    (file,) = files(path)
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_batch_that_comes_again_is_there_once(sink: LakeSink, open_sink: Open, make_batch: Make, path: str) -> None:
    """The name is the seal's, or the batch's: a redelivery finds its file, also over midnight."""
    events = [make_event(time_unix_nano=MIDNIGHT - 1), make_event(time_unix_nano=MIDNIGHT)]
    for batch in (make_batch(*events, seal=3), make_batch(*events, id="b-7")):
        sink.deliver(batch)
        sink.deliver(batch)
        open_sink(format="parquet").deliver(batch)
    assert len(read_events(path)) == 4
    assert {file.name for file in files(path)} == {"bot%2F1-000000000003.parquet", "made-b-7.parquet"}


def test_a_half_delivered_batch_is_completed(sink: LakeSink, make_batch: Make, path: str) -> None:
    """Where only one of a batch's files was written, the batch that comes again adds the other."""
    events = [make_event(time_unix_nano=MIDNIGHT - 1), make_event(time_unix_nano=MIDNIGHT)]
    batch = make_batch(*events, seal=1)
    sink.deliver(batch)
    files(path)[1].unlink()
    sink.deliver(batch)
    assert read_events(path) == events


def test_writers_do_not_hide_each_other(sink: LakeSink, make_batch: Make, path: str) -> None:
    """The same sequence of another writer is another file."""
    for writer in ("a", "b", "a/b", "a-b"):
        sink.deliver(msgspec.structs.replace(make_batch(make_event()), seal=Seal(writer=writer, sequence=1)))
    assert len(read_events(path)) == 4


def test_only_the_owner_may_read(sink: LakeSink, make_batch: Make, path: str) -> None:
    """Files have mode 0600 and directories 0700 from their first moment; nothing temporary stays."""
    sink.deliver(make_batch(make_event()))
    found = list(Path(path).rglob("*"))
    assert {each.stat().st_mode & 0o777 for each in found if each.is_file()} == {0o600}
    assert {each.stat().st_mode & 0o777 for each in [Path(path), *found] if each.is_dir()} == {0o700}
    assert [each for each in found if each.is_file()] == files(path)


def test_bad_events_are_kept_beside(sink: LakeSink, make_batch: Make, path: str) -> None:
    """An event of a wrong type is a dead letter and kept; the others are written."""
    good, bad = make_event(), make_event(output_tokens="few")
    with pytest.raises(PartialFailure) as caught:
        sink.deliver(make_batch(bad, good))
    assert list(caught.value.errors) == [bad.event_id]
    assert read_events(path) == [good]
    assert [entry["event_id"] for entry in read_quarantine(path)] == [bad.event_id]


@contextmanager
def small_files_only() -> Iterator[None]:
    """Let no file of this process grow beyond 4 KiB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_takes_no_more_is_tried_again(sink: LakeSink, make_batch: Make, path: str) -> None:
    """What the system refuses is said in its words, nothing half stays behind, and the batch can come again."""
    with small_files_only(), pytest.raises(RetryableError, match="File too large"):
        sink.deliver(make_batch(make_event()))
    assert [each for each in Path(path).rglob("*") if each.is_file()] == []
    sink.deliver(make_batch(make_event()))
    assert len(read_events(path)) == 1


def test_nothing_there_is_no_events(path: str) -> None:
    """A lake that nobody has written to reads as empty."""
    assert read_events(path) == []


def test_payloads_can_be_asked_in_sql(sink: LakeSink, make_batch: Make, path: str) -> None:
    """Structures are JSON text: DuckDB looks into them."""
    sink.deliver(make_batch(make_event(metadata={"team": {"name": "a"}}, inputs=[1, {"b": None}])))
    query = f"select metadata->>'$.team.name', inputs from read_parquet('{path}/**/*.parquet')"
    with duckdb.connect() as connection:
        ((team, inputs),) = connection.sql(query).fetchall()
    assert (team, json.loads(inputs)) == ("a", [1, {"b": None}])
