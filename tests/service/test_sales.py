"""Debts that are sold: they count once, and keep their dates, under whatever number."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from bureau_client import (
    AccountStatus,
    Action,
    ActionReason,
    EvidenceLevel,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    InvalidRequest,
    Month,
    OmissionReason,
    PortfolioType,
    Report,
)
from tests.service.scenario import DAY
from tests.service.test_lives_retention import LADDER, MISSED_MONTH, Life, life

S = AccountStatus
LOST = (*LADDER, S.CHARGE_OFF)
SOLD = date(2018, 9, 10)
# The end of seven years and 180 days from the first missed payment.
GONE = date(2025, 1, 10) + 180 * DAY
BOUGHT: dict[str, Any] = {
    "open_date": SOLD,
    "original_creditor": "Acme",
    "portfolio_type": PortfolioType.OPEN,
    "account_type": "48",
    "credit_limit_minor": None,
    "balance_minor": 3_450_00,
    "amount_past_due_minor": 3_450_00,
}


def ref_of(debt: Life, ref: str) -> str:
    return f"{debt.person.subject_id[:10]}-{ref}"


def sell(
    debt: Life, name: str, ref: str, buyer: str = "", number: str = "", day: date = SOLD
) -> None:
    """Report the sale of an account, to a member under a number, or outside the bureau."""
    action = FacilityAction(
        account_ref=ref_of(debt, ref),
        kind=FacilityActionKind.TRANSFER,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.POLICY_CHANGE,),
        effective_time=datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
        new_member_id=buyer,
        new_account_ref=ref_of(debt, number) if number else "",
    )
    debt.submit(name, action)


def balance(report: Report) -> int:
    """Return the total balance of a report; the attributes and the summary agree on it."""
    assert report.summary is not None
    balances = {total.balance_minor for total in report.summary.totals}
    figures = {
        int(each.value) for each in report.attributes if each.name == "total_balance" and each.value
    }
    assert balances - {0} == figures
    return sum(balances)


def value(report: Report, name: str) -> float | None:
    (attribute,) = [each for each in report.attributes if each.name == name]
    return attribute.value


def refused(debt: Life, name: str, *records: Any) -> str:
    """Return the message of the refusal of records for their date of first delinquency."""
    with pytest.raises(InvalidRequest) as caught:
        debt.submit(name, *records)
    assert caught.value.reason == "DATE_ORDER"
    (violation,) = caught.value.violations
    assert violation.field == "records[0].snapshot.first_delinquency_date"
    return violation.message


def test_a_debt_that_is_sold_counts_once_and_keeps_its_date() -> None:
    """15 U.S.C. 1681c(a)(4), (c)(1): a sale moves no date. Metro 2, K2: the seller reports zero."""
    with life(start=date(2018, 10, 5)) as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, LOST))
        september = debt.month("loan", Month(2018, 9), S.CHARGE_OFF)
        debt.submit("acme", september)
        sell(debt, "acme", "loan", "collector", "bought")
        moved = {**BOUGHT, "first_delinquency_date": date(2018, 9, 1)}
        message = refused(
            debt, "collector", debt.month("bought", Month(2018, 9), S.COLLECTION, **moved)
        )
        # The bureau gives the buyer no date of another member.
        assert "201801" not in message
        debt.submit("collector", debt.month("bought", Month(2018, 9), S.COLLECTION, **BOUGHT))
        debt.scenario.lender("reader")
        report = debt.scenario.report(debt.person, "reader", EvidenceLevel.ALL, history_months=3)
        lines = {line.member_id: line for line in report.tradelines}
        assert (lines["acme"].sold_month, lines["acme"].month) == (Month(2018, 9), Month(2018, 9))
        assert lines["collector"].sold_month is None
        assert balance(report) == 3_450_00
        assert report.summary is not None
        assert report.summary.open_tradeline_count == 1
        assert report.summary.delinquent_tradeline_count == 1
        assert value(report, "tradelines_now_30_plus") == 1
        assert value(report, "highest_balance_12m") == 3_450_00
        assert value(report, "months_30_plus_12m") == 8
        # A seller that goes on reporting what it sold makes no second debt of it.
        debt.move_to(date(2019, 7, 2))
        debt.submit("acme", debt.month("loan", Month(2019, 6), S.CHARGE_OFF))
        debt.submit("collector", debt.month("bought", Month(2019, 6), S.COLLECTION, **BOUGHT))
        report = debt.report()
        assert balance(report) == 3_450_00
        sold = next(line for line in report.tradelines if line.member_id == "acme")
        assert sold.sold_month == Month(2018, 9)
        assert [action.new_member_id for action in sold.actions] == ["collector"]
        debt.move_to(GONE - DAY)
        last = debt.report()
        assert len(last.tradelines) == 2
        debt.move_to(GONE)
        assert debt.report().tradelines == ()
        assert debt.omitted() == [OmissionReason.OBSOLETE] * 2
        assert debt.scenario.findings() == []


def test_a_buyer_that_reports_before_the_sale_is_held_to_the_earlier_date() -> None:
    with life(start=date(2018, 10, 5)) as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, LOST))
        moved = {**BOUGHT, "first_delinquency_date": date(2018, 9, 1)}
        early = debt.month("bought", Month(2018, 9), S.COLLECTION, **moved)
        debt.submit("collector", early)
        assert balance(debt.report()) == 6_450_00
        sell(debt, "acme", "loan", "collector", "bought")
        assert balance(debt.report()) == 3_450_00
        # The later date that is on file is repeated no more; the seller's is.
        debt.move_to(date(2018, 11, 5))
        october = Month(2018, 10)
        refused(debt, "collector", debt.month("bought", october, S.COLLECTION, **moved))
        debt.submit("collector", debt.month("bought", october, S.COLLECTION, **BOUGHT))
        debt.move_to(GONE - DAY)
        last = debt.report()
        assert len(last.tradelines) == 2
        debt.move_to(GONE)
        assert debt.report().tradelines == ()
        again = debt.scenario.lenders["reader-3"].replay(last.request_id, debt.person.subject_id)
        assert again.digest == last.digest
        assert debt.scenario.findings() == []


def test_a_buyer_outside_the_bureau_is_not_named() -> None:
    with life(start=date(2018, 10, 5)) as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, LOST))
        for buyer, number, field in (("collector", "", "ref"), ("", "bought", "member_id")):
            with pytest.raises(InvalidRequest) as caught:
                sell(debt, "acme", "loan", buyer, number)
            (violation,) = caught.value.violations
            assert violation.field.startswith("records[0].")
            assert field in violation.field
            assert "neither" in violation.message
        sell(debt, "acme", "loan")
        report = debt.report()
        (line,) = report.tradelines
        assert line.sold_month == Month(2018, 9)
        assert balance(report) == 0
        # What was late stays late: no other line tells of it.
        assert value(report, "worst_status_12m") == "BDE0123456JHGKL".index("L")
        debt.move_to(GONE)
        assert debt.report().tradelines == ()


def test_a_chain_of_sales_counts_once_and_keeps_the_first_date() -> None:
    with life(start=date(2018, 10, 5)) as debt:
        debt.scenario.lender("second")
        debt.person.grant("second", [Action.FURNISH], expire=400 * DAY)
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, LOST))
        sell(debt, "acme", "loan", "collector", "bought")
        debt.submit("collector", debt.month("bought", Month(2018, 9), S.COLLECTION, **BOUGHT))
        debt.move_to(date(2019, 4, 5))
        debt.person.grant("second", [Action.FURNISH], expire=400 * DAY)
        debt.submit("collector", debt.month("bought", Month(2019, 3), S.COLLECTION, **BOUGHT))
        sell(debt, "collector", "bought", "second", "again", date(2019, 3, 20))
        moved = {**BOUGHT, "open_date": date(2019, 3, 20), "balance_minor": 3_500_00}
        moved["first_delinquency_date"] = date(2018, 9, 10)
        refused(debt, "second", debt.month("again", Month(2019, 3), S.COLLECTION, **moved))
        del moved["first_delinquency_date"]
        debt.submit("second", debt.month("again", Month(2019, 3), S.COLLECTION, **moved))
        report = debt.report()
        assert {line.member_id: line.sold_month for line in report.tradelines} == {
            "acme": Month(2018, 9),
            "collector": Month(2019, 3),
            "second": None,
        }
        assert balance(report) == 3_500_00
        # A sale is taken back by one that names the account itself.
        debt.move_to(date(2019, 5, 5))
        sell(debt, "collector", "bought", "collector", "bought", date(2019, 4, 20))
        assert balance(debt.report()) == 6_950_00
        sell(debt, "collector", "bought", "second", "again", date(2019, 4, 21))
        assert balance(debt.report()) == 3_500_00
        # The debt comes back to the lender that had it first: its line counts, the others do not.
        sell(debt, "second", "again", "acme", "loan", date(2019, 4, 25))
        debt.submit("acme", debt.month("loan", Month(2019, 4), S.CHARGE_OFF))
        report = debt.report()
        assert balance(report) == 3_000_00
        assert [line.member_id for line in report.tradelines if not line.sold_month] == ["acme"]
        debt.move_to(GONE)
        assert debt.report().tradelines == ()
        assert debt.scenario.findings() == []


def test_a_number_that_another_line_has_makes_no_line_older() -> None:
    """A lender that names the number of a debt that is not its own moves no date of it."""
    with life(start=date(2018, 10, 5)) as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, LOST))
        own = {"open_date": date(2015, 2, 1), "first_delinquency_date": date(2018, 9, 3)}
        debt.submit("collector", debt.month("card", Month(2018, 9), S.PAST_DUE_30, **own))
        sell(debt, "acme", "loan", "collector", "card")
        debt.move_to(GONE)
        assert debt.profiles() == ["1"]


@pytest.mark.parametrize("bought", [True, False])
def test_a_line_that_is_opened_later_makes_no_line_older(bought: bool) -> None:
    """A true debt does not leave reports, and its furnisher is not refused, by a sale that never
    was: neither the bought debt of a collector, nor an account that reports show the dates of.
    """
    with life(start=date(2018, 10, 5)) as debt:
        started = {"first_delinquency_date": date(2018, 9, 3)}
        own = {**BOUGHT, **started} if bought else {"open_date": date(2018, 8, 1), **started}
        status = S.COLLECTION if bought else S.PAST_DUE_30
        debt.submit("collector", debt.month("true", Month(2018, 9), status, **own))
        before = debt.report()
        false: dict[str, Any] = {"first_delinquency_date": date(2012, 1, 10)}
        false |= {"open_date": own["open_date"], "original_creditor": "Nobody"}
        debt.submit("acme", debt.month("false", Month(2018, 9), S.CHARGE_OFF, **false))
        sell(debt, "acme", "false", "collector", "true")
        (after,) = [line for line in debt.report().tradelines if line.member_id == "collector"]
        (line,) = before.tradelines
        assert after.first_delinquency_date == line.first_delinquency_date == date(2018, 9, 3)
        debt.move_to(date(2018, 11, 5))
        debt.submit("collector", debt.month("true", Month(2018, 10), status, **own))
        assert "collector" in {line.member_id for line in debt.report().tradelines}
        assert debt.scenario.findings() == []


def test_in_china_a_sold_debt_leaves_five_years_after_its_end_at_the_buyer() -> None:
    """征信业管理条例, article 16: five years from the end, which a sale is not."""
    with life("CN", start=date(2018, 10, 5)) as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, LOST))
        sell(debt, "acme", "loan", "collector", "bought")
        debt.submit("collector", debt.month("bought", Month(2018, 9), S.COLLECTION, **BOUGHT))
        assert balance(debt.report()) == 3_450_00
        debt.move_to(date(2025, 8, 1))
        assert len(debt.profiles()) == 2
        paid = {**BOUGHT, "close_date": date(2025, 7, 20)}
        paid |= {"balance_minor": 0, "amount_past_due_minor": 0}
        debt.submit("collector", debt.month("bought", Month(2025, 7), S.PAID_COLLECTION, **paid))
        assert balance(debt.report()) == 0
        debt.move_to(date(2030, 7, 19))
        assert len(debt.profiles()) == 2
        debt.move_to(date(2030, 7, 20))
        assert debt.profiles() == []
        assert debt.omitted() == [OmissionReason.OBSOLETE] * 2
        assert debt.scenario.findings() == []
