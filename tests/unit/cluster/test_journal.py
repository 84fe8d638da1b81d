"""What a worker writes down, however its statement ends."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    BureauError,
    NotAuthenticated,
    Receipt,
    Statement,
    Unavailable,
    VerificationFailed,
    WrongState,
)
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1.directory_pb2 import Evaluation
from tests.cluster.history import History, Operation, Outcome, read_histories
from tests.cluster.workers.journal import Book

CHECKPOINT = "log.example\n8\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— log.example AAAA\n"
RECEIPT = Receipt(
    leaf_index=7,
    tree_size=8,
    kind="evaluation",
    log_time=datetime.now(UTC),
    checkpoint=CHECKPOINT,
    proof=(),
    salt=bytes(32),
    answer_digest=b"",
)
LOST = Unavailable("no answer", reason="UNREACHABLE")
NO = WrongState("not now", reason="WRONG_STATE")


def statement() -> Statement:
    sealed = seal(Evaluation(), SigningKey.generate()).SerializeToString()
    return Statement("creditbureau.v1.Directory/Evaluate", str(uuid.uuid4()), sealed, sealed)


@dataclass
class Client:
    """Settles as it is told, one answer after another."""

    answers: list[BureauError | Receipt] = field(default_factory=list)

    def resend(self, _: Statement) -> Receipt:
        answer = self.answers.pop(0)
        if isinstance(answer, BureauError):
            raise answer
        return answer


@dataclass
class Scene:
    book: Book
    folder: Path
    client: Client = field(default_factory=Client)

    def attempt(self, *endings: BureauError | None, **named: Any) -> list[bool]:
        """An act that signs a statement for each ending; what it was told at last."""
        told: list[bool] = []

        def act() -> Receipt:
            for ending in endings:
                self.book.heard(statement())
                if ending is not None:
                    raise ending
            return RECEIPT

        receipt: Callable[[Receipt], Receipt] = lambda found: found  # noqa: E731
        self.book.attempt("do", self.client, act, receipt=receipt, then=told.append, **named)
        return told

    def written(self) -> list[Operation]:
        return list(read_histories(self.folder))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(Book("worker-1", History(tmp_path, "worker-1")), tmp_path)


def test_accepted(scene: Scene) -> None:
    assert scene.attempt(None, about="x") == [True]
    (told,) = scene.written()
    assert (told.outcome, told.leaf_index, told.settled_ns) == (Outcome.OK, 7, None)
    assert told.receipt.startswith("c2sp.org/tlog-proof@v1\n")
    assert told.about == {"about": "x"}
    assert len(scene.book.accepted) == 1


def test_refused_at_once_is_final(scene: Scene) -> None:
    assert scene.attempt(NO) == [False]
    (told,) = scene.written()
    assert (told.outcome, told.reason) == (Outcome.FAILED, "WRONG_STATE")


def test_refused_on_a_later_try_is_unknown(scene: Scene) -> None:
    late = WrongState("not now", reason="WRONG_STATE")
    late.attempts = 2
    told = scene.attempt(late)
    assert (scene.written(), scene.book.unknown) == ([], 1)
    scene.client.answers = [RECEIPT]
    assert scene.book.settle_one()
    assert told == [True]
    (settled,) = scene.written()
    assert settled.outcome is Outcome.OK
    assert settled.settled_ns is not None
    assert settled.known_ns > settled.end_ns


def test_lost_and_then_refused(scene: Scene) -> None:
    told = scene.attempt(LOST)
    expired = NotAuthenticated("its certificate ended", reason="UNKNOWN_CERTIFICATE")
    scene.client.answers = [LOST, expired, VerificationFailed("no proof"), NO]
    for _ in range(3):
        assert not scene.book.settle_one()  # none of these says what became of it
    assert told == []
    assert scene.book.settle_one()
    assert told == [False]
    assert [one.outcome for one in scene.written()] == [Outcome.FAILED]


def test_of_two_statements_the_first_was_accepted(scene: Scene) -> None:
    scene.attempt(None, LOST)
    assert scene.book.unknown == 2
    scene.client.answers = [RECEIPT, NO]
    scene.book.close()
    first, second = scene.written()
    assert (first.outcome, first.settled_ns) == (Outcome.OK, None)
    assert second.outcome is Outcome.FAILED


def test_sent_again(scene: Scene) -> None:
    scene.client.answers = [RECEIPT, NO, LOST, RECEIPT]
    for _ in range(3):
        scene.book.again(scene.client, statement(), "later")
    assert [one.outcome for one in scene.written()] == [Outcome.OK, Outcome.FAILED]
    scene.book.close()
    assert [one.outcome for one in scene.written()][2:] == [Outcome.OK]


def test_what_was_never_signed_is_a_refusal(scene: Scene) -> None:
    def act() -> Receipt:
        raise NO

    scene.book.attempt("do", scene.client, act)
    (told,) = scene.written()
    assert (told.outcome, told.request_id) == (Outcome.FAILED, "")


def test_reads(scene: Scene) -> None:
    assert scene.book.read("look", lambda: 3, more=lambda found: {"found": found}) == 3

    def lost() -> int:
        raise LOST

    assert scene.book.read("look", lost) is None
    seen = [(one.outcome, one.reason, one.about) for one in scene.written()]
    assert seen == [(Outcome.OK, "", {"found": 3}), (Outcome.FAILED, "UNREACHABLE", {})]
