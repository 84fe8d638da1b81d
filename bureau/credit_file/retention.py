"""Retention: remove entries that the policy no longer lets reports show. Pure.

The subject still sees these entries, and the log still proves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from bureau.calendar import add_months, day_of, months_between
from bureau.credit_file.delinquencies import Delinquency
from bureau.credit_file.facility_state import action_date, current_freeze
from bureau.credit_file.filed import FiledAction, FiledTradeline
from bureau.policy import Policy, Retention
from bureau_keys.payment_profile import NO_DATA
from creditbureau.v1.report_pb2 import PaymentHistory

# The end of a delinquency that has not ended.
OPEN_END = 99991231


def retained(
    lines: Iterable[FiledTradeline], policy: Policy, now_us: int
) -> Iterator[FiledTradeline]:
    """Yield the tradelines that may still be reported, without months and actions that may not.

    The months of one delinquency expire together, and the actions of its time with them. The
    account leaves too, unless it was cured.
    """
    today = day_of(now_us)
    for line in lines:
        obsolete = [each for each in line.delinquencies if _is_obsolete(each, policy, today)]
        if any(not _is_cured(each, policy) for each in obsolete):
            continue
        months = {month for each in obsolete for month in each.months}
        history = _without(line.history, months) if months else line.history
        actions = [
            action for action in line.actions if _may_show(action, line, obsolete, policy, today)
        ]
        if history is line.history and len(actions) == len(line.actions):
            yield line
        else:
            yield line._replace(history=history, actions=actions)


def _rule_of(delinquency: Delinquency, policy: Policy) -> Retention:
    written_off = delinquency.written_off
    return policy.retention["collection_or_charge_off" if written_off else "delinquency"]


def _anchor_of(delinquency: Delinquency, rule: Retention) -> int:
    """Return the date that the retention of a delinquency counts from; 0 if it has not come."""
    return delinquency.ended if rule.anchor == "end_of_event" else delinquency.began


def _is_obsolete(delinquency: Delinquency, policy: Policy, today: date) -> bool:
    """Return True if a delinquency is too old to be reported."""
    rule = _rule_of(delinquency, policy)
    anchor = _anchor_of(delinquency, rule)
    return bool(anchor) and not rule.covers(anchor, today)


def _is_cured(delinquency: Delinquency, policy: Policy) -> bool:
    """Return True if the account may be reported though its delinquency is obsolete.

    An account that was written off must have been current again before that: an obsolete
    charge-off does not return by a cure.
    """
    if not (delinquency.cured and delinquency.written_off):
        return bool(delinquency.cured)
    rule = _rule_of(delinquency, policy)
    return rule.covers(_anchor_of(delinquency, rule), add_months(delinquency.cured, 0))


def _may_show(
    filed: FiledAction,
    line: FiledTradeline,
    obsolete: list[Delinquency],
    policy: Policy,
    today: date,
) -> bool:
    """Return True if an action may be reported; the freeze in force and the sale always may."""
    if filed is current_freeze(line) or (line.sale and filed is line.sale.action):
        return True
    effective = action_date(filed)
    for delinquency in line.delinquencies:
        if delinquency.began <= effective < (delinquency.ended or OPEN_END):
            return delinquency not in obsolete
    return policy.retention["delinquency"].covers(effective, today)


def _without(history: PaymentHistory, months: set[int]) -> PaymentHistory:
    """Return a history in which these months have no data and nothing past due."""
    blanked = PaymentHistory()
    blanked.CopyFrom(history)
    profile = list(history.profile)
    for month in months:
        age = months_between(month, history.newest_month)
        if age < len(profile):
            profile[age] = NO_DATA
            blanked.amount_past_due_minor[age] = 0
    blanked.profile = "".join(profile)
    return blanked
