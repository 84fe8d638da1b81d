"""A security freeze exempts the holders of accounts, not purposes: 15 U.S.C. 1681c-1(i)(4)(A)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bureau.admin.operator import Operator
from bureau_client import (
    AccountStatus,
    ActionReason,
    AsyncLender,
    ConsentMode,
    Deletion,
    DeletionReason,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    Frequency,
    FrequencyUnit,
    HoldKind,
    Initiator,
    Month,
    Party,
    PartyRole,
    PermissionDenied,
    Purpose,
    Wallet,
)
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.watching import monitor

REVIEW, COLLECTION = Purpose.ACCOUNT_REVIEW, Purpose.COLLECTION
REGULAR: dict[str, Any] = {"max_uses": 0, "frequency": Frequency(FrequencyUnit.MONTH, 5)}
PAID: dict[str, Any] = {
    "status": AccountStatus.PAID_OR_CLOSED,
    "balance_minor": 0,
    "amount_due_minor": 0,
}
# The same words to every member that a freeze stops.
STOPPED = "HOLD: the subject has frozen the file"


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        for name in ("bank", "cards"):
            scenario.lender(name, group="river")
        yield scenario


def last_month(scenario: Scenario) -> Month:
    """Return the month before the present one."""
    return Month.of(scenario.now().date()) - 1


def frozen(scenario: Scenario, *holders: str, **changes: Any) -> Wallet:
    """A person who freezes their file; these members have an account of them."""
    person = scenario.person()
    for name in holders:
        record = account(person, name, last_month(scenario) - 1, **changes)
        scenario.submit(name, record)
    person.place_hold(HoldKind.SECURITY_FREEZE)
    return person


def answer(scenario: Scenario, person: Wallet, name: str, purpose: Purpose) -> str:
    """Return the refusal of an inquiry; empty for a report."""
    consent_id = scenario.inquiring(person, name, purposes=[purpose], **REGULAR)
    try:
        scenario.lenders[name].query(person.subject_id, purpose=purpose, consent_id=consent_id)
    except PermissionDenied as refused:
        return f"{refused.reason}: {refused.message}"
    return ""


def answers(scenario: Scenario, person: Wallet, name: str) -> tuple[str, str]:
    """Return the refusals of a review and of a collection."""
    return answer(scenario, person, name, REVIEW), answer(scenario, person, name, COLLECTION)


def test_only_a_member_with_an_account_reviews_and_collects(scenario: Scenario) -> None:
    person, stranger = frozen(scenario, "acme"), frozen(scenario)
    assert answers(scenario, person, "acme") == ("", "")
    # The refusal is the same whether or not others have accounts.
    assert answers(scenario, person, "brook") == (STOPPED, STOPPED)
    assert answers(scenario, stranger, "brook") == (STOPPED, STOPPED)
    assert [inquiry.denial_reason for inquiry in stranger.inquiries()] == ["HOLD", "HOLD"]


def test_an_account_exempts_no_new_credit(scenario: Scenario) -> None:
    person = frozen(scenario, "acme")
    with pytest.raises(PermissionDenied) as refused:
        scenario.report(person, "acme")
    assert refused.value.reason == "HOLD"


def test_a_closed_account_is_collected_and_not_reviewed(scenario: Scenario) -> None:
    person, other = frozen(scenario, "acme"), frozen(scenario, "acme")
    scenario.submit("acme", account(person, "acme", last_month(scenario), **PAID))
    assert answers(scenario, person, "acme") == (STOPPED, "")
    # Closed between two months.
    close = FacilityAction(
        account_ref=account(other, "acme", last_month(scenario)).account_ref,
        kind=FacilityActionKind.CLOSE,
        initiator=Initiator.SUBJECT,
        reasons=(ActionReason.AT_REQUEST,),
        effective_time=scenario.now() - timedelta(seconds=1),
    )
    scenario.submit("acme", close)
    assert answers(scenario, other, "acme") == (STOPPED, "")


@pytest.mark.parametrize(
    "role", [PartyRole.AUTHORISED_USER, PartyRole.TERMINATED, PartyRole.DECEASED]
)
def test_an_account_of_others_exempts_nothing(scenario: Scenario, role: PartyRole) -> None:
    owner, person = scenario.person(), scenario.person()
    parties = (Party(owner.subject_id), Party(person.subject_id, role))
    scenario.submit("acme", account(owner, "card", last_month(scenario), parties=parties))
    for wallet in (owner, person):
        wallet.place_hold(HoldKind.SECURITY_FREEZE)
    assert answers(scenario, owner, "acme") == ("", "")
    assert answers(scenario, person, "acme") == (STOPPED, STOPPED)


def test_a_person_who_left_an_account_is_reviewed_no_more(scenario: Scenario) -> None:
    first, second = scenario.person(), scenario.person()
    both = (Party(first.subject_id), Party(second.subject_id, PartyRole.JOINT))
    scenario.submit("acme", account(first, "card", last_month(scenario) - 1, parties=both))
    second.place_hold(HoldKind.SECURITY_FREEZE)
    assert answers(scenario, second, "acme") == ("", "")
    scenario.submit("acme", account(first, "card", last_month(scenario)))
    assert answers(scenario, second, "acme") == (STOPPED, STOPPED)


def test_a_deleted_account_exempts_nothing(scenario: Scenario) -> None:
    person = frozen(scenario, "acme")
    ref = account(person, "acme", last_month(scenario)).account_ref
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
    assert answers(scenario, person, "acme") == (STOPPED, STOPPED)


def test_the_members_of_a_group_share_their_accounts(scenario: Scenario) -> None:
    """The law names affiliates: a bank and its card arm."""
    person = frozen(scenario, "bank")
    assert answers(scenario, person, "cards") == ("", "")
    with Operator(scenario.bureau.operator) as operator:
        member = operator.member("cards")
        member.group = ""
        operator.change(member)
        assert answers(scenario, person, "cards") == (STOPPED, STOPPED)
        member = operator.member("cards")
        member.group = "river"
        operator.change(member)
    assert answers(scenario, person, "cards") == ("", "")


def test_the_buyer_of_a_debt_collects_it(scenario: Scenario) -> None:
    late = {"status": AccountStatus.CHARGE_OFF, "amount_past_due_minor": 100_00}
    person = frozen(scenario, "acme", **late)
    assert answers(scenario, person, "brook") == (STOPPED, STOPPED)
    sold = {**PAID, "status": AccountStatus.TRANSFERRED}
    scenario.submit("acme", account(person, "acme", last_month(scenario), **sold))
    bought = {**late, "status": AccountStatus.COLLECTION, "original_creditor": "Acme"}
    scenario.submit("brook", account(person, "bought", last_month(scenario), **bought))
    assert answer(scenario, person, "brook", COLLECTION) == ""
    assert answer(scenario, person, "acme", REVIEW) == STOPPED


def test_a_lender_that_sold_the_account_neither_reviews_it_nor_collects(scenario: Scenario) -> None:
    person = frozen(scenario, "acme")
    ref = account(person, "acme", last_month(scenario)).account_ref
    scenario.submit("acme", account(person, "acme", last_month(scenario) + 1))
    assert answer(scenario, person, "acme", REVIEW) == ""
    sale = FacilityAction(
        account_ref=ref,
        kind=FacilityActionKind.TRANSFER,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.POLICY_CHANGE,),
        effective_time=scenario.now() - timedelta(seconds=2),
        new_member_id="brook",
        new_account_ref="bought",
    )
    scenario.submit("acme", sale)
    # It collects nothing either: what is owed, is owed to the buyer.
    assert answers(scenario, person, "acme") == (STOPPED, STOPPED)
    now = scenario.now()
    back = replace(sale, new_member_id="acme", new_account_ref=ref, effective_time=now)
    scenario.submit("acme", back)
    assert answer(scenario, person, "acme", REVIEW) == ""


def test_a_portfolio_leaves_out_who_froze_and_has_no_open_account(scenario: Scenario) -> None:
    people = [scenario.person() for _ in range(2)]
    for person in people:
        monitor(person, "acme")
        scenario.submit("acme", account(person, "acme", last_month(scenario) - 1))
    scenario.submit("acme", account(people[1], "acme", last_month(scenario), **PAID))
    named = [person.subject_id for person in people]

    def customers() -> set[str]:
        return {r.subject_id for r in scenario.lenders["acme"].portfolio(REVIEW, named)}

    async def customers_async() -> set[str]:
        async with AsyncLender(scenario.profiles["acme"], clock=scenario.now) as lender:
            return {report.subject_id async for report in lender.portfolio(REVIEW, named)}

    assert customers() == set(named)
    for person in people:
        person.place_hold(HoldKind.SECURITY_FREEZE)
    assert customers() == asyncio.run(customers_async()) == {people[0].subject_id}


def test_a_replay_needs_the_account_too(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "acme", last_month(scenario) - 1))
    keeping = {"mode": ConsentMode.STORE, "data_life": 30 * DAY}
    inquiries = {}
    for name in ("acme", "brook"):
        consent_id = scenario.inquiring(person, name, purposes=[REVIEW], **REGULAR, **keeping)
        lender = scenario.lenders[name]
        report = lender.query(person.subject_id, purpose=REVIEW, consent_id=consent_id)
        inquiries[name] = report.request_id
    person.place_hold(HoldKind.SECURITY_FREEZE)
    scenario.lenders["acme"].replay(inquiries["acme"], person.subject_id)
    with pytest.raises(PermissionDenied) as refused:
        scenario.lenders["brook"].replay(inquiries["brook"], person.subject_id)
    assert refused.value.reason == "HOLD"
    scenario.submit("acme", account(person, "acme", last_month(scenario), **PAID))
    with pytest.raises(PermissionDenied) as refused:
        scenario.lenders["acme"].replay(inquiries["acme"], person.subject_id)
    assert refused.value.reason == "HOLD"


def test_the_asynchronous_client_is_stopped_alike(scenario: Scenario) -> None:
    person = frozen(scenario, "acme")
    consents = {
        name: scenario.inquiring(person, name, purposes=[REVIEW], **REGULAR)
        for name in ("acme", "brook")
    }

    async def ask(name: str) -> None:
        async with AsyncLender(scenario.profiles[name], clock=scenario.now) as lender:
            await lender.query(person.subject_id, purpose=REVIEW, consent_id=consents[name])

    asyncio.run(ask("acme"))
    with pytest.raises(PermissionDenied) as refused:
        asyncio.run(ask("brook"))
    assert f"{refused.value.reason}: {refused.value.message}" == STOPPED


def test_the_log_proves_the_exemptions(scenario: Scenario) -> None:
    """The check of the database takes every inquiry of these tests again."""
    assert scenario.findings() == []


def test_a_review_under_a_freeze_is_proved_after_its_account_was_erased() -> None:
    with open_scenario("acme") as scenario:
        person = frozen(scenario, "acme")
        assert answers(scenario, person, "acme") == ("", "")
        scenario.erase(person.subject_id)
        assert scenario.findings() == []
        assert answers(scenario, person, "acme") == (STOPPED, STOPPED)


@pytest.mark.parametrize(("jurisdiction", "then"), [("US", STOPPED), ("CN", "")])
def test_an_account_that_a_dispute_withdrew_exempts_nothing(jurisdiction: str, then: str) -> None:
    """The lender never answers: in the US its line leaves the file, in China it is annotated."""
    with open_scenario("acme", "brook", jurisdiction=jurisdiction) as scenario:
        person = frozen(scenario, "acme")
        (line,) = person.file().tradelines
        person.dispute(line.tradeline_id, field="balance_minor", reason=DisputeReason.NOT_MINE)
        assert answers(scenario, person, "acme") == ("", "")
        assert answers(scenario, person, "brook") == (STOPPED, STOPPED)
        scenario.later(31 * DAY)
        assert answers(scenario, person, "acme") == (then, then)
        assert scenario.findings() == []
