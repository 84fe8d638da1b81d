"""The heads of chains that the clients of one folder keep."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from bureau_client.verify import report_heads
from bureau_client.verify.report_heads import HEADS, ReportHead, ReportHeads

SUBJECT = "a" * 32
# Heads that each process keeps.
EACH = 50


def head(log_size: int, subject_id: str = SUBJECT) -> ReportHead:
    return ReportHead(subject_id, f"report {log_size}", log_size, b"c" * 32, 1, b"i" * 32)


def keep_heads(folder: Path) -> None:
    heads = ReportHeads(folder)
    for _ in range(EACH):
        kept = False
        while not kept:
            newest = heads.newest(SUBJECT)
            kept = heads.keep(head(newest.log_size + 1 if newest else 1), compared=newest)
    heads.close()


def test_the_next_client_of_a_folder_has_the_newest_head(tmp_path: Path) -> None:
    first = ReportHeads(tmp_path)
    assert first.newest(SUBJECT) is None
    assert first.keep(head(5), compared=None)
    first.close()
    assert ReportHeads(tmp_path).newest(SUBJECT) == head(5)


def test_a_head_that_another_client_kept_is_compared_first(tmp_path: Path) -> None:
    one, other = ReportHeads(tmp_path), ReportHeads(tmp_path)
    assert other.keep(head(5), compared=None)
    assert not one.keep(head(6), compared=None)
    assert one.newest(SUBJECT) == head(5)
    assert one.keep(head(6), compared=head(5))
    assert other.newest(SUBJECT) == head(6)


def test_the_head_of_an_older_report_replaces_none(tmp_path: Path) -> None:
    heads = ReportHeads(tmp_path)
    heads.keep(head(5), compared=None)
    assert heads.keep(head(4), compared=head(5))
    assert heads.newest(SUBJECT) == head(5)


def test_no_head_is_lost_between_two_processes(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as processes:
        for done in [processes.submit(keep_heads, tmp_path) for _ in range(2)]:
            done.result()
    assert ReportHeads(tmp_path).newest(SUBJECT) == head(2 * EACH)


def test_the_head_that_was_kept_first_is_forgotten_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_heads, "REMEMBERED", 2)
    heads = ReportHeads(tmp_path)
    for subject_id in ("a", "b", "c"):
        heads.keep(head(1, subject_id), compared=None)
    assert [heads.newest(subject_id) is None for subject_id in ("a", "b", "c")] == [
        True,
        False,
        False,
    ]


def test_only_its_owner_reads_the_list_of_customers(tmp_path: Path) -> None:
    heads = ReportHeads(tmp_path)
    heads.keep(head(1), compared=None)
    files = list(tmp_path.glob(f"{HEADS}*"))
    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_forked_child_opens_the_file_itself(tmp_path: Path) -> None:
    heads = ReportHeads(tmp_path)
    heads.keep(head(5), compared=None)
    child = os.fork()
    if not child:
        kept = heads.keep(head(6), compared=head(5))
        heads.close()
        os._exit(0 if kept and heads.newest(SUBJECT) == head(6) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert heads.newest(SUBJECT) == head(6)
    assert heads.keep(head(7), compared=head(6))


def test_a_file_that_is_locked_for_long_keeps_its_heads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_heads, "BUSY_S", 0.01)
    heads = ReportHeads(tmp_path)
    heads.keep(head(5), compared=None)
    with closing(sqlite3.connect(tmp_path / HEADS, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert heads.keep(head(6), compared=head(5))
        assert heads.newest(SUBJECT) == head(5)
    assert heads.keep(head(7), compared=head(5))
    assert heads.newest(SUBJECT) == head(7)
