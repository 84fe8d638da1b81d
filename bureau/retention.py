"""What is too old to be reported, by the rules of the place. Pure.

The subject still sees it, and the log still proves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from bureau.credit_file import FiledTradeline
from bureau.history import DELINQUENT
from bureau.policy import Policy, Retention
from bureau_keys.payment_profile import NO_DATA, months_between
from creditbureau.v1 import codes_pb2
from creditbureau.v1.report_pb2 import PaymentHistory

WRITTEN_OFF = frozenset(
    {
        codes_pb2.ACCOUNT_STATUS_COLLECTION,
        codes_pb2.ACCOUNT_STATUS_CHARGE_OFF,
        codes_pb2.ACCOUNT_STATUS_PAID_COLLECTION,
        codes_pb2.ACCOUNT_STATUS_PAID_CHARGE_OFF,
    }
)


def retained(
    lines: Iterable[FiledTradeline], policy: Policy, now_us: int
) -> Iterator[FiledTradeline]:
    """The tradelines that may still be reported, without the months that may not. One
    whose newest month may not has nothing left to say, unless it was written off: that
    has a day of its own.
    """
    today = datetime.fromtimestamp(now_us / 1e6, UTC).date()
    for line in lines:
        written_off = line.snapshot.status in WRITTEN_OFF
        rule = policy.retention["collection_or_charge_off"]
        if written_off and is_obsolete(line, rule, today):
            continue
        since = 1 if written_off else 0
        faded = _faded(line.history, policy.retention["delinquency"], today, since)
        if faded is line.history:
            yield line
        elif faded.profile[0] == line.history.profile[0]:
            yield replace(line, history=faded)


def is_obsolete(line: FiledTradeline, rule: Retention, today: date) -> bool:
    """Whether an account that was written off is too old to be reported."""
    anchors = {
        "first_delinquency": line.snapshot.first_delinquency_date,
        "end_of_event": line.snapshot.close_date,
    }
    anchor = anchors.get(rule.anchor, 0)
    if not anchor and rule.anchor == "first_delinquency":
        # Its furnisher does not say when it began: not after its first bad month.
        anchor = _first_bad_month(line.history) * 100 + 1
    return bool(anchor) and ends_on(anchor, rule) <= today


def _first_bad_month(history: PaymentHistory) -> int:
    age = max(age for age, at in enumerate(history.profile) if at in DELINQUENT or age == 0)
    months = history.newest_month // 100 * 12 + history.newest_month % 100 - 1 - age
    return months // 12 * 100 + months % 12 + 1


def ends_on(yyyymmdd: int, rule: Retention) -> date:
    """The first day on which something may no longer be reported."""
    year, month, day = yyyymmdd // 10000, yyyymmdd // 100 % 100, yyyymmdd % 100
    months = year * 12 + month - 1 + rule.months
    # 29 February and the like: the last day that the month has.
    for last in (day, 30, 29, 28):
        try:
            end = date(months // 12, months % 12 + 1, last)
        except ValueError:
            continue
        return end + timedelta(days=rule.grace_days)
    raise AssertionError("every month has a 28th day")


def _faded(history: PaymentHistory, rule: Retention, today: date, since: int) -> PaymentHistory:
    """A history whose bad months from an age on, if too old, say nothing any more."""
    this_month = today.year * 100 + today.month
    oldest = months_between(history.newest_month, this_month)
    if oldest + len(history.profile) <= rule.months:
        return history
    ages = range(len(history.profile))
    bad = [history.profile[age] in DELINQUENT for age in ages]
    too_old = []
    ended = oldest
    for age in ages:
        if not bad[age]:
            ended = oldest + age
        # From the month itself, or from the end of the bad run that it is in.
        anchor = ended if rule.anchor == "end_of_event" else oldest + age
        if bad[age] and age >= since and anchor >= rule.months:
            too_old.append(age)
    if not too_old:
        return history
    faded = PaymentHistory()
    faded.CopyFrom(history)
    faded.profile = "".join(NO_DATA if age in too_old else history.profile[age] for age in ages)
    for age in too_old:
        faded.amount_past_due_minor[age] = 0
    return faded
