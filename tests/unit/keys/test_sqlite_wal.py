"""SQLite files that several processes open at once."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import warnings
from collections.abc import Callable
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from bureau.store import sqlite
from bureau_client.verify.report_heads import ReportHeads
from bureau_keys.sqlite_wal import use_write_ahead_log
from bureau_witness.book import Book

PROCESSES, FILES = 3, 60


def open_heads(file: Path) -> None:
    # A client that cannot use its folder goes on without it, with a warning.
    warnings.simplefilter("error")
    heads = ReportHeads(file.parent)
    heads.newest("a" * 32)
    heads.close()


def open_book(file: Path) -> None:
    Book(file).close()


def open_database(file: Path) -> None:
    engine, connect = sqlite.engine_of(f"sqlite:///{file}")
    connect().close()
    engine.dispose()


def open_all(opens: Callable[[Path], None], folder: Path, together: Barrier) -> None:
    for number in range(FILES):
        file = folder / str(number) / "file.sqlite"
        file.parent.mkdir(exist_ok=True)
        together.wait()
        try:
            opens(file)
        except BaseException:
            together.abort()
            raise


@pytest.mark.parametrize("opens", [open_heads, open_book, open_database])
def test_processes_open_one_file_at_once(opens: Callable[[Path], None], tmp_path: Path) -> None:
    """Each file is new to the first of them, and left by the last connection of another."""
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(PROCESSES)
    processes = [
        spawn.Process(target=open_all, args=(opens, tmp_path, together)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES


def test_a_file_that_is_written_is_waited_for(tmp_path: Path) -> None:
    """Another process' transaction in a file without a write-ahead log: the switch waits."""
    file = tmp_path / "file.sqlite"
    with (
        closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as writer,
        closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other,
    ):
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            use_write_ahead_log(other, wait_s=0.05)
        ends = threading.Timer(0.1, writer.execute, ("COMMIT",))
        ends.start()
        use_write_ahead_log(other, wait_s=60)
        ends.join()
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
