"""The records on an account on file that need no new consent to furnish. Pure.

A furnisher corrects what is wrong, closes an account and answers a dispute, whether or not the
person still lets it furnish: 15 U.S.C. 1681s-2(a)(2), (b)(1)(E); 征信业管理条例, articles 23, 25.
Such a record adds no person and makes nothing worse (`is_worse`); what is worse and true needs a
consent, and what is wrong can always be deleted. But a deletion opens nothing: a month is added
only after the newest month that was ever furnished, and only while that one is on file. Which of
the rules hold is data (`bureau/data/policy`, `[correction]`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from bureau.credit_file.delinquencies import SETTLED, WRITTEN_OFF
from bureau.credit_file.facility_state import (
    CHARGED_OFF_OR_IN_COLLECTION,
    ENDED,
    ENDING,
    RESTORE,
)
from bureau.credit_file.history import CORRECTION, DELINQUENT, SEVERITY
from bureau_keys.collateral import is_secured
from bureau_keys.liability import owes, owes_nothing
from bureau_keys.payment_profile import character_of
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot

# Each field of a snapshot is in one of these groups, or has a rule of its own (`is_worse`).
# What the account is: no other account takes its place.
SAME = ("portfolio_type", "account_type", "currency", "original_creditor")
# Numbers of which more is worse for the person: amounts owed, and a later opening.
MORE_IS_WORSE = (
    "balance_minor",
    "amount_due_minor",
    "amount_past_due_minor",
    "days_past_due",
    "payments_missed",
    "charge_off_amount_minor",
    "original_amount_minor",
    "restructured",
    "open_date",
)
# Nothing that a figure of a report takes for worse.
FREE = (
    "term_months",
    "interest_rate_ppm",
    "last_payment_date",
    "compliance_condition",
    "application_ref",
    "raw_codes",
)
OWN_RULE = (
    *("month", "parties", "status", "payment_rating", "credit_limit_minor", "classification"),
    *("close_date", "close_reason", "first_delinquency_date", "amount_paid_minor"),
    *("special_comment", "secured"),
)
NORMAL = codes_pb2.CLASSIFICATION_NORMAL
# The status before the one that says that the debt was paid.
UNPAID = {
    codes_pb2.ACCOUNT_STATUS_PAID_SURRENDER: codes_pb2.ACCOUNT_STATUS_SURRENDER,
    codes_pb2.ACCOUNT_STATUS_PAID_COLLECTION: codes_pb2.ACCOUNT_STATUS_COLLECTION,
    codes_pb2.ACCOUNT_STATUS_PAID_REPOSSESSION: codes_pb2.ACCOUNT_STATUS_REPOSSESSION,
    codes_pb2.ACCOUNT_STATUS_PAID_CHARGE_OFF: codes_pb2.ACCOUNT_STATUS_CHARGE_OFF,
    codes_pb2.ACCOUNT_STATUS_PAID_FORECLOSURE_STARTED: codes_pb2.ACCOUNT_STATUS_FORECLOSURE,
}
# Reasons of closing that say something against the person.
ADVERSE_CLOSE_REASONS = frozenset(
    {codes_pb2.CLOSE_REASON_CHARGED_OFF, codes_pb2.CLOSE_REASON_BY_GRANTOR}
)


class FurnishedSnapshot(NamedTuple):
    """A snapshot that some of its people let the member furnish and others do not.

    Attributes:
        kind: ORIGINAL or CORRECTION.
        newest: The effective snapshot of the account's newest month on file.
        replaced: The effective snapshot of the same month; None if the month is not on file.
        months: Every month that was ever furnished, deleted ones too.
        moves_delinquency: Returns True if with this snapshot a delinquency of another month
            begins later than before, and so is reported for longer.
        disputed: Reads the months about which a dispute of the account waits for an answer.
        consenting: The people who let the member furnish the account.
    """

    kind: int
    snapshot: TradelineSnapshot
    newest: TradelineSnapshot
    replaced: TradelineSnapshot | None
    months: AbstractSet[int]
    moves_delinquency: Callable[[], bool]
    disputed: Callable[[], AbstractSet[int]]
    consenting: AbstractSet[str]

    @property
    def is_next(self) -> bool:
        """True after the newest month that was ever furnished, if that month is on file."""
        return self.snapshot.month > self.newest.month == max(self.months)


def is_correction(furnished: FurnishedSnapshot) -> bool:
    """Return True if a correction replaces a month on file by nothing worse."""
    replaced = furnished.replaced
    return (
        furnished.kind == CORRECTION
        and replaced is not None
        and _is_no_worse(furnished.snapshot, replaced)
        and furnished.snapshot.amount_paid_minor >= replaced.amount_paid_minor
        and not furnished.moves_delinquency()
    )


def is_closure(furnished: FurnishedSnapshot) -> bool:
    """Return True if the next month closes the account, and nothing is worse than before.

    An account is closed once, so no further month follows without a consent.
    """
    snapshot, newest = furnished.snapshot, furnished.newest
    return (
        furnished.is_next
        and _has_ended(snapshot)
        and not _has_ended(newest)
        and _is_no_worse(snapshot, newest)
    )


def is_payment_in_full(furnished: FurnishedSnapshot) -> bool:
    """Return True if the next month pays all that the newest month on file owes."""
    snapshot, newest = furnished.snapshot, furnished.newest
    return (
        furnished.is_next
        and snapshot.status in ENDED
        and not _owes(snapshot)
        and (_owes(newest) or not _has_ended(newest))
        and _is_no_worse(snapshot, newest)
    )


def is_dispute_answer(furnished: FurnishedSnapshot) -> bool:
    """Return True if a correction fills a month that was never furnished and that an open
    dispute asks for, with nothing late. A disputed month on file is corrected like any other.

    An older month may show more owed than the newest one; a newer one may not.
    """
    snapshot, newest = furnished.snapshot, furnished.newest
    is_older = snapshot.month < newest.month == max(furnished.months)
    return (
        furnished.kind == CORRECTION
        and snapshot.month not in furnished.months
        and (furnished.is_next or is_older)
        and not (_severity(snapshot) or snapshot.status in SETTLED)
        and _adds_no_person(snapshot, newest)
        and (_is_same(snapshot, newest) if is_older else not is_worse(snapshot, newest))
        and snapshot.month in furnished.disputed()
        and not furnished.moves_delinquency()
    )


def is_joint_account(furnished: FurnishedSnapshot) -> bool:
    """Return True if one holder of a joint account lets the member furnish it, and all who do
    not held it already, in the same role: in the month that is corrected, or before the next one.

    One holder's revocation does not end the history of the others.
    """
    before = furnished.replaced or (furnished.newest if furnished.is_next else None)
    if before is None:
        return False
    holders, consenting = _holders(before), furnished.consenting
    now = _holders(furnished.snapshot)
    others = {
        party.subject_id: party.role
        for party in furnished.snapshot.parties
        if party.subject_id not in consenting
    }
    return bool(holders.keys() & now.keys() & consenting) and others.items() <= holders.items()


# By the names of `bureau.policy.WITHOUT_CONSENT`.
RULES: dict[str, Callable[[FurnishedSnapshot], bool]] = {
    "correction": is_correction,
    "closure": is_closure,
    "payment_in_full": is_payment_in_full,
    "dispute_answer": is_dispute_answer,
    "joint_account": is_joint_account,
}


def needs_no_consent(rules: Collection[str], furnished: FurnishedSnapshot) -> bool:
    """Return True if a rule in force lets a member furnish a snapshot without a consent."""
    return any(RULES[name](furnished) for name in rules)


def action_needs_no_consent(
    rules: Collection[str], kind: int, newest: TradelineSnapshot, consenting: AbstractSet[str]
) -> bool:
    """Return True if a rule in force lets a member furnish a facility action without a consent.

    CLOSE and TRANSFER close the member's account; RESTORE corrects a freeze that is over.

    Args:
        kind: FacilityActionKind.
        newest: The effective snapshot of the account's newest month on file.
        consenting: The people who let the member furnish the account.
    """
    if (kind in ENDING and "closure" in rules) or (kind == RESTORE and "correction" in rules):
        return True
    holders = _holders(newest).keys()
    named = {party.subject_id for party in newest.parties}
    return "joint_account" in rules and bool(holders & consenting) and named - consenting <= holders


def is_worse(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if a snapshot is worse for the people on an account than the one before.

    Worse is: later in paying, lost or settled otherwise than before, more owed or past due, a lower
    limit, a weaker classification, restructured, open again, another comment or an adverse reason
    of its closing, a later opening, another kind of account, or a first delinquency where nothing
    was late, or one that is later or gone and so is reported for longer.
    """
    return (
        not _is_same(snapshot, before)
        or _severity(snapshot) > _severity(before)
        or _is_lost(snapshot, before)
        or any(_positive(snapshot, name) > _positive(before, name) for name in MORE_IS_WORSE)
        or max(snapshot.classification, NORMAL) > max(before.classification, NORMAL)
        or (_has_ended(before) and not _has_ended(snapshot))
        or snapshot.special_comment not in {"", before.special_comment}
        or (
            snapshot.close_reason in ADVERSE_CLOSE_REASONS
            and snapshot.close_reason != before.close_reason
        )
        or is_secured(before) > is_secured(snapshot)
        or _has_lower_limit(snapshot, before)
        or _is_reported_longer(snapshot, before)
    )


def _is_no_worse(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if a snapshot adds no person, and is not worse than the one before."""
    return _adds_no_person(snapshot, before) and not is_worse(snapshot, before)


def _adds_no_person(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if a snapshot names only people of the one before, none of whom owes more."""
    roles = {party.subject_id: party.role for party in before.parties}
    return all(
        party.subject_id in roles
        and (party.role == roles[party.subject_id] or owes_nothing(party.role))
        for party in snapshot.parties
    )


def _is_same(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if both are of one kind of account and one creditor."""
    return all(getattr(snapshot, name) == getattr(before, name) for name in SAME)


def _is_lost(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if a status says that the debt was lost, or settled after a loss, and the one
    before did not.
    """
    status, past = snapshot.status, before.status
    return any(
        status in group and past not in group
        for group in (CHARGED_OFF_OR_IN_COLLECTION - WRITTEN_OFF, WRITTEN_OFF)
    ) or (status in SETTLED and past not in {status, UNPAID[status]})


def _positive(snapshot: TradelineSnapshot, name: str) -> int:
    """Return a number of a snapshot; 0 for a negative balance, which the lender owes."""
    number: int = getattr(snapshot, name)
    return max(number, 0)


def _severity(snapshot: TradelineSnapshot) -> int:
    """Return the rank of the worst payment character of a month; 0 if nothing is late."""
    characters = {character_of(snapshot), snapshot.payment_rating} & DELINQUENT
    return max(map(SEVERITY.index, characters), default=0)


def _has_ended(snapshot: TradelineSnapshot) -> bool:
    return bool(snapshot.close_date) or snapshot.status in ENDED


def _owes(snapshot: TradelineSnapshot) -> bool:
    return snapshot.balance_minor > 0 or snapshot.amount_past_due_minor > 0


def _has_lower_limit(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if more of an open line is used because its limit is lower or gone."""
    limit = before.credit_limit_minor
    return not _has_ended(snapshot) and snapshot.credit_limit_minor < limit


def _is_reported_longer(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if the first delinquency, from which retention counts, is later or gone, or
    is named where nothing is late.
    """
    present, past = snapshot.first_delinquency_date, before.first_delinquency_date
    is_late = _severity(snapshot) > 0 or snapshot.status in SETTLED
    if not past:
        return bool(present) and not is_late
    return present > past or (not present and is_late)


def _holders(snapshot: TradelineSnapshot) -> dict[str, int]:
    """Return the role of each person who owes the account with others."""
    return {party.subject_id: party.role for party in snapshot.parties if owes(party.role)}
