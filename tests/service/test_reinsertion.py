"""Let nothing that was deleted come back under another number, or through a buyer, uncertified.

15 U.S.C. 1681i(a)(5)(B), (C).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from bureau.credit_file.history import Account
from bureau.journeys import submit
from bureau_client import (
    AccountStatus,
    ActionReason,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    Month,
    NoticeKind,
    SubmissionKind,
    Wallet,
    WrongState,
)
from tests.service.scenario import DAY, Scenario, account, open_scenario

S = AccountStatus
MAY, JUNE, JULY = Month(2024, 5), Month(2024, 6), Month(2024, 7)
LATE: dict[str, Any] = {
    "status": S.CHARGE_OFF,
    "amount_past_due_minor": 100_00,
    "first_delinquency_date": date(2024, 1, 5),
}
COLLECTED: dict[str, Any] = {**LATE, "account_type": "48", "open_date": date(2024, 5, 20)}


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook", "cedar") as scenario:
        yield scenario


def ref_of(person: Wallet, ref: str) -> str:
    return f"{person.subject_id[:10]}-{ref}"


def disputed(person: Wallet, name: str = "acme", month: Month | None = None) -> str:
    """Dispute the first tradeline of a member; return the dispute's id."""
    line = next(line for line in person.file().tradelines if line.member_id == name)
    opened = person.dispute(
        line.tradeline_id,
        field="balance_minor",
        reason=DisputeReason.NOT_MINE,
        narrative="not mine",
        month=month,
    )
    return opened.dispute_id


def delete_by_dispute(
    scenario: Scenario, person: Wallet, name: str = "acme", month: Month | None = None
) -> None:
    scenario.lenders[name].answer_dispute(
        disputed(person, name, month), DisputeOutcome.DELETED, narrative="gone"
    )


def refuses(scenario: Scenario, name: str, *records: Any, fields: tuple[int, ...] = (0,)) -> str:
    """Return the message of a refusal for want of a certification."""
    with pytest.raises(WrongState) as caught:
        scenario.submit(name, *records)
    assert caught.value.reason == "DELETED_ITEM"
    fields_refused = [violation.field for violation in caught.value.violations]
    assert fields_refused == [f"records[{index}].certified" for index in fields]
    return caught.value.violations[0].message


def with_a_deletion(scenario: Scenario, month: Month) -> Wallet:
    """A person whose only account, of a month, was deleted by a dispute."""
    person = scenario.person()
    scenario.submit("acme", account(person, "card", month, **LATE))
    delete_by_dispute(scenario, person)
    return person


def sell(scenario: Scenario, person: Wallet, name: str, ref: str, buyer: str, number: str) -> None:
    scenario.submit(
        name,
        FacilityAction(
            account_ref=ref_of(person, ref),
            kind=FacilityActionKind.TRANSFER,
            initiator=Initiator.LENDER,
            reasons=(ActionReason.POLICY_CHANGE,),
            effective_time=scenario.now() - timedelta(minutes=1),
            new_member_id=buyer,
            new_account_ref=ref_of(person, number),
        ),
    )


def shown(scenario: Scenario, person: Wallet) -> list[str]:
    """Return the furnishers of the tradelines of a report."""
    return sorted(line.member_id for line in scenario.report(person, "cedar").tradelines)


def returns(person: Wallet) -> list[str]:
    """Return the tradelines of whose return the person was notified."""
    notices = person.notices()
    return [each.tradeline_id for each in notices if each.kind is NoticeKind.REINSERTION]


@pytest.mark.parametrize("jurisdiction", ["US", "CN"])
def test_a_deleted_account_comes_back_under_another_number_only_certified(
    jurisdiction: str,
) -> None:
    with open_scenario("acme", "brook", "cedar", jurisdiction=jurisdiction) as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY, **LATE))
        delete_by_dispute(scenario, person)
        again = account(person, "new", MAY, **LATE)
        message = refuses(
            scenario,
            "acme",
            again,
            # The spelling of the creditor is no other account, and neither is another month.
            account(person, "new", JUNE, original_creditor="Acme", **LATE),
            fields=(0, 1),
        )
        assert "another number" in message
        assert ref_of(person, "card") not in message
        assert shown(scenario, person) == []
        # Another account of the person is another account.
        scenario.submit("acme", account(person, "car", MAY, open_date=date(2020, 2, 1)))
        scenario.submit("acme", account(person, "loan", MAY, account_type="07"))
        assert returns(person) == []
        scenario.submit(
            "acme", replace(again, certified=True), account(person, "new", JUNE, **LATE)
        )
        assert shown(scenario, person) == ["acme"] * 3
        (name,) = returns(person)
        lines = {line.tradeline_id: line for line in person.file().tradelines}
        assert lines[name].balance_minor == again.balance_minor
        assert lines[name].month == JUNE
        # The months that follow are its own.
        scenario.submit("acme", account(person, "new", JULY, **LATE))
        assert len(returns(person)) == 1
        assert scenario.findings() == []


def test_a_deleted_month_comes_back_under_another_number_only_certified(
    scenario: Scenario,
) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY, **LATE), account(person, "card", JUNE))
    delete_by_dispute(scenario, person, month=MAY)
    scenario.submit("acme", account(person, "twin", JUNE))
    late = account(person, "twin", MAY, **LATE)
    refuses(scenario, "acme", late)
    scenario.submit("acme", replace(late, certified=True))
    assert len(returns(person)) == 1
    # It is on file again: its corrections need nothing further.
    scenario.submit("acme", account(person, "twin", MAY), kind=SubmissionKind.CORRECTION)


def test_an_account_does_not_become_the_deleted_one_later(scenario: Scenario) -> None:
    person = with_a_deletion(scenario, MAY)
    scenario.submit("acme", account(person, "new", MAY, open_date=date(2020, 3, 1)))
    refuses(scenario, "acme", account(person, "new", JUNE, **LATE))


def test_a_number_that_was_another_persons_is_no_way_round(scenario: Scenario) -> None:
    """The new number is on file already, but it never named the person."""
    person, other = with_a_deletion(scenario, MAY), scenario.person()
    number = ref_of(person, "new")
    scenario.submit("acme", account(other, "new", MAY, account_ref=number, **LATE))
    month, later = (account(person, "new", each, **LATE) for each in (MAY, JUNE))
    refuses(scenario, "acme", month, later, fields=(0, 1))
    scenario.submit("acme", replace(month, certified=True), later)
    assert len(returns(person)) == 1
    scenario.submit("acme", account(person, "new", JULY, **LATE))
    # A month that is deleted alone: of the number's months none is the person's.
    delete_by_dispute(scenario, person, month=JULY)
    number = ref_of(person, "twin")
    scenario.submit("acme", account(scenario.person(), "twin", JULY, account_ref=number))
    refuses(scenario, "acme", account(person, "twin", JULY, **LATE))
    # Another month of the number makes that one no month of the person's.
    scenario.submit("acme", account(person, "twin", JUNE, account_type="07"))
    refuses(scenario, "acme", account(person, "twin", JULY, **LATE))
    assert scenario.findings() == []


def test_an_earlier_month_of_another_origin_opens_no_way_round(scenario: Scenario) -> None:
    """The number's newest month is another person's, and of the deleted account's origin."""
    person, other = with_a_deletion(scenario, JUNE), scenario.person()
    number = ref_of(person, "new")
    scenario.submit("acme", account(other, "new", JULY, account_ref=number, **LATE))
    scenario.submit("acme", account(person, "new", MAY, open_date=date(2020, 3, 1)))
    refuses(scenario, "acme", account(person, "new", JUNE, **LATE))


def test_a_batch_does_not_delete_and_bring_back(scenario: Scenario) -> None:
    person = scenario.person()
    card = account(person, "card", MAY, **LATE)
    scenario.submit("acme", card)
    gone = Deletion(account_ref=card.account_ref, reason=DeletionReason.DISPUTE)
    refuses(scenario, "acme", gone, account(person, "new", MAY, **LATE), fields=(1,))


def test_a_batch_compares_no_record_with_every_deletion(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one member stops the writer with one batch: as many deletions as further accounts."""
    counts: Counter[str] = Counter()
    for name in ("deleted", "rebuild"):
        monkeypatch.setattr(Account, name, _counted(counts, name, getattr(Account, name)))
    person = scenario.person()
    card = account(person, "card", MAY, **LATE)
    scenario.submit("acme", card, account(person, "card", JUNE))
    gone = Deletion(account_ref=card.account_ref, reason=DeletionReason.DISPUTE, month=MAY)
    new = [account(person, f"new-{index}", JUNE) for index in range(100)]
    scenario.submit("acme", *[gone] * 100, *new)
    assert counts == {"deleted": 1, "rebuild": 1}
    # What the deletions left is on file.
    assert [line.month for line in person.file().tradelines] == [JUNE] * 101
    # All the same, each record that brings the month back lacks its certification.
    late = [account(person, f"new-{index}", MAY, **LATE) for index in range(3)]
    refuses(scenario, "acme", *late, fields=(0, 1, 2))
    assert scenario.findings() == []


def _counted(counts: Counter[str], name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def counting(*arguments: Any) -> Any:
        counts[name] += 1
        return method(*arguments)

    return counting


def test_a_buyer_brings_back_only_certified_what_was_deleted_at_the_seller(
    scenario: Scenario,
) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY, **LATE))
    delete_by_dispute(scenario, person)
    sell(scenario, person, "acme", "card", "brook", "bought")
    named = account(person, "bought", MAY, original_creditor="Acme", **COLLECTED)
    message = refuses(scenario, "brook", named)
    assert "acme" not in message.lower()
    # Under another number than the seller named, it is the same by what it was.
    refuses(scenario, "brook", account(person, "other", MAY, original_creditor="Acme", **LATE))
    # Who bought nothing learns nothing.
    scenario.submit("cedar", account(person, "other", MAY, **LATE))
    scenario.submit("brook", replace(named, certified=True))
    assert shown(scenario, person) == ["brook", "cedar"]
    assert len(returns(person)) == 1


def test_a_deleted_line_of_a_chain_comes_back_through_no_later_buyer(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY, **LATE))
    sell(scenario, person, "acme", "card", "brook", "bought")
    named = account(person, "bought", MAY, original_creditor="Acme", **COLLECTED)
    scenario.submit("brook", named)
    delete_by_dispute(scenario, person, "brook")
    sell(scenario, person, "brook", "bought", "cedar", "again")
    again = {**COLLECTED, "open_date": date(2024, 6, 2)}
    refuses(scenario, "cedar", account(person, "again", JUNE, original_creditor="Acme", **again))
    assert returns(person) == []


def test_a_log_from_before_the_rule_is_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bureau db check` judges what a release of 2026-11 stored, or what a node stored while
    another one deleted, by the policy of then.
    """
    with open_scenario("acme") as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY, **LATE))
        delete_by_dispute(scenario, person)
        with monkeypatch.context() as earlier:
            earlier.setattr(submit, "require_certifications", lambda *_: None)
            scenario.submit("acme", account(person, "new", MAY, **LATE))
            scenario.submit("acme", account(person, "more", MAY, certified=True, **LATE))
        assert returns(person) == []
        assert scenario.findings() == []
        refuses(scenario, "acme", account(person, "again", MAY, **LATE))


def test_another_number_is_no_way_round_a_dispute_without_an_answer() -> None:
    """15 U.S.C. 1681i(a)(5)(A): what was not verified in time is deleted."""
    with open_scenario("acme", "brook", "cedar") as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY, **LATE))
        disputed(person)
        scenario.later(31 * DAY)
        assert shown(scenario, person) == []
        again = account(person, "new", MAY, **LATE)
        refuses(scenario, "acme", again)
        scenario.submit("acme", replace(again, certified=True))
        assert shown(scenario, person) == ["acme"]
        assert len(returns(person)) == 1
        assert scenario.findings() == []
