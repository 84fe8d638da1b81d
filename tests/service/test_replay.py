"""Whatever becomes of a file, a report can be made again exactly as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta

import pytest

from bureau.admin.operator import Operator
from bureau_client import (
    AccountStatus,
    ActionReason,
    Auditor,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    HoldKind,
    Initiator,
    Month,
    NotFound,
    Party,
    PartyRole,
    RecordRef,
    Report,
    SubmissionKind,
    Wallet,
)
from creditbureau.v1.standard_pb2 import StandardOfCredit
from tests.service.scenario import DAY, Scenario, account, open_scenario

MAY, JUNE, JULY = Month(2024, 5), Month(2024, 6), Month(2024, 7)
KINDS = FacilityActionKind


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", "cedar", database_url=database_url) as scenario:
        yield scenario


@pytest.fixture(scope="module")
def auditor(scenario: Scenario) -> Iterator[Auditor]:
    with ExitStack() as closing:
        profile = scenario.bureau.add_member("auditor", ["auditor"])
        yield closing.enter_context(Auditor(profile, clock=scenario.now))


def life(scenario: Scenario, person: Wallet, partner: Wallet) -> Iterator[None]:
    """One thing after another that changes what a report says."""
    acme, old = scenario.lenders["acme"], scenario.now() - timedelta(minutes=5)
    late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 61}

    def card(month: Month, **changes: object) -> None:
        scenario.submit("acme", account(person, "card", month, **changes))

    def act(kind: FacilityActionKind, **changes: object) -> None:
        action = FacilityAction(
            account_ref=account(person, "card", MAY).account_ref,
            kind=kind,
            initiator=Initiator.LENDER,
            reasons=(ActionReason.INQUIRIES,),
            effective_time=old,
            **changes,  # type: ignore[arg-type]
        )
        scenario.submit("acme", action)

    card(MAY)
    yield
    card(JUNE, **late)
    yield
    scenario.submit("acme", account(person, "card", JUNE), kind=SubmissionKind.CORRECTION)
    yield
    card(JUNE, balance_minor=1)  # an original that comes late
    yield
    card(MAY - 3, **late)
    yield
    act(KINDS.FREEZE, review_by_date=date(2099, 1, 1))
    yield
    scenario.submit("brook", account(person, "line", MAY))
    yield
    act(KINDS.RENUMBER, new_account_ref=f"{person.subject_id}-new")
    yield
    both = (Party(person.subject_id), Party(partner.subject_id, PartyRole.JOINT))
    card(JULY, parties=both)
    yield
    ref = account(person, "card", MAY).account_ref
    deletion = Deletion(account_ref=ref, reason=DeletionReason.INACCURATE, month=MAY)
    scenario.submit("acme", deletion)
    yield
    card(MAY, certified=True)
    yield
    act(KINDS.RESTORE)
    yield
    hold = person.place_hold(HoldKind.FRAUD_ALERT)
    yield
    person.lift_hold(hold.hold_id, until=scenario.now() + DAY, member_id="brook")
    yield
    person.lift_hold(hold.hold_id, until=scenario.now() + 2 * DAY, member_id="cedar")
    yield
    scenario.later(3 * DAY)
    yield
    person.set_statement("It was not me.")
    yield
    (line,) = [tradeline for tradeline in person.file().tradelines if tradeline.member_id == "acme"]
    dispute = person.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
    )
    yield
    person.add_to_dispute(dispute.dispute_id, "See the receipt.")
    yield
    scenario.later(46 * DAY)  # nobody answers
    yield
    fix = account(person, "card", JULY, balance_minor=3, parties=both)
    submission_id = scenario.submit("acme", fix, kind=SubmissionKind.CORRECTION)
    acme.answer_dispute(
        dispute.dispute_id,
        DisputeOutcome.MODIFIED,
        correction=RecordRef(submission_id, 0),
        certified=True,
    )
    yield
    act(KINDS.TRANSFER, new_account_ref="x", new_member_id="cedar")
    yield
    (mine,) = [
        tradeline for tradeline in person.file().tradelines if tradeline.member_id == "brook"
    ]
    other = person.dispute(mine.tradeline_id, field="status", reason=DisputeReason.NOT_MINE)
    scenario.lenders["brook"].answer_dispute(other.dispute_id, DisputeOutcome.FRAUD)
    yield
    scenario.later(40 * DAY)
    yield


def test_every_report_of_a_life_can_be_made_again(scenario: Scenario, auditor: Auditor) -> None:
    person, partner = scenario.person(), scenario.person()
    given: list[tuple[str, Report]] = []

    def ask() -> None:
        given.extend((name, scenario.report(person, name)) for name in ("brook", "cedar"))

    standards(scenario)
    for _ in life(scenario, person, partner):
        ask()
    person.set_statement("")
    scenario.submit("acme", account(person, "more", MAY))
    scenario.later(30 * DAY)
    distinct = {report.tradelines for _, report in given}
    assert len(distinct) > 10, "the reports are not all the same"
    for name, report in given:
        assert payload(auditor.replay(report.request_id, report.subject_id)) == payload(report)
        stranger = next(lender for lender in scenario.lenders if lender != name)
        with pytest.raises(NotFound):
            scenario.lenders[stranger].replay(report.request_id, report.subject_id)
    assert scenario.findings() == []


def standards(scenario: Scenario) -> None:
    """A standard of credit, so that reports have standings."""
    message = StandardOfCredit(version=1, jurisdiction="US", currency="USD")
    message.effective_time.FromDatetime(scenario.now() - DAY)
    with Operator(scenario.bureau.operator) as operator:
        operator.publish(message)


def payload(report: Report) -> list[object]:
    """A report's every value; how it was proved aside."""
    return [
        getattr(report, name)
        for name in report.__dataclass_fields__
        if name not in {"envelope", "inquiry", "receipt", "evidence", "furnishers", "vouchers"}
    ]
