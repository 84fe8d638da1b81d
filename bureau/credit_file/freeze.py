"""The rule of security freezes: the inquiries that a freeze stops, and the members that it exempts.

A freeze exempts the holders of accounts, not purposes: a lender reviews the account that it has
open, and a creditor collects the debt that it is owed (15 U.S.C. 1681c-1(i)(4)(A)). The purposes
are data (`bureau/data/policy`). The rule is the same for an inquiry, a portfolio, an alert, a
replay and a retry.
"""

from __future__ import annotations

from collections.abc import Sequence

from bureau.credit_file.facility_state import is_open
from bureau.credit_file.filed import FiledTradeline
from bureau.credit_file.own_entries import read_holds, read_withdrawing
from bureau.credit_file.reader import tradelines_of
from bureau.credit_file.sales import link_sales, was_sold
from bureau.credit_file.staleness import stale_reason
from bureau.credit_file.subject_state import is_frozen_for, withdrawn_by_dispute
from bureau.errors import Refusal
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.liability import owes_nothing


def people_on_hold(db: Connection, subject_ids: Sequence[str], now_us: int) -> set[str]:
    """Return the people with a hold that has not ended: a freeze stops inquiries about no other."""
    return {row[0] for row in db.all_in(q.people_on_hold, subject_ids, now_us=now_us)}


def check_freeze(
    db: Connection,
    policy: Policy,
    subject_id: str,
    member_id: str,
    purpose: int,
    now_us: int,
    *,
    lock: bool = False,
) -> None:
    """Raise HOLD if a security freeze stops a member's inquiry.

    The refusal says nothing about accounts. See `is_stopped` for the arguments.
    """
    if is_stopped(db, policy, subject_id, member_id, purpose, now_us, lock=lock):
        raise Refusal("HOLD", "the subject has frozen the file")


def is_stopped(
    db: Connection,
    policy: Policy,
    subject_id: str,
    member_id: str,
    purpose: int,
    now_us: int,
    *,
    lock: bool = False,
) -> bool:
    """Return True if a security freeze stops a member's inquiry for a purpose.

    Args:
        lock: Lock the accounts that exempt the member, so that what commits before this
            transaction is what the check reads. A snapshot takes no locks.
    """
    freeze = policy.freeze
    if purpose in freeze.exempt:
        return False
    if not is_frozen_for(read_holds(db, subject_id, now_us), member_id, now_us):
        return False
    must_be_open = purpose in freeze.with_open_account
    if not must_be_open and purpose not in freeze.with_account:
        return True
    if lock:
        db.lock(q.share_tradelines_of_holder, subject_id=subject_id, member_id=member_id)
    accounts = accounts_held(db, policy, subject_id, member_id, now_us)
    if must_be_open:
        accounts = [line for line in accounts if _is_active(line, policy, now_us)]
    return not accounts


def accounts_held(
    db: Connection, policy: Policy, subject_id: str, member_id: str, now_us: int
) -> list[FiledTradeline]:
    """Read the accounts of a person that a member holds: its own, and those of its group.

    The buyer of a debt holds the account that it furnishes itself, and the seller holds it no
    more. A deleted account is not on file, and neither is one that a dispute withdrew. The person
    is on the account now, in a role that owes or guarantees its debt.
    """
    rows = db.all(q.tradelines_of_holder, subject_id=subject_id, member_id=member_id)
    if not rows:
        return []
    withdrawn = withdrawn_by_dispute(read_withdrawing(db, subject_id, policy, now_us), policy)
    lines = [line for line in tradelines_of(db, rows) if line]
    if any(map(was_sold, lines)):
        # Another member's line may say that the account came back.
        own = {line.tradeline_id for line in lines}
        whole = tradelines_of(db, db.all_in(q.file_tradelines, [subject_id]))
        file = link_sales(line for line in whole if line)
        lines = [line for line in file if line.tradeline_id in own]
    return [
        line
        for line in lines
        if line.tradeline_id not in withdrawn
        and not (line.sale or line.left or owes_nothing(line.role))
    ]


def _is_active(line: FiledTradeline, policy: Policy, now_us: int) -> bool:
    """Return True if an account is open and reported: the law names "the active account"."""
    return is_open(line) and not stale_reason(line, policy, now_us)
