"""The records on an account on file that need no new consent to furnish. Pure.

A furnisher corrects what is wrong, closes an account and answers a dispute, whether or not the
person still lets it furnish: 15 U.S.C. 1681s-2(a)(2), (b)(1)(E); 征信业管理条例, articles 23, 25.
Such a record adds no person and makes nothing worse (`is_worse`); what is worse and true needs a
consent, and what is wrong can always be deleted. Which of the rules hold is data
(`bureau/data/policy`, `[correction]`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from bureau.credit_file.facility_state import ENDED, ENDING, FROZEN_COMMENTS, RESTORE
from bureau.credit_file.history import CORRECTION, DELINQUENT, SEVERITY
from bureau_keys.payment_profile import character_of
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot

# Numbers of which more is worse for the person.
MORE_IS_WORSE = (
    "balance_minor",
    "amount_past_due_minor",
    "days_past_due",
    "payments_missed",
    "charge_off_amount_minor",
    "restructured",
)
NORMAL = codes_pb2.CLASSIFICATION_NORMAL
# Roles of those who owe an account together: each reports it in the names of all
# (12 CFR 1002.10).
JOINT_HOLDERS = frozenset(
    {
        codes_pb2.PARTY_ROLE_INDIVIDUAL,
        codes_pb2.PARTY_ROLE_JOINT,
        codes_pb2.PARTY_ROLE_MAKER,
        codes_pb2.PARTY_ROLE_BUSINESS,
    }
)
# Roles of those who owe nothing, and have no contract with the lender.
OWING_NOTHING = frozenset(
    {
        codes_pb2.PARTY_ROLE_AUTHORISED_USER,
        codes_pb2.PARTY_ROLE_TERMINATED,
        codes_pb2.PARTY_ROLE_DECEASED,
    }
)


class FurnishedSnapshot(NamedTuple):
    """A snapshot that some of its people let the member furnish and others do not.

    Attributes:
        kind: ORIGINAL or CORRECTION.
        newest: The effective snapshot of the account's newest month on file.
        replaced: The effective snapshot of the same month; None if the month is not on file.
        disputed: Reads the months about which a dispute of the account waits for an answer.
        consenting: The people who let the member furnish the account.
    """

    kind: int
    snapshot: TradelineSnapshot
    newest: TradelineSnapshot
    replaced: TradelineSnapshot | None
    disputed: Callable[[], AbstractSet[int]]
    consenting: AbstractSet[str]


def is_correction(furnished: FurnishedSnapshot) -> bool:
    """Return True if a correction replaces a month on file by nothing worse."""
    replaced = furnished.replaced
    return (
        furnished.kind == CORRECTION
        and replaced is not None
        and _is_no_worse(furnished.snapshot, replaced)
    )


def is_closure(furnished: FurnishedSnapshot) -> bool:
    """Return True if a newer month closes the account, and nothing is worse than before.

    An account is closed once, so no further month follows without a consent.
    """
    snapshot, newest = furnished.snapshot, furnished.newest
    return (
        snapshot.month > newest.month
        and _has_ended(snapshot)
        and not _has_ended(newest)
        and _is_no_worse(snapshot, newest)
    )


def is_payment_in_full(furnished: FurnishedSnapshot) -> bool:
    """Return True if a newer month pays all that the newest month on file owes."""
    snapshot, newest = furnished.snapshot, furnished.newest
    return (
        snapshot.month > newest.month
        and snapshot.status in ENDED
        and not _owes(snapshot)
        and (_owes(newest) or not _has_ended(newest))
        and _is_no_worse(snapshot, newest)
    )


def is_dispute_answer(furnished: FurnishedSnapshot) -> bool:
    """Return True if a correction fills a month that is not on file and that an open dispute
    asks for, with nothing late. A disputed month on file is corrected like any other.

    An older month may show more owed than the newest one; a newer one may not.
    """
    snapshot, newest = furnished.snapshot, furnished.newest
    return (
        furnished.kind == CORRECTION
        and furnished.replaced is None
        and not _severity(snapshot)
        and _adds_no_person(snapshot, newest)
        and (snapshot.month < newest.month or not is_worse(snapshot, newest))
        and snapshot.month in furnished.disputed()
    )


def is_joint_account(furnished: FurnishedSnapshot) -> bool:
    """Return True if one holder of a joint account lets the member furnish it, and all who do
    not were holders of it before.

    One holder's revocation does not end the history of the others.
    """
    before, now = _holders(furnished.newest), _holders(furnished.snapshot)
    named = {party.subject_id for party in furnished.snapshot.parties}
    return bool(before & now & furnished.consenting) and named - furnished.consenting <= before


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
    holders = _holders(newest)
    named = {party.subject_id for party in newest.parties}
    return "joint_account" in rules and bool(holders & consenting) and named - consenting <= holders


def is_worse(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if a snapshot is worse for the people on an account than the one before.

    Worse is: later in paying, more owed or past due, a lower limit, a weaker classification,
    restructured, open again, frozen, or a first delinquency that is later or gone and so is
    reported for longer.
    """
    return (
        _severity(snapshot) > _severity(before)
        or any(_positive(snapshot, name) > _positive(before, name) for name in MORE_IS_WORSE)
        or max(snapshot.classification, NORMAL) > max(before.classification, NORMAL)
        or (_has_ended(before) and not _has_ended(snapshot))
        or _is_frozen(snapshot) > _is_frozen(before)
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
        and (party.role == roles[party.subject_id] or party.role in OWING_NOTHING)
        for party in snapshot.parties
    )


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


def _is_frozen(snapshot: TradelineSnapshot) -> bool:
    return snapshot.special_comment in FROZEN_COMMENTS


def _has_lower_limit(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if more of an open line is used because its limit is lower or gone."""
    limit = before.credit_limit_minor
    return not _has_ended(snapshot) and snapshot.credit_limit_minor < limit


def _is_reported_longer(snapshot: TradelineSnapshot, before: TradelineSnapshot) -> bool:
    """Return True if the first delinquency, from which retention counts, is later or gone."""
    present, past = snapshot.first_delinquency_date, before.first_delinquency_date
    return bool(past) and (present > past or (not present and _severity(snapshot) > 0))


def _holders(snapshot: TradelineSnapshot) -> set[str]:
    return {party.subject_id for party in snapshot.parties if party.role in JOINT_HOLDERS}
