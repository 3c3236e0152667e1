"""The transaction log of a run, read while it grows, and when it is damaged."""

from pathlib import Path
from typing import Any

import pytest

from fanlight.testing.clock import eventually
from fanlight_wandb.testing import read_runs
from fanlight_wandb.transaction_log import CorruptLogError, TransactionLog

BLOCK = 32 * 1024

RECORD = """
run = start(project="p", id="recorded")
for row in range(300):
    run.log({"row": row, "text": "x" * (row * 13 % 700)})
run.log({"row": 300, "text": "y" * 100_000})
run.finish()
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, make_programs: Any) -> Path:
    """A log of several blocks by the real wandb-core, one record of it longer than three blocks."""
    directory = tmp_path_factory.mktemp("recorded")
    make_programs(directory).run(RECORD)
    (path,) = directory.rglob("*.wandb")
    return path


def test_all_records_are_read(recorded: Path) -> None:
    """Records within a block, across blocks and longer than one come out as the SDK was given them."""
    (run,) = read_runs(recorded.parents[1])
    assert run.values("row") == list(range(301))
    assert [len(text) for text in run.values("text")] == [*(row * 13 % 700 for row in range(300)), 100_000]
    assert run.exit_code == 0


@pytest.mark.parametrize("step", [1, 7, 4093, BLOCK])
def test_a_growing_file_gives_each_record_once(recorded: Path, tmp_path: Path, step: int) -> None:
    """However the file grows, each record is returned once, whole, and in order."""
    data = recorded.read_bytes()
    data = data[: 40 * 1024] if step < 100 else data
    growing = tmp_path / "growing.wandb"
    log, read = TransactionLog(growing), []
    assert log.read_new() == []
    with growing.open("wb", buffering=0) as file:
        for at in range(0, len(data), step):
            file.write(data[at : at + step])
            read += log.read_new_bytes()
    whole = tmp_path / "whole.wandb"
    whole.write_bytes(data)
    assert read == TransactionLog(whole).read_new_bytes()
    assert len(read) > 50


def test_damage_is_found_after_what_is_whole(recorded: Path, tmp_path: Path) -> None:
    """A flipped bit ends the reading with an error that says where; the records before it are returned first."""
    data = bytearray(recorded.read_bytes())
    data[BLOCK] ^= 1
    damaged = tmp_path / "damaged.wandb"
    damaged.write_bytes(data)
    log = TransactionLog(damaged)
    whole = TransactionLog(recorded).read_new_bytes()
    before = log.read_new_bytes()
    assert before == whole[: len(before)]
    assert 0 < len(before) < len(whole)
    with pytest.raises(CorruptLogError, match=r"damaged\.wandb: damaged at byte \d+"):
        log.read_new_bytes()


def test_a_torn_tail_is_no_damage(recorded: Path, tmp_path: Path) -> None:
    """The last chunk with bytes that have not reached the disk yet is waited for."""
    data = recorded.read_bytes()
    torn = tmp_path / "torn.wandb"
    torn.write_bytes(data[:-2] + b"\0\0")
    log = TransactionLog(torn)
    missing = len(TransactionLog(recorded).read_new_bytes()) - len(log.read_new_bytes())
    assert missing == 1
    torn.write_bytes(data)
    assert len(log.read_new_bytes()) == 1


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file that is no transaction log is an error, not an empty run."""
    other = tmp_path / "run-x.wandb"
    other.write_text("something else entirely")
    with pytest.raises(CorruptLogError, match="another kind of file"):
        TransactionLog(other).read_new()


def test_rows_appear_while_the_run_lives(programs: Any, tmp_path: Path) -> None:
    """What a living run logged is read from its file as soon as wandb-core has flushed it."""
    process = programs.start("""
        run = start(project="p", settings={"x_transaction_log_flush_interval": 0.1})
        for line in sys.stdin:
            run.log({"row": int(line)})
    """)
    for row in range(3):
        print(row, file=process.stdin, flush=True)
        eventually(lambda: bool(read_runs(tmp_path)) and read_runs(tmp_path)[0].values("row") == list(range(row + 1)))  # noqa: B023
    assert read_runs(tmp_path)[0].exit_code is None
