"""Tell that a month of an account is worth no alert, from the account alone. Pure.

Most months are as good as the month before them: for these no file has to be read.
"""

from __future__ import annotations

from typing import NamedTuple

from bureau.calendar import month_of, months_between
from bureau.codes import CodeSet
from bureau.credit_file.alerts import is_jump
from bureau.credit_file.delinquencies import CURRENT, LATE
from bureau.credit_file.facility_state import LINES, is_commented_frozen
from bureau.credit_file.furnished_month import MAX_MONTHS
from bureau.credit_file.history import ACTION, DELETION, PEOPLE_CHANGED
from bureau.policy import Policy
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

# What makes a tradeline of more than the snapshots of its months.
BEYOND_SNAPSHOTS = CodeSet.of([DELETION, ACTION, PEOPLE_CHANGED])


class AccountMonth(NamedTuple):
    """An account as of its newest month.

    Attributes:
        marks: The marks of its records (`history.py`).
        history: A serialised PaymentHistory.
        snapshot: The effective snapshot of the newest month.
    """

    marks: int
    history: bytes
    snapshot: TradelineSnapshot


def is_routine(before: AccountMonth, after: AccountMonth, policy: Policy, now_us: int) -> bool:
    """Return True if one more month is worth no alert about anybody on an account, whatever else
    is on file but a sale.

    The month before is current, and nothing is late in this one, so that every delinquency is
    what it was, and with it what retention leaves out.
    """
    past, present = before.snapshot, after.snapshot
    return (
        not after.marks & BEYOND_SNAPSHOTS
        and past.status == CURRENT
        and present.status not in LATE
        and past.parties == present.parties
        and is_commented_frozen(past) == is_commented_frozen(present)
        and not is_jump(past, present)
        and (present.portfolio_type not in LINES or _was_lent_on(past, present, policy, now_us))
        and _is_next_month(before.history, after.history)
    )


def _was_lent_on(
    past: TradelineSnapshot, present: TradelineSnapshot, policy: Policy, now_us: int
) -> bool:
    """Return True if a line was lent on before, unless its furnisher left: a line that goes on
    diverges from no more lines than before.
    """
    is_stale = (
        policy.stale_months is not None
        and months_between(past.month, month_of(now_us)) > policy.stale_months
    )
    return past.portfolio_type == present.portfolio_type and not (past.close_date or is_stale)


def _is_next_month(before: bytes, after: bytes) -> bool:
    """Return True if a history goes on from another by one month."""
    past, present = PaymentHistory.FromString(before), PaymentHistory.FromString(after)
    return (
        months_between(past.newest_month, present.newest_month) == 1
        and present.profile[1:] == past.profile[: MAX_MONTHS - 1]
    )
