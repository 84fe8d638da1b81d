"""Debts of people over years: each leaves reports with its event, whatever is reported later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import pytest

from bureau.clock import Clock
from bureau_client import (
    AccountStatus,
    Action,
    ActionReason,
    Deletion,
    DeletionReason,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    InvalidRequest,
    Month,
    OmissionReason,
    Report,
    Snapshot,
    SubmissionKind,
    Wallet,
)
from bureau_client.files.metro2.codebook import DAYS_PAST_DUE
from tests.service.scenario import DAY, Scenario, account, open_scenario

S = AccountStatus
LADDER = (
    S.PAST_DUE_30,
    S.PAST_DUE_60,
    S.PAST_DUE_90,
    S.PAST_DUE_120,
    S.PAST_DUE_150,
    S.PAST_DUE_180,
)
OPENED = date(2012, 5, 1)
# The first payment that the person misses, in each life.
MISSED = date(2018, 1, 10)
MISSED_MONTH = Month(2018, 1)


class Life:
    """One person, a bureau whose clock moves through years, and lenders that ask."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.person: Wallet = scenario.person()
        self._readers = count(1)

    def move_to(self, day: date) -> None:
        """Move the clock to noon of a day, and let the furnishers furnish from then on."""
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        self.scenario.later(noon - self.scenario.now())
        for name in ("acme", "collector"):
            self.person.grant(name, [Action.FURNISH], expire=400 * DAY)

    def month(self, ref: str, month: Month, status: AccountStatus, **changes: Any) -> Snapshot:
        """A month of a loan; adverse months are past due since the first missed payment."""
        owes = status in LADDER or status in {S.CHARGE_OFF, S.COLLECTION}
        fields: dict[str, Any] = {
            "open_date": OPENED,
            "status": status,
            "balance_minor": 3_000_00 if owes or status is S.CURRENT else 0,
            "amount_past_due_minor": 3_000_00 if owes else 0,
            "days_past_due": DAYS_PAST_DUE.get(status, 0),
            "first_delinquency_date": MISSED if owes else None,
        }
        return account(self.person, ref, month, **(fields | changes))

    def late(self, ref: str, first: Month, statuses: tuple[AccountStatus, ...]) -> list[Snapshot]:
        """Consecutive months of a loan by their statuses."""
        return [self.month(ref, first + age, status) for age, status in enumerate(statuses)]

    def submit(self, name: str, *records: Any, correction: bool = False) -> None:
        """Submit records of a furnisher."""
        kind = SubmissionKind.CORRECTION if correction else SubmissionKind.ORIGINAL
        self.scenario.submit(name, *records, kind=kind)

    def report(self) -> Report:
        """A report to a lender that has just joined: a new member sees everything."""
        reader = f"reader-{next(self._readers)}"
        self.scenario.lender(reader)
        return self.scenario.report(self.person, reader, history_months=120)

    def profiles(self) -> list[str]:
        """The payment histories of a report, without the months that have no data."""
        lines = self.report().tradelines
        return sorted(
            line.history.profile.replace("D", "") if line.history else "" for line in lines
        )

    def omitted(self) -> list[OmissionReason]:
        """Return the reasons, as the person reads them, for which reports leave something out."""
        return [omission.reason for omission in self.person.file().omissions]


@contextmanager
def life(jurisdiction: str = "US", start: date = date(2018, 9, 15), **named: Any) -> Iterator[Life]:
    clock = Clock.moved_to(
        int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp()) * 1_000_000,
        int(datetime(2034, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000,
    )
    with open_scenario(
        "acme", "collector", jurisdiction=jurisdiction, clock=clock, **named
    ) as scenario:
        yield Life(scenario)


def test_a_charge_off_that_is_sold_and_paid_leaves_with_its_first_delinquency(
    database_url: str,
) -> None:
    """15 U.S.C. 1681c(a)(4), (c)(1): 84 months and 180 days from the first missed payment."""
    with life(database_url=database_url) as debt:
        lost = (*LADDER, S.CHARGE_OFF, S.CHARGE_OFF)
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, lost))
        assert debt.profiles() == ["LL654321"]
        debt.move_to(date(2020, 4, 2))
        debt.submit("acme", debt.month("loan", Month(2020, 3), S.TRANSFERRED))
        bought = {"open_date": date(2020, 3, 15), "original_creditor": "Acme"}
        debt.submit("collector", debt.month("bought", Month(2020, 3), S.COLLECTION, **bought))
        debt.move_to(date(2023, 6, 2))
        debt.submit("collector", debt.month("bought", Month(2023, 5), S.COLLECTION, **bought))
        gone = date(2025, 1, 10) + 180 * DAY
        debt.move_to(gone - DAY)
        last = debt.report()
        assert len(last.tradelines) == 2
        debt.move_to(gone)
        assert debt.report().tradelines == ()
        assert debt.omitted() == [OmissionReason.OBSOLETE] * 2
        # The report of the day before is made again as it was.
        again = debt.scenario.lenders["reader-2"].replay(last.request_id, debt.person.subject_id)
        assert again.digest == last.digest
        # The last payment, years later, brings neither back.
        debt.move_to(date(2027, 2, 2))
        paid = {**bought, "close_date": date(2027, 1, 20), "first_delinquency_date": MISSED}
        debt.submit("collector", debt.month("bought", Month(2027, 1), S.PAID_COLLECTION, **paid))
        assert debt.report().tradelines == ()
        assert len(debt.person.file().tradelines) == 2
        assert debt.scenario.findings() == []


def test_a_later_date_of_first_delinquency_is_refused() -> None:
    """The date of a collection is moved by two years: the refusal names the date on file."""
    with life() as debt:
        bought = {"open_date": date(2018, 8, 15), "original_creditor": "Acme"}
        first = Month(2018, 8)
        debt.submit("collector", debt.month("bought", first, S.COLLECTION, **bought))
        debt.move_to(date(2020, 3, 1))
        moved = {**bought, "first_delinquency_date": date(2020, 1, 5)}
        for status in (S.COLLECTION, S.PAID_COLLECTION):
            for correction in (False, True):
                record = debt.month("bought", Month(2020, 2), status, **moved)
                with pytest.raises(InvalidRequest) as caught:
                    debt.submit("collector", record, correction=correction)
                assert caught.value.reason == "DATE_ORDER"
                (violation,) = caught.value.violations
                assert violation.field == "records[0].snapshot.first_delinquency_date"
                assert "20180110" in violation.message
        # Months without data between do not end the delinquency; the date it had may be repeated.
        debt.submit("collector", debt.month("bought", Month(2020, 2), S.COLLECTION, **bought))
        # A wrong date is corrected in every month that has it.
        right = {**bought, "first_delinquency_date": date(2018, 4, 10)}
        corrected = [
            debt.month("bought", month, S.COLLECTION, **right) for month in (first, Month(2020, 2))
        ]
        with pytest.raises(InvalidRequest):
            debt.submit("collector", corrected[1], correction=True)
        debt.submit("collector", *corrected, correction=True)
        gone = date(2025, 4, 10) + 180 * DAY
        debt.move_to(gone - DAY)
        assert debt.profiles() == ["GG"]
        debt.move_to(gone)
        assert debt.profiles() == []
        assert debt.scenario.findings() == []


def test_the_deletion_of_early_months_makes_no_debt_younger() -> None:
    """The months that remain leave when the deleted ones would have; a correction to current
    says that nothing was late, and so the delinquency begins later.
    """
    with life() as debt:
        lost = debt.late("loan", MISSED_MONTH, (*LADDER, S.CHARGE_OFF, S.CHARGE_OFF))
        undated = [replace(record, first_delinquency_date=None) for record in lost]
        other = [replace(record, account_ref=f"{record.account_ref}-2") for record in undated]
        debt.submit("acme", *undated, *other)
        debt.submit(
            "acme",
            *(
                Deletion(
                    account_ref=record.account_ref,
                    month=record.month,
                    reason=DeletionReason.INACCURATE,
                )
                for record in undated[:6]
            ),
        )
        current = [
            replace(
                record,
                status=S.CURRENT,
                days_past_due=0,
                amount_past_due_minor=0,
            )
            for record in other[:6]
        ]
        debt.submit("acme", *current, correction=True)
        gone = date(2025, 1, 1) + 180 * DAY
        debt.move_to(gone - DAY)
        assert debt.profiles() == ["LL", "LL000000"]
        debt.move_to(gone)
        assert debt.profiles() == ["LL000000"]
        debt.move_to(date(2025, 7, 1) + 180 * DAY)
        assert debt.profiles() == []
        assert debt.scenario.findings() == []


def test_a_date_is_not_later_than_the_first_adverse_month() -> None:
    with life() as debt:
        months = debt.late("loan", MISSED_MONTH, LADDER)
        undated = [replace(record, first_delinquency_date=None) for record in months]
        debt.submit("acme", *undated[:3])
        late = replace(undated[3], first_delinquency_date=date(2018, 4, 10))
        with pytest.raises(InvalidRequest) as caught:
            debt.submit("acme", late)
        assert "20180101" in caught.value.violations[0].message
        debt.submit("acme", months[3])
        # Months of one batch are held against each other.
        other = debt.late("other", MISSED_MONTH, LADDER)
        other[4] = replace(other[4], first_delinquency_date=date(2018, 5, 1))
        with pytest.raises(InvalidRequest) as caught:
            debt.submit("acme", *other)
        assert [violation.field for violation in caught.value.violations] == [
            "records[4].snapshot.first_delinquency_date"
        ]


def test_a_delinquency_after_a_cure_has_its_own_date() -> None:
    """15 U.S.C. 1681c(a)(5): the months of each leave together, 84 months after its first."""
    with life() as debt:
        debt.submit(
            "acme",
            *debt.late("card", MISSED_MONTH, (S.PAST_DUE_30, S.PAST_DUE_60, S.CURRENT, S.CURRENT)),
        )
        debt.move_to(date(2020, 9, 2))
        again = {"first_delinquency_date": date(2020, 6, 12)}
        debt.submit(
            "acme",
            debt.month("card", Month(2020, 6), S.PAST_DUE_30, **again),
            debt.month("card", Month(2020, 7), S.PAST_DUE_60, **again),
            debt.month("card", Month(2020, 8), S.CURRENT),
        )
        debt.move_to(date(2025, 1, 9))
        assert debt.profiles() == ["0210021"]
        debt.move_to(date(2025, 1, 10))
        assert debt.profiles() == ["02100"]
        debt.move_to(date(2027, 6, 11))
        assert debt.profiles() == ["02100"]
        debt.move_to(date(2027, 6, 12))
        assert debt.profiles() == ["000"]
        assert debt.omitted() == [OmissionReason.OBSOLETE]
        assert debt.scenario.findings() == []


def test_a_paid_collection_leaves_with_its_first_delinquency() -> None:
    with life() as debt:
        debt.submit("collector", debt.month("bill", Month(2018, 8), S.COLLECTION))
        debt.move_to(date(2021, 11, 2))
        paid = {"close_date": date(2021, 10, 8)}
        debt.submit("collector", debt.month("bill", Month(2021, 10), S.PAID_COLLECTION, **paid))
        # A furnisher that names another status of a paid debt does not make it another debt.
        debt.submit("collector", debt.month("bill", Month(2021, 11), S.PAID_OR_CLOSED, **paid))
        gone = date(2025, 1, 10) + 180 * DAY
        debt.move_to(gone - DAY)
        assert debt.profiles() == ["EEG"]
        debt.move_to(gone)
        assert debt.profiles() == []


def test_a_charge_off_leaves_with_what_the_lender_did() -> None:
    with life() as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, (*LADDER, S.CHARGE_OFF)))
        act = FacilityAction(
            account_ref=f"{debt.person.subject_id[:10]}-loan",
            kind=FacilityActionKind.CHARGE_OFF,
            initiator=Initiator.LENDER,
            reasons=(ActionReason.DELINQUENCY_HERE,),
            effective_time=datetime(2018, 8, 20, tzinfo=UTC),
        )
        debt.submit("acme", act)
        # Current again while it may still be reported: the account stays, its past does not.
        debt.move_to(date(2019, 3, 2))
        debt.submit("acme", debt.month("loan", Month(2019, 2), S.CURRENT))
        gone = date(2025, 1, 10) + 180 * DAY
        debt.move_to(gone - DAY)
        (line,) = debt.report().tradelines
        assert [action.kind for action in line.actions] == [FacilityActionKind.CHARGE_OFF]
        debt.move_to(gone)
        (line,) = debt.report().tradelines
        assert line.actions == ()
        assert line.history is not None
        assert set(line.history.profile) == {"0", "D"}


def test_in_china_a_settled_debt_counts_from_the_end_that_the_bureau_knows() -> None:
    """征信业管理条例, article 16: five years from the end, which a later close date is not."""
    with life("CN") as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, (*LADDER, S.CHARGE_OFF)))
        debt.move_to(date(2021, 5, 2))
        paid = {"close_date": date(2021, 4, 20)}
        debt.submit("acme", debt.month("loan", Month(2021, 4), S.PAID_CHARGE_OFF, **paid))
        # The first delinquency is eight years ago: it is not what counts here.
        debt.move_to(date(2026, 1, 12))
        assert debt.profiles() == ["EL654321"]
        later = {"close_date": date(2025, 12, 31)}
        debt.submit("acme", debt.month("loan", Month(2025, 12), S.PAID_CHARGE_OFF, **later))
        debt.move_to(date(2026, 4, 19))
        assert debt.profiles() == ["EEL654321"]
        debt.move_to(date(2026, 4, 20))
        assert debt.profiles() == []
        assert debt.omitted() == [OmissionReason.OBSOLETE]
        assert debt.scenario.findings() == []


@pytest.mark.parametrize("newest", [S.CHARGE_OFF, S.PAST_DUE_180, S.TRANSFERRED])
def test_in_china_a_debt_that_never_ended_does_not_expire(newest: AccountStatus) -> None:
    with life("CN") as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, (*LADDER, newest)))
        debt.move_to(date(2033, 1, 10))
        (profile,) = debt.profiles()
        assert profile.endswith("654321")
        assert debt.omitted() == []
        # It is settled at last: five years of its end begin.
        debt.submit("acme", debt.month("loan", Month(2032, 12), S.PAID_CHARGE_OFF))
        (profile,) = debt.profiles()
        assert profile == "E"


def test_in_china_late_months_leave_together_five_years_after_their_end() -> None:
    with life("CN") as debt:
        debt.submit(
            "acme", *debt.late("card", MISSED_MONTH, (S.PAST_DUE_30, S.PAST_DUE_60, S.CURRENT))
        )
        debt.move_to(date(2023, 2, 28))
        assert debt.profiles() == ["021"]
        debt.move_to(date(2023, 3, 1))
        assert debt.profiles() == ["0"]
