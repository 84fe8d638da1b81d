"""The open accounts that no furnisher reports any more. Pure.

An open account is reported each month. Where that has stopped, its newest month says what was,
not what is: reports mark the account and leave it out of every figure of the present.
"""

from __future__ import annotations

from bureau.calendar import month_of, months_between
from bureau.credit_file.facility_state import is_open
from bureau.credit_file.filed import FiledTradeline
from bureau.policy import Policy
from creditbureau.v1.report_pb2 import (
    STALE_REASON_FURNISHER_LEFT,
    STALE_REASON_NOT_REPORTED,
    STALE_REASON_UNSPECIFIED,
)


def stale_reason(line: FiledTradeline, policy: Policy, now_us: int) -> int:
    """Return the StaleReason of an account; UNSPECIFIED for one that is reported, or has ended."""
    if policy.stale_months is None or not is_open(line):
        return STALE_REASON_UNSPECIFIED
    if not line.may_furnish:
        return STALE_REASON_FURNISHER_LEFT
    months = months_between(line.snapshot.month, month_of(now_us))
    if months > policy.stale_months:
        return STALE_REASON_NOT_REPORTED
    return STALE_REASON_UNSPECIFIED
