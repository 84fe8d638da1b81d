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
from tests.cluster.workers.journal import Journal

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
class Scenario:
    journal: Journal
    folder: Path
    client: Client = field(default_factory=Client)

    def attempt(self, *endings: BureauError | None, **named: Any) -> list[bool]:
        """An act that signs a statement for each ending; what it was told at last."""
        accepted: list[bool] = []

        def act() -> Receipt:
            for ending in endings:
                self.journal.heard(statement())
                if ending is not None:
                    raise ending
            return RECEIPT

        receipt: Callable[[Receipt], Receipt] = lambda receipt: receipt  # noqa: E731
        self.journal.attempt("do", self.client, act, receipt=receipt, then=accepted.append, **named)
        return accepted

    def written(self) -> list[Operation]:
        return list(read_histories(self.folder))


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    return Scenario(Journal("worker-1", History(tmp_path, "worker-1")), tmp_path)


def test_accepted(scenario: Scenario) -> None:
    assert scenario.attempt(None, about="x") == [True]
    (operation,) = scenario.written()
    assert (operation.outcome, operation.leaf_index, operation.settled_ns) == (Outcome.OK, 7, None)
    assert operation.receipt.startswith("c2sp.org/tlog-proof@v1\n")
    assert operation.about == {"about": "x"}
    assert len(scenario.journal.accepted) == 1


def test_refused_at_once_is_final(scenario: Scenario) -> None:
    assert scenario.attempt(NO) == [False]
    (operation,) = scenario.written()
    assert (operation.outcome, operation.reason) == (Outcome.FAILED, "WRONG_STATE")


def test_refused_on_a_later_try_is_unknown(scenario: Scenario) -> None:
    late = WrongState("not now", reason="WRONG_STATE")
    late.attempts = 2
    accepted = scenario.attempt(late)
    assert (scenario.written(), scenario.journal.unknown) == ([], 1)
    scenario.client.answers = [RECEIPT]
    assert scenario.journal.settle_one()
    assert accepted == [True]
    (settled,) = scenario.written()
    assert settled.outcome is Outcome.OK
    assert settled.settled_ns is not None
    assert settled.known_ns > settled.end_ns


def test_lost_and_then_refused(scenario: Scenario) -> None:
    accepted = scenario.attempt(LOST)
    expired = NotAuthenticated("its certificate ended", reason="UNKNOWN_CERTIFICATE")
    scenario.client.answers = [LOST, expired, VerificationFailed("no proof"), NO]
    for _ in range(3):
        assert not scenario.journal.settle_one()  # none of these says what became of it
    assert accepted == []
    assert scenario.journal.settle_one()
    assert accepted == [False]
    assert [one.outcome for one in scenario.written()] == [Outcome.FAILED]


def test_of_two_statements_the_first_was_accepted(scenario: Scenario) -> None:
    scenario.attempt(None, LOST)
    assert scenario.journal.unknown == 2
    scenario.client.answers = [RECEIPT, NO]
    scenario.journal.close()
    first, second = scenario.written()
    assert (first.outcome, first.settled_ns) == (Outcome.OK, None)
    assert second.outcome is Outcome.FAILED


def test_sent_again(scenario: Scenario) -> None:
    scenario.client.answers = [RECEIPT, NO, LOST, RECEIPT]
    for _ in range(3):
        scenario.journal.again(scenario.client, statement(), "later")
    assert [one.outcome for one in scenario.written()] == [Outcome.OK, Outcome.FAILED]
    scenario.journal.close()
    assert [one.outcome for one in scenario.written()][2:] == [Outcome.OK]


def test_what_was_never_signed_is_a_refusal(scenario: Scenario) -> None:
    def act() -> Receipt:
        raise NO

    scenario.journal.attempt("do", scenario.client, act)
    (operation,) = scenario.written()
    assert (operation.outcome, operation.request_id) == (Outcome.FAILED, "")


def test_reads(scenario: Scenario) -> None:
    assert scenario.journal.read("look", lambda: 3, more=lambda result: {"found": result}) == 3

    def lost() -> int:
        raise LOST

    assert scenario.journal.read("look", lost) is None
    seen = [(one.outcome, one.reason, one.about) for one in scenario.written()]
    assert seen == [(Outcome.OK, "", {"found": 3}), (Outcome.FAILED, "UNREACHABLE", {})]
