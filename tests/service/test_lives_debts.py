"""Whose debt an account is, and whether it still stands: families, guarantors, silent lenders."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from rich.console import Console

from bureau.admin.operator import Operator
from bureau_client import (
    AccountStatus,
    Action,
    AlertKind,
    FacilityActionKind,
    Frequency,
    FrequencyUnit,
    HoldKind,
    Month,
    Party,
    PartyRole,
    PermissionDenied,
    PortfolioType,
    Purpose,
    Report,
    StaleReason,
    Wallet,
)
from bureau_client.cli.show import show_report
from creditbureau.v1.codes_pb2 import (
    CLASSIFICATION_NORMAL,
    CLASSIFICATION_SUBSTANDARD,
    ROLE_SUBSCRIBER,
)
from creditbureau.v1.members_pb2 import MEMBER_STATE_ACTIVE, MEMBER_STATE_SUSPENDED
from creditbureau.v1.standard_pb2 import ClassificationBand, StandardOfCredit
from tests.service.scenario import DAY, Scenario, account, clock_of, open_scenario
from tests.service.watching import freeze, kinds, monitor, waiting

S, Role = AccountStatus, PartyRole
START = datetime(2026, 9, 15, 12, tzinfo=UTC)
LATE: dict[str, Any] = {
    "status": S.PAST_DUE_60,
    "balance_minor": 900_00,
    "amount_past_due_minor": 40_00,
    "days_past_due": 65,
}
LOAN: dict[str, Any] = {
    "portfolio_type": PortfolioType.INSTALMENT,
    "account_type": "01",
    "credit_limit_minor": None,
    "original_amount_minor": 5_000_00,
    "term_months": 60,
}
NOTHING_OWED: dict[str, Any] = {"balance_minor": 0, "amount_due_minor": 0}
REGULAR: dict[str, Any] = {"max_uses": 0, "frequency": Frequency(FrequencyUnit.MONTH, 5)}
readers = count(1)


@pytest.fixture(scope="module", params=["US", "CN"])
def scenario(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    clock = clock_of(START)
    with open_scenario("acme", "brook", jurisdiction=request.param, clock=clock) as scenario:
        standard = StandardOfCredit(
            version=1,
            jurisdiction=request.param,
            currency="USD",
            max_unsecured_exposure_minor=1_000_00,
            max_concurrent_lenders=1,
            bands=[
                ClassificationBand(min_days_past_due=0, classification=CLASSIFICATION_NORMAL),
                ClassificationBand(min_days_past_due=61, classification=CLASSIFICATION_SUBSTANDARD),
            ],
        )
        standard.effective_time.FromDatetime(scenario.now())
        with Operator(scenario.bureau.operator, clock) as operator:
            operator.publish(standard)
        yield scenario


def ago(scenario: Scenario, months: int) -> Month:
    """The month so many months before the present one; 1 is the newest that has ended."""
    return Month.of(scenario.now().date()) - months


def report(scenario: Scenario, person: Wallet) -> Report:
    """A report to a lender that has just joined: a new member sees everything."""
    reader = f"reader-{next(readers)}"
    scenario.lender(reader)
    return scenario.report(person, reader)


def owed(report: Report) -> tuple[int, int]:
    """Return what the summary says is owed and past due, in USD."""
    assert report.summary is not None
    (total,) = report.summary.totals
    return total.balance_minor, total.amount_past_due_minor


def stood(report: Report) -> dict[str, int]:
    return {standing.rule: standing.value for standing in report.standings}


def printed(report: Report) -> str:
    """The report as the command line prints it."""
    console = Console(file=io.StringIO(), width=220)
    show_report(report, console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_a_child_does_not_owe_the_parents_card(scenario: Scenario) -> None:
    """ECOA code 3: the parent fails, the card is frozen, and the child's figures are its own."""
    parent, child = scenario.person(), scenario.person()
    family = (Party(parent.subject_id), Party(child.subject_id, Role.AUTHORISED_USER))
    scenario.submit(
        "acme",
        *(account(parent, "family", ago(scenario, age), parties=family) for age in (4, 3, 2)),
        account(parent, "family", ago(scenario, 1), parties=family, **LATE),
    )
    for wallet in (parent, child):
        scenario.submit("brook", account(wallet, "pocket", ago(scenario, 1)))
    ref = account(parent, "family", ago(scenario, 1)).account_ref
    freeze(scenario, "acme", ref, FacilityActionKind.FREEZE)
    of_child, of_parent = report(scenario, child), report(scenario, parent)
    assert (owed(of_child), owed(of_parent)) == ((100_00, 0), (1_000_00, 40_00))
    assert [flag.kind.name for flag in of_child.flags] == []
    assert [flag.kind.name for flag in of_parent.flags] == ["DIVERGENCE"]
    assert stood(of_child) == {
        "max_unsecured_exposure_minor": 100_00,
        "max_concurrent_lenders": 1,
        "classification": 1,
    }
    assert stood(of_parent)["classification"] == 3
    summary, figures = of_child.summary, of_child.figures
    assert summary is not None
    assert (summary.tradeline_count, summary.open_tradeline_count) == (2, 1)
    assert (summary.delinquent_tradeline_count, summary.worst_status_24m) == (0, "0")
    assert (summary.not_owed_tradeline_count, summary.guaranteed_tradeline_count) == (1, 0)
    assert (summary.frozen_line_count, summary.lending_line_count) == (0, 1)
    assert figures["tradelines_ever_30_plus"] == figures["past_due_amount.USD"] == 0
    assert figures["utilisation"] == 0.1
    assert figures["authorised_user_balance.USD"] == 900_00
    assert figures["not_owed_tradelines"] == 1
    # The line itself is in the report, with the role.
    assert {line.role for line in of_child.tradelines} == {Role.INDIVIDUAL, Role.AUTHORISED_USER}
    assert "0 guaranteed, 1 not owed" in printed(of_child)
    # The person's own file says the same.
    own = child.file().summary
    assert own is not None
    assert replace(own, inquiry_count_6m=0) == replace(summary, inquiry_count_6m=0)


@pytest.mark.parametrize("role", [Role.TERMINATED, Role.DECEASED])
def test_a_debt_ends_for_a_holder_whose_part_ended(scenario: Scenario, role: PartyRole) -> None:
    """A joint holder owes the loan, also to a co-maker's lender; a former one does not."""
    first, second = scenario.person(), scenario.person()

    def month(age: int, part: PartyRole) -> Any:
        parties = (Party(first.subject_id, Role.MAKER), Party(second.subject_id, part))
        return account(first, "loan", ago(scenario, age), parties=parties, **(LOAN | LATE))

    scenario.submit("acme", month(2, Role.JOINT))
    assert owed(report(scenario, first)) == owed(report(scenario, second)) == (900_00, 40_00)
    scenario.submit("acme", month(1, role))
    after = report(scenario, second)
    assert owed(report(scenario, first)) == (900_00, 40_00)
    assert after.summary is not None
    assert (after.summary.totals, after.summary.not_owed_tradeline_count) == ((), 1)
    assert after.figures["months_60_plus_24m"] == 0


def test_somebody_who_left_owes_nothing_in_their_own_file(scenario: Scenario) -> None:
    first, second = scenario.person(), scenario.person()
    both = (Party(first.subject_id, Role.JOINT), Party(second.subject_id, Role.JOINT))
    scenario.submit("acme", account(first, "card", ago(scenario, 2), parties=both, **LATE))
    scenario.submit("acme", account(first, "card", ago(scenario, 1), **LATE))
    own = second.file()
    assert own.summary is not None
    assert (own.summary.totals, own.summary.delinquent_tradeline_count) == ((), 0)
    assert [omission.reason.name for omission in own.omissions] == ["LEFT"]


def test_what_a_person_guarantees_has_figures_of_its_own(scenario: Scenario) -> None:
    """相关还款责任信息: a friend's loan is past due, and the guarantor is called in the end."""
    friend, guarantor = scenario.person(), scenario.person()

    def month(age: int, part: PartyRole, **changes: Any) -> Any:
        parties = (Party(friend.subject_id), Party(guarantor.subject_id, part))
        return account(friend, "loan", ago(scenario, age), parties=parties, **(LOAN | changes))

    scenario.submit("acme", month(3, Role.GUARANTOR), month(2, Role.GUARANTOR, **LATE))
    before = report(scenario, guarantor)
    assert owed(before) == (0, 0)
    assert before.summary is not None
    assert before.summary.totals[0].guaranteed_balance_minor == 900_00
    assert before.summary.guaranteed_tradeline_count == 1
    assert before.summary.open_tradeline_count == before.summary.delinquent_tradeline_count == 0
    assert stood(before) == {"max_unsecured_exposure_minor": 0, "max_concurrent_lenders": 0}
    figures = before.figures
    assert figures["guaranteed_balance.USD"] == 900_00
    assert figures["guaranteed_past_due_amount.USD"] == 40_00
    assert figures["guaranteed_now_30_plus"] == figures["guaranteed_tradelines"] == 1
    assert figures["tradelines"] == figures["tradelines_now_30_plus"] == 0
    assert "1 guaranteed, 0 not owed" in printed(before)
    # Called: the guarantor owes it from then on, with the friend.
    scenario.submit("acme", month(1, Role.JOINT, **LATE))
    assert owed(report(scenario, guarantor)) == (900_00, 40_00)


def test_others_debts_alert_no_monitor(scenario: Scenario) -> None:
    parent, child = scenario.person(), scenario.person()
    monitor(child, "brook")

    def month(age: int, part: PartyRole, **changes: Any) -> Any:
        parties = (Party(parent.subject_id), Party(child.subject_id, part))
        return account(parent, "card", ago(scenario, age), parties=parties, **changes)

    scenario.submit("acme", month(3, Role.AUTHORISED_USER))
    scenario.submit("acme", month(2, Role.AUTHORISED_USER, **LATE))
    assert kinds(waiting(scenario, "brook", child)) == [AlertKind.NEW_TRADELINE]
    # The child takes the debt over: from then on it is past due itself.
    scenario.submit("acme", month(1, Role.JOINT, **LATE))
    assert AlertKind.STATUS_WORSE in kinds(waiting(scenario, "brook", child))


def test_a_debt_that_is_no_longer_reported_is_not_owed_today(scenario: Scenario) -> None:
    """Six months count as reported, the seventh does not; what has ended is never stale."""
    person = scenario.person()
    scenario.submit(
        "acme",
        account(person, "six", ago(scenario, 6)),
        *(account(person, "seven", ago(scenario, age), **LATE) for age in (9, 8, 7)),
        account(person, "lost", ago(scenario, 20), **(LATE | {"status": S.CHARGE_OFF})),
        account(person, "paid", ago(scenario, 30), status=S.PAID_OR_CLOSED, **NOTHING_OWED),
    )
    before = report(scenario, person)
    assert owed(before) == (100_00, 0)
    stale = {line.month: line.stale for line in before.tradelines if line.stale}
    silent = StaleReason.NOT_REPORTED
    assert stale == {ago(scenario, 7): silent, ago(scenario, 20): silent}
    summary, figures = before.summary, before.figures
    assert summary is not None
    assert (summary.tradeline_count, summary.open_tradeline_count) == (4, 1)
    assert (summary.stale_tradeline_count, summary.delinquent_tradeline_count) == (2, 0)
    assert summary.totals[0].stale_balance_minor == figures["stale_balance.USD"] == 1_800_00
    assert (figures["open_tradelines"], figures["closed_tradelines"]) == (1, 1)
    assert stood(before)["max_unsecured_exposure_minor"] == 100_00
    # Its past counts back from this month: late seven to nine months ago.
    assert figures["worst_status_6m"] == 3
    assert figures["months_60_plus_24m"] == 4
    assert figures["months_since_60_plus"] == 7
    text = printed(before)
    assert f"in {ago(scenario, 7)}, not reported" in text
    assert StaleReason.NOT_REPORTED.text_in("zh") == "信息提供者已多月未提供该账户的记录"
    # Reported again, it is owed today; a month later the other one is stale.
    scenario.submit("acme", account(person, "seven", ago(scenario, 1), **LATE))
    assert owed(report(scenario, person)) == (1_000_00, 40_00)
    reader = scenario.lenders[before.member_id]
    again = reader.replay(before.request_id, person.subject_id)
    assert again.digest == before.digest


def test_a_lender_that_may_not_report_leaves_its_lines_behind(scenario: Scenario) -> None:
    name = f"dune-{next(readers)}"
    scenario.lender(name)
    person = scenario.person("acme", name)
    scenario.submit(name, account(person, "card", ago(scenario, 1), **LATE))
    scenario.submit("acme", account(person, "card", ago(scenario, 1)))
    reports = [report(scenario, person)]
    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        operator.set_state(name, MEMBER_STATE_SUSPENDED)
        reports.append(report(scenario, person))
        operator.set_state(name, MEMBER_STATE_ACTIVE)
        reports.append(report(scenario, person))
        member = operator.member(name)
        member.roles[:] = [ROLE_SUBSCRIBER]
        operator.change(member)
        reports.append(report(scenario, person))
    assert [owed(each)[0] for each in reports] == [1_000_00, 100_00, 1_000_00, 100_00]
    left = StaleReason.FURNISHER_LEFT
    assert [[line.stale for line in each.tradelines if line.stale] for each in reports] == [
        [],
        [left],
        [],
        [left],
    ]
    assert reports[1].figures["tradelines_now_30_plus"] == 0
    assert stood(reports[1])["classification"] == 1
    # Each report is made again as it was, by the furnisher's terms of its time.
    for each in reports:
        reader = scenario.lenders[each.member_id]
        assert reader.replay(each.request_id, person.subject_id).digest == each.digest
    assert scenario.findings() == []


def test_an_account_that_is_no_longer_reported_is_not_reviewed_under_a_freeze(
    scenario: Scenario,
) -> None:
    """15 U.S.C. 1681c-1(i)(4)(A) names the review of "the active account"."""
    fresh, stale = scenario.person(), scenario.person()
    for wallet, age in ((fresh, 6), (stale, 7)):
        scenario.submit("acme", account(wallet, "card", ago(scenario, age)))
        wallet.place_hold(HoldKind.SECURITY_FREEZE)

    def review(wallet: Wallet) -> Report:
        purpose = Purpose.ACCOUNT_REVIEW
        consent_id = scenario.inquiring(wallet, "acme", purposes=[purpose], **REGULAR)
        return scenario.lenders["acme"].query(
            wallet.subject_id, purpose=purpose, consent_id=consent_id
        )

    assert review(fresh).summary is not None
    with pytest.raises(PermissionDenied) as refused:
        review(stale)
    assert refused.value.reason == "HOLD"


def test_a_line_turns_stale_with_time_and_no_record(scenario: Scenario) -> None:
    """The clock of the bureau moves on by months; nobody furnishes."""
    person = scenario.person()
    scenario.submit("acme", account(person, "card", ago(scenario, 1)))
    assert owed(report(scenario, person)) == (100_00, 0)
    scenario.later(200 * DAY)
    (line,) = report(scenario, person).tradelines
    assert line.stale is StaleReason.NOT_REPORTED
    assert owed(report(scenario, person)) == (0, 0)
    person.grant("acme", [Action.FURNISH], expire=300 * DAY)
    closed = {"status": S.PAID_OR_CLOSED, "close_date": None, **NOTHING_OWED}
    scenario.submit("acme", account(person, "card", ago(scenario, 1), **closed))
    (line,) = report(scenario, person).tradelines
    assert not line.stale
