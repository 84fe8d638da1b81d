"""Attributes of reports: their key, the day of the inquiry, the reader's own inquiries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bureau.credit_file.report_versions import current_version
from bureau_client import AccountStatus, Month, PortfolioType, Purpose, Report, Section
from tests.service.scenario import AUTUMN_2026, Scenario, account, clock_of, open_scenario

MAY, JUNE = Month(2026, 5), Month(2026, 6)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario(
        "acme", "brook", "cedar", database_url=database_url, clock=clock_of(AUTUMN_2026)
    ) as opened:
        yield opened


def test_a_report_has_the_attributes_that_its_consent_opens(scenario: Scenario) -> None:
    person = scenario.person()
    late = {"status": AccountStatus.PAST_DUE_30, "days_past_due": 31}
    scenario.submit("acme", account(person, "card", MAY))
    scenario.submit("acme", account(person, "card", JUNE, **late))
    report = scenario.report(person, "brook")
    names = [attribute.name for attribute in report.attributes]
    assert names == list(current_version().attributes)
    units = {attribute.name: attribute.unit for attribute in report.attributes}
    assert units["total_balance"] == "minor units"
    assert units["revolving_utilisation"] == "share of limits"
    figures = report.figures
    assert figures["total_balance.USD"] == 100_00
    assert figures["revolving_utilisation"] == 0.1
    assert figures["tradelines_now_30_plus"] == 1
    assert figures["months_since_60_plus"] is None
    months = Month.of(scenario.now().date()) - JUNE
    assert figures["months_since_report"] == figures["months_since_oldest_report"] == months
    assert scenario.report(person, "brook", sections=[Section.SUMMARY]).attributes == ()
    assert person.file().figures.keys() == figures.keys()


def test_an_amount_comes_once_for_each_currency(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "dollars", MAY))
    scenario.submit("acme", account(person, "euros", MAY, currency="EUR", balance_minor=500_00))
    report = scenario.report(person, "brook")
    balance = next(one for one in report.attributes if one.name == "total_balance")
    assert balance.values == {"EUR": 500_00, "USD": 100_00}
    with pytest.raises(ValueError, match="total_balance has amounts in EUR and USD"):
        _ = balance.value
    # A ratio has no currency: the worst one's is the file's.
    assert report.figures["utilisation"] == 0.5
    assert report.figures["total_balance.EUR"] == 500_00


def test_a_credit_balance_counts_alike_in_summary_and_attributes(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "owed", MAY, balance_minor=500_00))
    scenario.submit("acme", account(person, "credit", MAY, balance_minor=-300_00))
    report = scenario.report(person, "brook")
    assert report.summary is not None
    (total,) = report.summary.totals
    assert total.balance_minor == report.figures["total_balance.USD"] == 500_00
    assert total.unsecured_balance_minor == report.figures["unsecured_balance.USD"] == 500_00


def test_an_account_is_secured_by_its_kind(scenario: Scenario) -> None:
    """No record says `secured`: a mortgage, a car's loan and a home equity line are."""
    person = scenario.person()
    kinds = [
        (PortfolioType.MORTGAGE, "26", 100_000_00),
        (PortfolioType.MORTGAGE, "01", 50_000_00),
        (PortfolioType.INSTALMENT, "00", 10_000_00),
        (PortfolioType.LINE_OF_CREDIT, "89", 5_000_00),
        (PortfolioType.INSTALMENT, "01", 700_00),
    ]
    for number, (portfolio_type, account_type, balance) in enumerate(kinds):
        loan = account(
            person,
            f"loan-{number}",
            MAY,
            portfolio_type=portfolio_type,
            account_type=account_type,
            credit_limit_minor=None,
            balance_minor=balance,
        )
        scenario.submit("acme", loan)
    report = scenario.report(person, "brook")
    assert report.summary is not None
    (total,) = report.summary.totals
    assert total.unsecured_balance_minor == report.figures["unsecured_balance.USD"] == 700_00
    assert report.figures["secured_balance.USD"] == 165_000_00
    assert (report.figures["open_unsecured"], report.figures["open_tradelines"]) == (1, 5)
    assert report.figures["concurrent_unsecured_lenders"] == 1
    # A tradeline shows what its furnisher signed.
    assert not any(line.secured for line in report.tradelines)
    assert [line.balance_minor for line in report.tradelines if not line.is_secured] == [700_00]


def test_payments_of_each_month_are_kept_and_counted(scenario: Scenario) -> None:
    person = scenario.person()
    months = [MAY + age for age in range(6)]
    paid = [0, 100_00, 50_00, 0, 300_00, 200_00]
    owed = [100_00, 100_00, 200_00, 300_00, 100_00, 100_00]
    for month, balance, amount in zip(months, owed, paid, strict=True):
        snapshot = account(person, "card", month, balance_minor=balance, amount_paid_minor=amount)
        scenario.submit("acme", snapshot)
    report = scenario.report(person, "brook")
    (line,) = report.tradelines
    assert line.history is not None
    assert line.history.amount_paid_minor == tuple(reversed(paid))
    figures = report.figures
    assert figures["spend_1m.USD"] == 200_00
    assert figures["spend_3m.USD"] == 100_00 - 200_00 + 500_00
    assert figures["spend_5m.USD"] == 650_00
    assert figures["payment_ratio_1m"] == 2
    assert figures["payment_ratio_5m"] == 650 / 800
    assert figures["months_paid_in_full_5m"] == 3
    assert figures["months_without_payment_5m"] == 1
    assert figures["balance_change_3m.USD"] == -100_00
    assert figures["utilisation_change_3m"] == -0.1


def test_the_turn_of_a_month_changes_no_figure_of_payments(scenario: Scenario) -> None:
    person = scenario.person()
    late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 61}
    for age in range(4):
        snapshot = account(person, "card", MAY + age, balance_minor=100_00 * age, **late)
        scenario.submit("acme", snapshot)
    before = scenario.report(person, "brook")
    noon = scenario.now().replace(hour=12)
    turn = (noon.replace(day=1) + 32 * DAY).replace(day=1)
    scenario.later(turn - scenario.now())
    after = scenario.report(person, "brook")
    assert before.summary == after.summary
    changed = {key for key in before.figures if before.figures[key] != after.figures[key]}
    assert "months_since_report" in changed
    assert {key.split(".")[0] for key in changed} <= {
        "oldest_account_age",
        "newest_account_age",
        "average_account_age",
        "months_since_report",
        "months_since_oldest_report",
        "months_since_30_plus",
        "months_since_60_plus",
    }


def test_a_second_look_changes_no_figure_of_the_reader(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    consent_id = scenario.inquiring(person, "brook")

    def look() -> Report:
        purpose = Purpose.CREDIT_APPLICATION
        lender = scenario.lenders["brook"]
        return lender.query(person.subject_id, purpose=purpose, consent_id=consent_id)

    first = look()
    assert look().figures == first.figures
    assert first.figures["inquiries_1m"] == 0
    other = scenario.report(person, "cedar")
    assert other.summary is not None
    assert other.figures["inquiries_1m"] == other.summary.inquiry_count_6m == 1
    assert len(other.inquiries) == 2
    assert person.file().figures["inquiries_1m"] == 2
    assert (
        scenario.lenders["brook"].replay(first.request_id, person.subject_id).figures
        == first.figures
    )
