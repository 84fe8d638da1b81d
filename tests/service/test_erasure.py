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
from bureau_client.verify import verify_bundle
from tests.service.scenario import Scenario, account, open_scenario

MAY, JUNE = Month(2024, 5), Month(2024, 6)
WRITTEN = ("canary narrative", "canary addition", "canary answer", "canary statement")
CANARIES = frozenset({*WRITTEN, "Canary Creditor"})


@pytest.fixture(scope="module")
def shared(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as found:
        yield found


@pytest.fixture
def alone() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as found:
        yield found


def test_accounts_go_with_their_salts(alone: Scenario) -> None:
    scenario = alone
    gone, stays = scenario.person(), scenario.person()
    for person in (gone, stays):
        scenario.submit("acme", account(person, "card", MAY), account(person, "loan", JUNE))
    parties = (Party(gone.subject_id), Party(stays.subject_id))
    scenario.submit("acme", account(gone, "shared", MAY, parties=parties))
    report = scenario.report(gone, "brook", EvidenceLevel.ALL)
    with scenario.database() as database:
        erased = erase_person(database, gone.subject_id)
        assert (erased.accounts, erased.records, erased.kept) == (2, 2, 1)
        assert scenario.findings() == []
        assert len(scenario.report(gone, "brook", EvidenceLevel.ALL).tradelines) == 1
        assert len(scenario.report(stays, "brook", EvidenceLevel.ALL).tradelines) == 3
        # The old report, where it was kept, still verifies; the bureau has it no more.
        assert report.receipt is not None
        trust = scenario.profiles["brook"].trust
        assert verify_bundle(report, trust)
        with pytest.raises(BureauError) as caught:
            scenario.lenders["brook"].replay(report.request_id)
        assert caught.value.reason == "WRONG_STATE"
        old = erase_before(database, 202406)
        assert (old.accounts, old.records) == (2, 2)
    assert scenario.findings() == []


def wrote(scenario: Scenario, person: Wallet) -> str:
    """Somebody writes all that one can; the id of their dispute."""
    scenario.submit("acme", account(person, "card", MAY, original_creditor="Canary Creditor"))
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
    scenario.lenders["acme"].answer_dispute(
        dispute.dispute_id, DisputeOutcome.ACCURATE, narrative=answer
    )
    person.set_statement(statement)
    return dispute.dispute_id


def test_what_a_person_wrote_goes_and_what_came_of_it_stays(shared: Scenario) -> None:
    scenario = shared
    person, other = scenario.person(), scenario.person()
    dispute_id = wrote(scenario, person)
    wrote(scenario, other)
    report = scenario.report(person, "brook")
    with scenario.database() as database:
        erased = erase_person(database, person.subject_id)
    assert (erased.accounts, erased.statements) == (1, 4)
    assert scenario.findings() == []
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
        scenario.lenders["brook"].replay(report.request_id)
    # It can be done again.
    with scenario.database() as database:
        assert erase_person(database, person.subject_id).statements == 4
    assert scenario.findings() == []


def test_nothing_of_it_is_left_in_a_file(alone: Scenario) -> None:
    scenario = alone
    person = scenario.person()
    wrote(scenario, person)
    assert left_in(scenario.bureau.folder) == CANARIES
    with scenario.database() as database:
        erase_person(database, person.subject_id)
    assert left_in(scenario.bureau.folder) == set()


def left_in(folder: Path) -> set[str]:
    """Which canaries stand anywhere in the files of a bureau."""
    held = [at.read_bytes() for at in folder.rglob("*") if at.is_file()]
    return {word for word in CANARIES if any(word.encode() in data for data in held)}


def test_what_is_put_back_by_hand_is_found(shared: Scenario) -> None:
    scenario = shared
    person = scenario.person()
    wrote(scenario, person)
    with scenario.database() as database:
        erase_person(database, person.subject_id)
        with database.transaction() as db:
            db.execute_raw(
                "UPDATE entry SET salt = commitment WHERE entry_key ="
                " (SELECT max(entry_key) FROM erased_statement)"
            )
        assert [at.what for at in scenario.findings()] == [
            "it was erased, and something of it is still there"
        ]
        with database.transaction() as db:
            db.execute_raw("UPDATE entry SET salt = digest WHERE length(digest) = 0")
    assert scenario.findings() == []


def test_what_is_furnished_meanwhile_comes_before_or_after(shared: Scenario) -> None:
    scenario = shared
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    done = threading.Event()

    def furnish() -> None:
        month = JUNE
        while not done.is_set():
            scenario.submit("acme", account(person, "card", month))
            month = month + 1 if month < Month(2026, 1) else JUNE

    thread = threading.Thread(target=furnish)
    thread.start()
    try:
        for _ in range(5):
            with scenario.database() as database:
                erase_person(database, person.subject_id)
    finally:
        done.set()
        thread.join()
    assert scenario.findings() == []


def test_a_deleted_account_is_too_old_one_day(alone: Scenario) -> None:
    scenario = alone
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    ref = account(person, "card", MAY).account_ref
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
    with scenario.database() as database:
        assert erase_before(database, 202405).accounts == 0
        assert erase_before(database, 202406).accounts == 1
    assert scenario.findings() == []
