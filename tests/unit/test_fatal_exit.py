"""When the disk fails: nothing more is acknowledged, and telling of it ends nothing."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bureau import logs
from bureau.clock import Clock
from bureau.errors import Refusal
from bureau.ledger import checkpoint_file, log
from bureau.ledger.commit_queue import Ledger
from bureau.ledger.known_checkpoint import KnownCheckpoint
from bureau.ledger.log import SignedStatement
from bureau.ledger.node_checks import ForkedLogError
from bureau.ledger.units import Transaction
from bureau.store import schema
from bureau.store.database import Database
from bureau.store.errors import StorageError
from bureau.testing import running_bureau
from bureau_keys.signer_name import member_signer
from bureau_keys.signing import SigningKey

ORIGIN = "test.example/log"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'bureau.db'}")
    schema.upgrade(database)
    yield database
    database.dispose()


def statement() -> SignedStatement:
    return SignedStatement("consent", member_signer("m"), str(uuid.uuid4()), bytes(32), b"signed")


def test_after_a_failed_write_nothing_is_begun_any_more(database: Database) -> None:
    key, errors, begun = SigningKey.generate(), list[str](), list[int]()
    with database.transaction() as db:
        log.create(db, key, ORIGIN, Clock().now_us())
    ledger = Ledger(database, key, ORIGIN, Clock(), KnownCheckpoint(), on_fatal=errors.append)
    ledger.start()

    def fails(_tx: Transaction) -> None:
        raise StorageError("OperationalError SQLITE_IOERR_FSYNC", outcome_known=False, fatal=True)

    with pytest.raises(Refusal, match="outcome is unknown"):
        ledger.commit(statement(), fails)
    with pytest.raises(Refusal, match="this node ends"):
        ledger.commit(statement(), lambda tx: begun.append(tx.entry_key))
    ledger.stop()
    assert errors == ["OperationalError SQLITE_IOERR_FSYNC"]
    assert begun == []
    with database.snapshot() as db:
        assert log.size_of(db) == 0


def test_a_statement_that_takes_too_long_harms_no_other(database: Database) -> None:
    key = SigningKey.generate()
    with database.transaction() as db:
        log.create(db, key, ORIGIN, Clock().now_us())
    ledger = Ledger(database, key, ORIGIN, Clock(), KnownCheckpoint())
    ledger.start()

    def slow(_tx: Transaction) -> None:
        raise StorageError("QueryCanceled 57014", too_long=True)

    with pytest.raises(Refusal, match="nothing was stored"):
        ledger.commit(statement(), slow)
    assert ledger.commit(statement(), lambda _tx: 7).result == 7
    ledger.stop()


@pytest.mark.usefixtures("log_as_before")
def test_a_line_that_cannot_be_written_is_lost_and_raises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = Path("/dev/full").open("w", encoding="utf-8", buffering=1)  # noqa: SIM115  (closed below)
    monkeypatch.setattr(sys, "stderr", full)
    logs.configure("info", as_json=True)
    logger = structlog.get_logger("test")
    try:
        logger.error("batch_failed", error="x" * 10_000)
        logger.critical("fatal", why="the disk")
    finally:
        with pytest.raises(OSError, match="No space left"):
            full.close()  # the lines did not fit


def test_a_fork_ends_the_node_where_its_evidence_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _error: ForkedLogError) -> None:
        raise OSError(28, "No space left on device")

    with running_bureau(tmp_path / "bureau") as bureau:
        monkeypatch.setattr(checkpoint_file, "save_evidence", full)
        bureau.server.ledger._on_fork(ForkedLogError("kept", "found"))
        assert bureau.server.stopped.wait(120)
        assert "No space left" in bureau.server.failure
