"""A superuser's edit of any row is found, and the entry named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from bureau.admin.findings import Checked
from bureau.admin.integrity import Rebuilt, check_database, rebuild_caches
from bureau.config import Settings
from bureau.store.database import Database
from bureau.store.record_blocks import BlockRecord, RecordBlock, blocks_of
from tests.unit.operator.lived_in import LivedIn

SUBMISSION, INQUIRY = 7, 8


def check(lived_in: LivedIn) -> Checked:
    settings = Settings.load(lived_in.folder)
    database = Database(settings.database)
    try:
        return check_database(database, settings)
    finally:
        database.dispose()


def rebuild(lived_in: LivedIn) -> Rebuilt:
    settings = Settings.load(lived_in.folder)
    database = Database(settings.database)
    try:
        return rebuild_caches(database, settings)
    finally:
        database.dispose()


def tamper(lived_in: LivedIn, sql: str) -> None:
    with closing(sqlite3.connect(lived_in.folder / "bureau.db")) as connection, connection:
        assert connection.execute(sql).rowcount, "the edit must touch a row"


def test_what_was_not_touched_holds(lived_in: LivedIn) -> None:
    checked = check(lived_in)
    assert checked.findings == []
    assert (checked.entries, checked.records) == (lived_in.entries, 3)
    assert checked.checkpoints == lived_in.entries + 1


@pytest.mark.parametrize(
    ("sql", "index", "what"),
    [
        (
            "UPDATE entry SET kind = 'consent' WHERE leaf_index = 7",
            SUBMISSION,
            "its commitment does not follow",
        ),
        (
            "UPDATE entry SET salt = zeroblob(31) WHERE leaf_index = 7",
            SUBMISSION,
            "its commitment does not follow",
        ),
        (
            "UPDATE entry SET time_us = time_us + 1 WHERE leaf_index = 2",
            2,
            "its commitment does not follow",
        ),
        (
            "UPDATE entry SET answer_digest = zeroblob(32) WHERE leaf_index = 8",
            INQUIRY,
            "its commitment does not follow",
        ),
        (
            (
                "UPDATE statement SET envelope = (SELECT envelope FROM statement LIMIT 1) "
                "WHERE entry_key = (SELECT entry_key FROM entry WHERE leaf_index = 4)"
            ),
            4,
            "its statement is not the one that was logged",
        ),
        (
            (
                "DELETE FROM statement "
                "WHERE entry_key = (SELECT entry_key FROM entry WHERE leaf_index = 4)"
            ),
            4,
            "its statement is missing",
        ),
        ("DELETE FROM entry WHERE leaf_index = 3", 3, "1 entries are missing"),
        (
            "DELETE FROM entry WHERE leaf_index = 8",
            None,
            "a checkpoint is of 9 entries, there are 8",
        ),
        (
            "UPDATE tradeline SET history = zeroblob(2)",
            None,
            "history is not what the signed statements give",
        ),
        ("DELETE FROM record", SUBMISSION, "it has 0 of 3 records"),
        (
            "UPDATE record_tile SET hashes = zeroblob(96)",
            SUBMISSION,
            "hashes is not what the signed statements give",
        ),
        (
            "UPDATE record_tile SET root = zeroblob(32)",
            SUBMISSION,
            "root is not what the signed statements give",
        ),
        (
            "UPDATE tradeline SET trail = CAST(substr(trail, 16) || substr(trail, 1, 15) AS BLOB)",
            None,
            "trail is not what the signed statements give",
        ),
        ("UPDATE tradeline SET trail = substr(trail, 16)", None, "trail is not what"),
        (
            "UPDATE tradeline SET newest_record_index = 0",
            None,
            "newest_record_index is not what",
        ),
        ("DELETE FROM inquiry", INQUIRY, "the inquiry that it made is not there"),
        ("DELETE FROM submission", SUBMISSION, "is not there, and the signed statements give it"),
        ("UPDATE record SET block = x''", None, "erasure"),
        (
            "INSERT INTO cosignature VALUES (77, 'w.example/1', 'line')",
            None,
            "w.example/1 has cosigned size 77, of which there is no checkpoint",
        ),
        ("DELETE FROM tradeline_party", None, "is not there, and the signed statements give it"),
        (
            "UPDATE tradeline SET people = zeroblob(32)",
            None,
            "people is not what the signed statements give",
        ),
        ("DELETE FROM tradeline", None, "is not there, and the signed statements give it"),
        ("UPDATE subject_key SET from_entry = 12345", 4, "from_entry is not what"),
        ("UPDATE log_head SET tree_size = 7", None, "the head row is not"),
        (
            (
                "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE tree_size = 4) "
                "WHERE tree_size = 5"
            ),
            None,
            "the entries do not give the root signed for size 5",
        ),
        (
            (
                "UPDATE checkpoint SET note = replace(note, 'creditbureau.local/log', 'other/log') "
                "WHERE tree_size = 5"
            ),
            None,
            "the checkpoint of size 5",
        ),
        (
            "UPDATE consent SET max_uses = 0 WHERE max_uses = 3",
            6,
            "max_uses is not what the signed statements give",
        ),
        (
            "UPDATE member SET roles = 255 WHERE member_id = 'wallets'",
            None,
            "member wallets: roles is not what the signed statements give",
        ),
        (
            "UPDATE tradeline SET member_id = 'wallets'",
            None,
            "member_id is not what the signed statements give",
        ),
        (
            "UPDATE inquiry SET member_id = 'wallets'",
            INQUIRY,
            "member_id is not what the signed statements give",
        ),
        ("ALTER TABLE member ADD COLUMN note TEXT", None, "schema: "),
    ],
)
def test_an_edit_is_found(lived_in: LivedIn, sql: str, index: int | None, what: str) -> None:
    if sql.startswith("ALTER"):
        with closing(sqlite3.connect(lived_in.folder / "bureau.db")) as connection:
            connection.execute(sql)
    else:
        tamper(lived_in, sql)
    findings = check(lived_in).findings
    assert any(finding.leaf_index == index and what in finding.what for finding in findings), (
        findings
    )


def put_records(
    lived_in: LivedIn, rows_of: Callable[[list[BlockRecord]], list[RecordBlock]]
) -> None:
    """Store the records of the one row in other rows."""
    with closing(sqlite3.connect(lived_in.folder / "bureau.db")) as connection, connection:
        ((key, *row),) = connection.execute("SELECT * FROM record").fetchall()
        connection.execute("DELETE FROM record")
        rows = [(key, *each) for each in rows_of(RecordBlock(*row).records())]
        connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", rows)


def test_records_in_rows_of_their_own_hold(lived_in: LivedIn) -> None:
    """Earlier versions stored them so."""
    put_records(lived_in, lambda records: [RecordBlock(*record) for record in records])
    checked = check(lived_in)
    assert (checked.findings, checked.records) == ([], 3)


def test_a_record_that_is_stored_twice_is_found(lived_in: LivedIn) -> None:
    put_records(lived_in, lambda records: [*blocks_of(records), RecordBlock(*records[1])])
    assert "it has 4 of 3 records" in {finding.what for finding in check(lived_in).findings}


def another(records: list[BlockRecord]) -> list[BlockRecord]:
    records[1] = records[1]._replace(body=records[0].body)
    return records


def erased(records: list[BlockRecord]) -> list[BlockRecord]:
    records[1] = records[1]._replace(body=b"")
    return records


def of_another_account(records: list[BlockRecord]) -> list[BlockRecord]:
    records[1] = records[1]._replace(tradeline_key=records[1].tradeline_key + 1)
    return records


@pytest.mark.parametrize(
    ("change", "index", "what"),
    [
        (another, SUBMISSION, "record 1 is not the one that was signed"),
        (lambda records: records[:2], SUBMISSION, "it has 2 of 3 records"),
        (lambda records: [records[0], records[2]], SUBMISSION, "it has 2 of 3 records"),
        (erased, None, "erasure"),
        (of_another_account, SUBMISSION, " 1: tradeline_key is not what"),
    ],
)
def test_an_edit_of_one_record_of_a_row_is_found(
    lived_in: LivedIn,
    change: Callable[[list[BlockRecord]], list[BlockRecord]],
    index: int | None,
    what: str,
) -> None:
    put_records(lived_in, lambda records: blocks_of(change(records)))
    findings = check(lived_in).findings
    assert any(finding.leaf_index == index and what in finding.what for finding in findings), (
        findings
    )


@pytest.mark.parametrize(
    "change",
    [
        "substr(block, 1, length(block) - 1)",
        "substr(block, 1, 20)",
        "substr(block, 1, 1)",
        "x'ff' || substr(block, 2)",  # a dictionary that there is not
        "block || x'00'",
        "substr(block, 1, 98) || x'a0ffffff7f' || substr(block, 101)",  # a frame of 2 GB
        "zeroblob(100)",
        "x'0a' || zeroblob(5000)",
    ],
)
def test_a_row_that_cannot_be_read_is_found(lived_in: LivedIn, change: str) -> None:
    tamper(lived_in, f"UPDATE record SET block = CAST({change} AS BLOB)")
    findings = [each.what for each in check(lived_in).findings if each.leaf_index == SUBMISSION]
    assert "record 0 is not the one that was signed" in findings
    assert "it has 1 of 3 records" in findings


CACHES = [
    "UPDATE tradeline SET history = x'', newest_record_index = 0, trail = 'a word'",
    "DELETE FROM tradeline_party",
    "INSERT INTO former_ref VALUES ('riverbank', 'another', 1)",
    "UPDATE contribution SET good_us = 0",
    "UPDATE record_tile SET root = x'00'",
]


def test_caches_are_rebuilt(lived_in: LivedIn) -> None:
    for sql in CACHES:
        tamper(lived_in, sql)
    assert len(check(lived_in).findings) == len(CACHES)
    assert rebuild(lived_in).rows == {
        "contribution": 1,
        "former_ref": 1,
        "record_tile": 1,
        "tradeline": 1,
        "tradeline_party": 1,
    }
    assert check(lived_in).findings == []
    assert rebuild(lived_in).rows == {}


def test_nothing_is_rebuilt_where_a_fact_differs(lived_in: LivedIn) -> None:
    tamper(lived_in, CACHES[0])
    tamper(lived_in, "UPDATE consent SET state = 3")
    before = check(lived_in).findings
    rebuilt = rebuild(lived_in)
    assert rebuilt.rows == {}
    assert all("consent" in finding.what for finding in rebuilt.checked.findings)
    assert check(lived_in).findings == before
