"""What is erased is gone, and everything else still holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bureau.admin.erasure import erase_before, erase_person
from bureau_client import (
    BureauError,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    EvidenceLevel,
    Month,
    Party,
    Wallet,
    WrongState,
)
from bureau_client.verify import verify_report
from tests.service.scenario import Village, account, village

MAY, JUNE = Month(2024, 5), Month(2024, 6)
WRITTEN = ("canary narrative", "canary addition", "canary answer", "canary statement")
CANARIES = frozenset({*WRITTEN, "Canary Creditor"})


@pytest.fixture(scope="module")
def shared(database_url: str) -> Iterator[Village]:
    with village("acme", "brook", database_url=database_url) as found:
        yield found


@pytest.fixture
def alone() -> Iterator[Village]:
    with village("acme", "brook") as found:
        yield found


def test_accounts_go_with_their_salts(alone: Village) -> None:
    town = alone
    gone, stays = town.person(), town.person()
    for person in (gone, stays):
        town.submit("acme", account(person, "card", MAY), account(person, "loan", JUNE))
    parties = (Party(gone.subject_id), Party(stays.subject_id))
    town.submit("acme", account(gone, "shared", MAY, parties=parties))
    report = town.report(gone, "brook", EvidenceLevel.ALL)
    with town.database() as database:
        erased = erase_person(database, gone.subject_id)
        assert (erased.accounts, erased.records, erased.kept) == (2, 2, 1)
        assert town.findings() == []
        assert len(town.report(gone, "brook", EvidenceLevel.ALL).tradelines) == 1
        assert len(town.report(stays, "brook", EvidenceLevel.ALL).tradelines) == 3
        # The old report, where it was kept, still verifies; the bureau has it no more.
        assert report.receipt is not None
        trust = town.profiles["brook"].trust
        assert verify_report(report.envelope, report.inquiry, report.receipt, trust)
        with pytest.raises(BureauError) as caught:
            town.lenders["brook"].replay(report.request_id)
        assert caught.value.reason == "WRONG_STATE"
        old = erase_before(database, 202406)
        assert (old.accounts, old.records) == (2, 2)
    assert town.findings() == []


def wrote(town: Village, person: Wallet) -> str:
    """Somebody writes all that one can; the id of their dispute."""
    town.submit("acme", account(person, "card", MAY, original_creditor="Canary Creditor"))
    (line,) = person.file().tradelines
    narrative, addition, answer, statement = WRITTEN
    dispute = person.dispute(
        line.tradeline_id,
        field="status",
        reason=DisputeReason.WRONG_STATUS,
        narrative=narrative,
        attachment_digests=[b"\1" * 32],
    )
    person.add_to_dispute(dispute.dispute_id, addition)
    town.lenders["acme"].answer_dispute(
        dispute.dispute_id, DisputeOutcome.ACCURATE, narrative=answer
    )
    person.set_statement(statement)
    return dispute.dispute_id


def test_what_a_person_wrote_goes_and_what_came_of_it_stays(shared: Village) -> None:
    town = shared
    person, other = town.person(), town.person()
    dispute_id = wrote(town, person)
    wrote(town, other)
    report = town.report(person, "brook")
    with town.database() as database:
        erased = erase_person(database, person.subject_id)
    assert (erased.accounts, erased.statements) == (1, 4)
    assert town.findings() == []
    (dispute,) = person.disputes()
    assert (dispute.dispute_id, dispute.outcome) == (dispute_id, DisputeOutcome.ACCURATE)
    assert (dispute.narrative, dispute.answer_narrative) == ("", "")
    assert dispute.attachment_digests == ()
    assert [at.narrative for at in dispute.additions] == [""]
    assert person.file().subject_statement == ""
    # Others' words are theirs.
    assert other.disputes()[0].narrative == WRITTEN[0]
    # Nobody gets the report that had it, nor a receipt of what is gone.
    with pytest.raises(WrongState):
        town.lenders["brook"].replay(report.request_id)
    # It can be done again.
    with town.database() as database:
        assert erase_person(database, person.subject_id).statements == 4
    assert town.findings() == []


def test_nothing_of_it_is_left_in_a_file(alone: Village) -> None:
    town = alone
    person = town.person()
    wrote(town, person)
    assert left_in(town.bureau.folder) == CANARIES
    with town.database() as database:
        erase_person(database, person.subject_id)
    assert left_in(town.bureau.folder) == set()


def left_in(folder: Path) -> set[str]:
    """Which canaries stand anywhere in the files of a bureau."""
    held = [at.read_bytes() for at in folder.rglob("*") if at.is_file()]
    return {word for word in CANARIES if any(word.encode() in data for data in held)}


def test_what_is_put_back_by_hand_is_found(shared: Village) -> None:
    town = shared
    person = town.person()
    wrote(town, person)
    with town.database() as database:
        erase_person(database, person.subject_id)
        with database.transaction() as db:
            db.execute_raw(
                "UPDATE entry SET salt = commitment WHERE entry_key ="
                " (SELECT max(entry_key) FROM erased_statement)"
            )
        assert [at.what for at in town.findings()] == [
            "it was erased, and something of it is still there"
        ]
        with database.transaction() as db:
            db.execute_raw("UPDATE entry SET salt = digest WHERE length(digest) = 0")
    assert town.findings() == []


def test_what_is_furnished_meanwhile_comes_before_or_after(shared: Village) -> None:
    town = shared
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    done = threading.Event()

    def furnish() -> None:
        month = JUNE
        while not done.is_set():
            town.submit("acme", account(person, "card", month))
            month = month + 1 if month < Month(2026, 1) else JUNE

    thread = threading.Thread(target=furnish)
    thread.start()
    try:
        for _ in range(5):
            with town.database() as database:
                erase_person(database, person.subject_id)
    finally:
        done.set()
        thread.join()
    assert town.findings() == []


def test_a_deleted_account_is_too_old_one_day(alone: Village) -> None:
    town = alone
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    ref = account(person, "card", MAY).account_ref
    town.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
    with town.database() as database:
        assert erase_before(database, 202405).accounts == 0
        assert erase_before(database, 202406).accounts == 1
    assert town.findings() == []
