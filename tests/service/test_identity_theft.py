"""Accounts that a person did not open: blocked with evidence, and restored by reasons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from bureau_client import (
    AccountStatus,
    ActionReason,
    BureauError,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    Month,
    NoticeKind,
    OmissionReason,
    Wallet,
)
from bureau_client.models.reports import Dispute
from tests.service.heard import heard
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.test_true_records import action, ref_of

MAY, JUNE = Month(2024, 5), Month(2024, 6)
THEFT_REPORT, PASSPORT = b"\1" * 32, b"\2" * 32


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook", "cedar") as scenario:
        yield scenario


def stolen(person: Wallet, *documents: bytes, month: Month | None = None) -> Dispute:
    (line,) = person.file().tradelines
    return person.dispute(
        line.tradeline_id,
        field="parties",
        reason=DisputeReason.IDENTITY_THEFT,
        month=month,
        narrative="I never opened this.",
        attachment_digests=documents,
    )


def shown(scenario: Scenario, person: Wallet) -> int:
    return len(scenario.report(person, "brook").tradelines)


def reason_of(error: pytest.ExceptionInfo[BureauError]) -> tuple[str, list[str]]:
    return error.value.reason, [violation.field for violation in error.value.violations]


def test_a_blocked_account_is_in_no_report_until_the_answer_certifies_it(
    scenario: Scenario,
) -> None:
    person, acme = scenario.person(), scenario.lenders["acme"]
    scenario.submit("acme", account(person, "card", MAY))
    assert shown(scenario, person) == 1
    blocked = stolen(person, THEFT_REPORT, PASSPORT)
    assert blocked.block_time == blocked.create_time
    report = scenario.report(person, "brook")
    assert (report.tradelines, report.disputes) == ((), ())
    # The person sees it, and why no report does; the furnisher sees since when.
    file = person.file()
    assert len(file.tradelines) == 1
    assert [omission.reason for omission in file.omissions] == [OmissionReason.BLOCKED]
    (received,) = [each for each in acme.disputes() if each.dispute_id == blocked.dispute_id]
    assert received.block_time == blocked.block_time
    # Neither another month nor time brings it back.
    scenario.submit("acme", account(person, "card", JUNE, certified=True))
    assert shown(scenario, person) == 0
    scenario.later(40 * DAY)
    assert shown(scenario, person) == 0
    answer = (blocked.dispute_id, DisputeOutcome.ACCURATE)
    with pytest.raises(BureauError) as caught:
        acme.answer_dispute(*answer, narrative="The person has the goods.")
    assert reason_of(caught) == ("DELETED_ITEM", ["certified"])
    with pytest.raises(BureauError) as caught:
        acme.answer_dispute(*answer, certified=True)
    assert reason_of(caught) == ("INVALID_FIELD", ["narrative"])
    acme.answer_dispute(*answer, narrative="The person has the goods.", certified=True)
    assert shown(scenario, person) == 1
    assert {notice.kind for notice in heard(person)} == {
        NoticeKind.DISPUTE,
        NoticeKind.REINSERTION,
    }
    assert scenario.findings() == []


def test_a_block_needs_both_documents_and_the_whole_account(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    assert stolen(person, THEFT_REPORT, PASSPORT, month=MAY).block_time is None
    plain = stolen(person, THEFT_REPORT, THEFT_REPORT)
    assert plain.block_time is None
    assert shown(scenario, person) == 1
    scenario.later(timedelta(days=1))
    added = person.add_to_dispute(plain.dispute_id, "My passport.", [PASSPORT])
    assert added.block_time == added.additions[0].create_time
    assert shown(scenario, person) == 0


def test_a_blocked_account_is_neither_sold_nor_placed(scenario: Scenario) -> None:
    person, acme = scenario.person(), scenario.lenders["acme"]
    scenario.submit("acme", account(person, "card", MAY))
    sale = action(
        scenario,
        ref_of(person, "card"),
        FacilityActionKind.TRANSFER,
        reasons=(ActionReason.POLICY_CHANGE,),
        new_account_ref="sold-1",
        new_member_id="brook",
    )
    placed = account(
        person,
        "card",
        JUNE,
        status=AccountStatus.COLLECTION,
        days_past_due=150,
        amount_past_due_minor=100_00,
        first_delinquency_date=date(2024, 1, 31),
    )
    blocked = stolen(person, THEFT_REPORT, PASSPORT)
    for record, field in ((sale, "action.kind"), (placed, "snapshot.status")):
        with pytest.raises(BureauError) as caught:
            scenario.submit("acme", record)
        assert reason_of(caught) == ("WRONG_STATE", [f"records[0].{field}"])
    # A fraud that the furnisher confirms deletes the account: it is not sold either.
    acme.answer_dispute(blocked.dispute_id, DisputeOutcome.FRAUD)
    assert person.file().tradelines == ()
    with pytest.raises(BureauError) as caught:
        scenario.submit("acme", sale)
    assert reason_of(caught) == ("WRONG_STATE", ["records[0].action.kind"])
    assert scenario.findings() == []


def test_a_blocked_account_does_not_return_under_another_number(scenario: Scenario) -> None:
    """15 U.S.C. 1681s-2(a)(6): what a theft made is not furnished again."""
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    blocked = stolen(person, THEFT_REPORT, PASSPORT)

    def refused(certified: bool) -> tuple[str, list[str]]:
        with pytest.raises(BureauError) as caught:
            scenario.submit("acme", account(person, "renumbered", JUNE, certified=certified))
        return reason_of(caught)

    assert refused(certified=False) == ("DELETED_ITEM", ["records[0].certified"])
    assert refused(certified=True) == ("WRONG_STATE", ["records[0].certified"])
    # An account that was opened on another day is another account.
    scenario.submit("acme", account(person, "other", JUNE, open_date=date(2021, 3, 1)))
    assert shown(scenario, person) == 1
    # Its own deletion under the old number does not end the block.
    scenario.submit(
        "acme", Deletion(account_ref=ref_of(person, "card"), reason=DeletionReason.INACCURATE)
    )
    assert refused(certified=True) == ("WRONG_STATE", ["records[0].certified"])
    # The answer does: now it is deleted, as any other.
    scenario.lenders["acme"].answer_dispute(blocked.dispute_id, DisputeOutcome.DELETED)
    assert refused(certified=False) == ("DELETED_ITEM", ["records[0].certified"])
    scenario.submit("acme", account(person, "renumbered", JUNE, certified=True))
    assert shown(scenario, person) == 2
    assert NoticeKind.REINSERTION in {notice.kind for notice in person.notices()}
    assert scenario.findings() == []


def test_a_block_holds_for_the_buyer_until_the_answer_lifts_it(scenario: Scenario) -> None:
    """A debt that was sold before the block does not come back by its buyer's certification."""
    person, acme = scenario.person(), scenario.lenders["acme"]
    scenario.submit("acme", account(person, "card", MAY))
    sale = action(
        scenario,
        ref_of(person, "card"),
        FacilityActionKind.TRANSFER,
        reasons=(ActionReason.POLICY_CHANGE,),
        new_account_ref=ref_of(person, "bought"),
        new_member_id="brook",
    )
    scenario.submit("acme", sale)
    blocked = stolen(person, THEFT_REPORT, PASSPORT)
    bought = account(
        person, "bought", JUNE, original_creditor="Acme", account_type="48", certified=True
    )
    for record in (bought, account(person, "card-2", JUNE, certified=True)):
        with pytest.raises(BureauError) as caught:
            scenario.submit("brook", record)
        assert reason_of(caught) == ("WRONG_STATE", ["records[0].certified"])
        assert "answer the dispute first" in caught.value.violations[0].message
    assert shown(scenario, person) == 0
    answer = (blocked.dispute_id, DisputeOutcome.ACCURATE)
    acme.answer_dispute(*answer, narrative="The person has the goods.", certified=True)
    scenario.submit("brook", bought)
    assert shown(scenario, person) == 2
    assert scenario.findings() == []


def test_an_account_that_was_certified_is_not_blocked_once_more(scenario: Scenario) -> None:
    """15 U.S.C. 1681c-2(c)(1): else a person hides a debt by one dispute after another."""
    person, acme = scenario.person(), scenario.lenders["acme"]
    scenario.submit("acme", account(person, "card", MAY))
    first = stolen(person, THEFT_REPORT, PASSPORT)
    # What was asked before the answer blocks until it has an answer of its own.
    second = person.dispute(
        first.tradeline_id,
        field="balance_minor",
        reason=DisputeReason.IDENTITY_THEFT,
        narrative="I never opened this.",
        attachment_digests=(THEFT_REPORT, PASSPORT),
    )
    for dispute in (first, second):
        assert dispute.block_time is not None
        assert shown(scenario, person) == 0
        answer = (dispute.dispute_id, DisputeOutcome.ACCURATE)
        acme.answer_dispute(*answer, narrative="The person has the goods.", certified=True)
    again = stolen(person, b"\3" * 32, b"\4" * 32)
    listed = {each.dispute_id: each.block_time for each in person.disputes()}
    received = {each.dispute_id: each.block_time for each in acme.disputes()}
    assert listed[again.dispute_id] is received[again.dispute_id] is again.block_time is None
    assert listed[first.dispute_id] == first.block_time
    assert shown(scenario, person) == 1
    # It is a dispute like any other: not answered in time, it withdraws the account.
    scenario.later(31 * DAY)
    assert shown(scenario, person) == 0
    acme.answer_dispute(again.dispute_id, DisputeOutcome.FRAUD)
    # A theft that the furnisher confirmed blocks again what it restores.
    scenario.submit("acme", account(person, "card", JUNE, certified=True))
    assert stolen(person, THEFT_REPORT, PASSPORT).block_time is not None
    assert shown(scenario, person) == 0
    assert scenario.findings() == []


def test_a_buyer_returns_what_a_theft_made(scenario: Scenario) -> None:
    """15 U.S.C. 1681m(f)(3)(A): the seller may take the debt back."""
    person = scenario.person()
    bought = {"original_creditor": "Acme", "account_type": "48"}
    scenario.submit("acme", account(person, "card", MAY))

    def sale(ref: str, buyer: str, number: str) -> FacilityAction:
        return action(
            scenario,
            ref_of(person, ref),
            FacilityActionKind.TRANSFER,
            reasons=(ActionReason.POLICY_CHANGE,),
            new_account_ref=ref_of(person, number),
            new_member_id=buyer,
        )

    scenario.submit("acme", sale("card", "brook", "bought"))
    scenario.submit("brook", account(person, "bought", JUNE, **bought))
    for line in person.file().tradelines:
        person.dispute(
            line.tradeline_id,
            field="parties",
            reason=DisputeReason.IDENTITY_THEFT,
            narrative="I never opened this.",
            attachment_digests=(THEFT_REPORT, PASSPORT),
        )
    assert shown(scenario, person) == 0
    # Neither a sale to somebody else, nor one to itself under another number, is a return.
    for name, sold in (
        ("brook", sale("bought", "cedar", "card")),
        ("brook", sale("bought", "brook", "other")),
        ("acme", sale("card", "brook", "bought")),
    ):
        with pytest.raises(BureauError) as caught:
            scenario.submit(name, sold)
        assert reason_of(caught) == ("WRONG_STATE", ["records[0].action.kind"])
    scenario.submit("brook", sale("bought", "acme", "card"))
    scenario.submit("acme", sale("card", "acme", "card"))
    assert shown(scenario, person) == 0
    assert scenario.findings() == []


def test_in_china_such_a_dispute_blocks_nothing() -> None:
    with open_scenario("acme", "brook", jurisdiction="CN") as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY))
        dispute = stolen(person, THEFT_REPORT, PASSPORT)
        assert dispute.block_time is None
        assert shown(scenario, person) == 1
        scenario.lenders["acme"].answer_dispute(dispute.dispute_id, DisputeOutcome.ACCURATE)
