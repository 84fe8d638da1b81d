"""Retention as version 2026-11 of reports had it: retired, kept for the replay of its reports.

The newest month's status and dates decided on the whole account, and months expired one by one
where they counted from themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from bureau.calendar import day_of, month_before, months_between
from bureau.credit_file.facility_state import action_date, current_freeze
from bureau.credit_file.filed import FiledAction, FiledTradeline
from bureau.credit_file.history import DELINQUENT
from bureau.policy import Policy, Retention
from bureau_keys.payment_profile import NO_DATA
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
    """Yield the tradelines that may still be reported, without months and actions that may not.

    A tradeline whose newest month may not be reported is left out, unless it was written off: a
    written-off account has a retention of its own.
    """
    today = day_of(now_us)
    rule = policy.retention["delinquency"]
    for line in lines:
        written_off = line.snapshot.status in WRITTEN_OFF
        if written_off and is_obsolete(line, policy.retention["collection_or_charge_off"], today):
            continue
        faded = _faded(line.history, rule, today, since=1 if written_off else 0)
        actions = [action for action in line.actions if not _is_past(action, line, rule, today)]
        if faded is line.history and len(actions) == len(line.actions):
            yield line
        elif faded.profile[0] == line.history.profile[0]:
            yield line._replace(history=faded, actions=actions)


def is_obsolete(line: FiledTradeline, rule: Retention, today: date) -> bool:
    """Return True if a written-off account is too old to be reported."""
    began = rule.anchor == "first_delinquency"
    anchor = _first_delinquency(line) if began else _end_of_event(line)
    return bool(anchor) and not rule.covers(anchor, today)


def _first_delinquency(line: FiledTradeline) -> int:
    """Return the date of the first delinquency.

    If the furnisher does not say, the first day of the first delinquent month.
    """
    if line.snapshot.first_delinquency_date:
        return line.snapshot.first_delinquency_date
    profile = line.history.profile
    age = max((age for age, action in enumerate(profile) if action in DELINQUENT), default=0)
    return _first_of(line.history, age)


def _end_of_event(line: FiledTradeline) -> int:
    """Return the date on which the delinquency ended; 0 if it has not.

    If the furnisher does not say, the first day of the first month after it.
    """
    profile = line.history.profile
    if profile[0] in DELINQUENT:
        return 0
    since = next((age for age, action in enumerate(profile) if action in DELINQUENT), len(profile))
    paid = max((age for age in range(since) if profile[age] != NO_DATA), default=0)
    return line.snapshot.close_date or _first_of(line.history, paid)


def _first_of(history: PaymentHistory, age: int) -> int:
    """Return the first day (yyyymmdd) of a month of a history."""
    return month_before(history.newest_month, age) * 100 + 1


def _is_past(filed: FiledAction, line: FiledTradeline, rule: Retention, today: date) -> bool:
    """Return True if an action is too old to be reported; the freeze in force never is."""
    return filed is not current_freeze(line) and not rule.covers(action_date(filed), today)


def _faded(history: PaymentHistory, rule: Retention, today: date, since: int) -> PaymentHistory:
    """Blank the delinquent months, from an age on, that are too old to be reported."""
    this_month = today.year * 100 + today.month
    oldest = months_between(history.newest_month, this_month)
    if oldest + len(history.profile) <= rule.months:
        return history
    too_old, ended = [], 0
    for age, character in enumerate(history.profile):
        if character not in DELINQUENT:
            ended = ended if character == NO_DATA else age
            continue
        # Counted from the month itself, or from the end of its run of delinquent months.
        anchor = ended if rule.anchor == "end_of_event" else age
        if age >= since and not rule.covers(_first_of(history, anchor), today):
            too_old.append(age)
    if not too_old:
        return history
    faded = PaymentHistory()
    faded.CopyFrom(history)
    profile = list(history.profile)
    for age in too_old:
        profile[age] = NO_DATA
        faded.amount_past_due_minor[age] = 0
    faded.profile = "".join(profile)
    return faded
