"""The delinquencies of an account: how long each lasted, and the dates that retention counts
from. Pure.

A delinquency is unbroken until a month is reported current. A sale, a payment, months without
data, the deletion of a month and a later date of first delinquency neither end it nor move its
beginning: a month in which nothing was late is corrected to current instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bureau.calendar import months_between
from bureau.credit_file.furnished_month import MAX_MONTHS
from bureau.credit_file.history import DELINQUENT
from bureau_keys.payment_profile import PROFILE
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

CURRENT = codes_pb2.ACCOUNT_STATUS_CURRENT
PAID_OR_CLOSED = codes_pb2.ACCOUNT_STATUS_PAID_OR_CLOSED
ADVERSE = frozenset(status for status, character in PROFILE.items() if character in DELINQUENT)
# Paid, with a status that still names the delinquency.
SETTLED = frozenset(
    {
        codes_pb2.ACCOUNT_STATUS_PAID_SURRENDER,
        codes_pb2.ACCOUNT_STATUS_PAID_COLLECTION,
        codes_pb2.ACCOUNT_STATUS_PAID_REPOSSESSION,
        codes_pb2.ACCOUNT_STATUS_PAID_CHARGE_OFF,
        codes_pb2.ACCOUNT_STATUS_PAID_FORECLOSURE_STARTED,
    }
)
# Something is past due, or a debt that was past due is settled.
LATE = ADVERSE | SETTLED
WRITTEN_OFF = frozenset(
    {
        codes_pb2.ACCOUNT_STATUS_COLLECTION,
        codes_pb2.ACCOUNT_STATUS_CHARGE_OFF,
        codes_pb2.ACCOUNT_STATUS_PAID_COLLECTION,
        codes_pb2.ACCOUNT_STATUS_PAID_CHARGE_OFF,
    }
)
# Nothing is past due any more. A transfer is no end: the debt is owed to its buyer.
ENDING = SETTLED | {CURRENT, PAID_OR_CLOSED}


class ReportedMonth(NamedTuple):
    """A month of an account, as far as it bears on delinquencies.

    Attributes:
        month: yyyymm.
        status: AccountStatus.
        first_delinquency_date: yyyymmdd; 0 if the furnisher names none.
        close_date: yyyymmdd; 0 if the furnisher names none.
        is_deleted: True for a month that was deleted: only the beginning of a delinquency
            follows from it.
    """

    month: int
    status: int
    first_delinquency_date: int = 0
    close_date: int = 0
    is_deleted: bool = False

    @classmethod
    def of(cls, snapshot: TradelineSnapshot, *, is_deleted: bool = False) -> ReportedMonth:
        """Return the month of a snapshot."""
        return cls(
            snapshot.month,
            snapshot.status,
            snapshot.first_delinquency_date,
            snapshot.close_date,
            is_deleted,
        )

    @property
    def is_late(self) -> bool:
        """True if something is past due, or a debt that was past due is settled."""
        return self.status in LATE


class Delinquency(NamedTuple):
    """An unbroken delinquency of an account. Dates are yyyymmdd.

    Attributes:
        months: Adverse months, oldest first; none where only the settled debt was reported.
        first_month: The first month of the delinquency.
        began: The earliest date of first delinquency among its months. Where no month names
            one that fits the first month, the first day of the first month.
        ended: The date on which nothing was past due any more: the close date, or the first
            day of the first month that is no longer adverse; 0 if it has not ended.
        cured: The first day of the month after which the account is adverse no longer: it is
            current again, or, unless it was written off, paid; 0 if there is none.
        written_off: True if the account was charged off or placed for collection.
    """

    months: tuple[int, ...]
    first_month: int
    began: int
    ended: int
    cured: int
    written_off: bool


def may_be_delinquent(
    history: PaymentHistory, status: int, months: Callable[[], Iterable[int]]
) -> bool:
    """Return True if the months of an account may hold a delinquency.

    Args:
        status: AccountStatus of the newest month.
        months: Returns every month that is reported; a full history may lack the oldest.
    """
    profile, newest = history.profile, history.newest_month
    if status in SETTLED or not DELINQUENT.isdisjoint(profile):
        return True
    is_full = len(profile) == MAX_MONTHS
    return is_full and any(months_between(month, newest) >= MAX_MONTHS for month in months())


def delinquencies_of(months: Iterable[ReportedMonth]) -> tuple[Delinquency, ...]:
    """Return the delinquencies of an account, oldest first."""
    runs: list[list[ReportedMonth]] = []
    unbroken = False
    for reported in sorted(months):
        if reported.is_deleted and not reported.is_late:
            continue
        if not unbroken and reported.is_late:
            runs.append([])
            unbroken = True
        if unbroken:
            runs[-1].append(reported)
        unbroken = unbroken and reported.status != CURRENT
    return tuple(_delinquency(run) for run in runs if any(map(_is_on_file, run)))


def delinquency_in(month: int, delinquencies: Sequence[Delinquency]) -> Delinquency | None:
    """Return the delinquency that an adverse or settled month belongs to."""
    return next((each for each in reversed(delinquencies) if each.first_month <= month), None)


def _is_on_file(reported: ReportedMonth) -> bool:
    """Return True if a month is late, and was not deleted."""
    return reported.is_late and not reported.is_deleted


def _delinquency(run: Sequence[ReportedMonth]) -> Delinquency:
    """Return the delinquency of a run of months, which a current month may end."""
    first, began, adverse, written_off = run[0].month, 0, [], False
    for reported in run:
        dated = reported.first_delinquency_date
        if dated and reported.status != CURRENT and 0 < dated // 100 <= first:
            began = min(began or dated, dated)
        if reported.is_deleted:
            continue
        if reported.status in ADVERSE:
            adverse.append(reported.month)
        written_off = written_off or reported.status in WRITTEN_OFF
    last, ended, cured = adverse[-1] if adverse else 0, 0, 0
    for reported in run:
        if reported.is_deleted or reported.month <= last or reported.status not in ENDING:
            continue
        end = _end(reported, last)
        ended = min(ended or end, end)
        is_cure = reported.status == CURRENT
        if is_cure or (reported.status == PAID_OR_CLOSED and not written_off):
            cured = cured or _first_day(reported.month)
    return Delinquency(tuple(adverse), first, began or _first_day(first), ended, cured, written_off)


def _end(reported: ReportedMonth, last: int) -> int:
    """Return the end of a delinquency by a month after its last adverse month.

    A close date in the last adverse month or before it is not the end: the debt was still owed.
    """
    if last < reported.close_date // 100 <= reported.month:
        return reported.close_date
    return _first_day(reported.month)


def _first_day(month: int) -> int:
    return month * 100 + 1
