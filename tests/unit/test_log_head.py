"""What a node has acknowledged holds, whoever has appended since."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from bureau.clock import Clock
from bureau.ledger import log
from bureau.ledger.log import NewLeaf, SignedStatement
from bureau.ledger.node_checks import ForkedLogError
from bureau.store import queries as q
from bureau.store import schema
from bureau.store.database import Database
from bureau_keys.checkpoint import read_checkpoint
from bureau_keys.signer_name import member_signer
from bureau_keys.signing import SigningKey

ORIGIN = "test.example/log"
KEY = SigningKey.generate()


@contextmanager
def empty_log(folder: Path) -> Iterator[Database]:
    """A database with an empty log."""
    database = Database(f"sqlite:///{folder}/{len(list(folder.iterdir()))}.db")
    schema.upgrade(database)
    with database.transaction() as db:
        log.create(db, KEY, ORIGIN, Clock().now_us())
    yield database
    database.dispose()


def grow(database: Database, words: Sequence[str], known: str = "") -> str:
    """Append a leaf for each word, in one commit; return the checkpoint."""
    leaves = []
    for word in words:
        digest = hashlib.sha256(word.encode()).digest()
        statement = SignedStatement("consent", member_signer("m"), word, digest, word.encode())
        leaves.append(NewLeaf(int.from_bytes(digest[:7]), statement, b""))
    with database.transaction() as db:
        return log.append(db, leaves, KEY, ORIGIN, Clock().moment(), known)[-1].checkpoint


def test_what_others_append_is_built_upon(tmp_path: Path) -> None:
    with empty_log(tmp_path) as database:
        mine = grow(database, ["a", "b"])
        grow(database, ["c"], mine)
        assert read_checkpoint(grow(database, ["d", "e"], mine)).size == 5


def test_a_log_that_went_back_is_refused(tmp_path: Path) -> None:
    with empty_log(tmp_path) as known, empty_log(tmp_path) as behind:
        mine = grow(known, ["a", "b"])
        grow(behind, ["a"])
        with pytest.raises(ForkedLogError):
            grow(behind, ["c"], mine)
        with behind.snapshot() as db:
            assert log.size_of(db) == 1


@pytest.mark.parametrize("others", [["x", "y"], ["x", "y", "z"]], ids=["as far", "further"])
def test_a_log_that_went_back_and_grew_again_is_refused(tmp_path: Path, others: list[str]) -> None:
    """Another node appended before this one came back."""
    with empty_log(tmp_path) as known, empty_log(tmp_path) as other:
        mine = grow(known, ["a", "b"])
        grow(other, others)
        with pytest.raises(ForkedLogError) as refused:
            grow(other, ["c"], mine)
        assert refused.value.kept == mine
        with other.snapshot() as db:
            assert log.size_of(db) == len(others)
            assert db.one(q.checkpoint_at, tree_size=len(others) + 1) is None
