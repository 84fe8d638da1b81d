"""What is too old to be reported, by the rules of the place. Pure.

The subject still sees it, and the log still proves it.
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
    """The tradelines that may still be reported, without the months and actions that may
    not. One whose newest month may not has nothing left to say, unless it was written
    off: that has a day of its own.
    """
    today = day_of(now_us)
    rule = policy.retention["delinquency"]
    for line in lines:
        written_off = line.snapshot.status in WRITTEN_OFF
        if written_off and is_obsolete(line, policy.retention["collection_or_charge_off"], today):
            continue
        faded = _faded(line.history, rule, today, since=1 if written_off else 0)
        actions = [at for at in line.actions if not _is_past(at, line, rule, today)]
        if faded is line.history and len(actions) == len(line.actions):
            yield line
        elif faded.profile[0] == line.history.profile[0]:
            yield line._replace(history=faded, actions=actions)


def is_obsolete(line: FiledTradeline, rule: Retention, today: date) -> bool:
    """Whether an account that was written off is too old to be reported."""
    began = rule.anchor == "first_delinquency"
    anchor = _first_delinquency(line) if began else _end_of_event(line)
    return bool(anchor) and not rule.covers(anchor, today)


def _first_delinquency(line: FiledTradeline) -> int:
    """When it began; where its furnisher does not say, not after its first bad month."""
    if line.snapshot.first_delinquency_date:
        return line.snapshot.first_delinquency_date
    profile = line.history.profile
    age = max((age for age, at in enumerate(profile) if at in DELINQUENT), default=0)
    return _first_of(line.history, age)


def _end_of_event(line: FiledTradeline) -> int:
    """When it ended; where its furnisher does not say, in the first month that says so.
    0 while it has not.
    """
    profile = line.history.profile
    if profile[0] in DELINQUENT:
        return 0
    since = next((age for age, at in enumerate(profile) if at in DELINQUENT), len(profile))
    paid = max((age for age in range(since) if profile[age] != NO_DATA), default=0)
    return line.snapshot.close_date or _first_of(line.history, paid)


def _first_of(history: PaymentHistory, age: int) -> int:
    """The first day of a month of a history, yyyymmdd."""
    return month_before(history.newest_month, age) * 100 + 1


def _is_past(filed: FiledAction, line: FiledTradeline, rule: Retention, today: date) -> bool:
    """Whether what a lender did is too old to be reported; a freeze that stands is not."""
    return filed is not current_freeze(line) and not rule.covers(action_date(filed), today)


def _faded(history: PaymentHistory, rule: Retention, today: date, since: int) -> PaymentHistory:
    """A history whose bad months from an age on, if too old, say nothing any more."""
    this_month = today.year * 100 + today.month
    oldest = months_between(history.newest_month, this_month)
    if oldest + len(history.profile) <= rule.months:
        return history
    too_old, ended = [], 0
    for age, character in enumerate(history.profile):
        if character not in DELINQUENT:
            ended = ended if character == NO_DATA else age
            continue
        # From the month itself, or from the end of the bad run that it is in.
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
