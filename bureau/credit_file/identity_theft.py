"""The records of an account that is blocked for identity theft: no member sells it or places it for
collection (15 U.S.C. 1681m(f)(1)). The buyer of the debt may return it to the seller (paragraph
(3)(A)). Its other records are stored, and no report shows them.
"""

from __future__ import annotations

from collections.abc import Iterator

from bureau import field_rules
from bureau.credit_file.accounts import AccountBatch, Breach
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.history import ACTION, DELETION, ORIGINAL, TrailEntry, people_of
from bureau.credit_file.own_entries import thefts_of
from bureau.credit_file.sale_dates import sales_to
from bureau.credit_file.stored_records import record_of
from bureau.credit_file.subject_state import DELETING, is_blocking
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import FACILITY_ACTION_KIND_TRANSFER

SOLD_OR_PLACED = frozenset(
    {codes_pb2.ACCOUNT_STATUS_TRANSFERRED, codes_pb2.ACCOUNT_STATUS_COLLECTION}
)


def refuse_sales(tx: Transaction, policy: Policy, booking: AccountBatch) -> None:
    """Check that no record sells a blocked account or places it for collection.

    Raises:
        Refusal: WRONG_STATE.
    """
    if not policy.theft_documents:
        return
    if breaches := list(_sales(tx, policy, booking)):
        raise field_rules.refusal(breaches)


def _sales(tx: Transaction, policy: Policy, booking: AccountBatch) -> Iterator[Breach]:
    """Yield the records that sell or place a blocked account."""
    blocked: dict[str, bool] = {}
    for line in booking.lines:
        ref = line.account_ref
        if ref in booking.opened or not (field := _selling_field(line)):
            continue
        if ref not in blocked:
            blocked[ref] = _is_blocked(tx, policy, booking, ref)
        if blocked[ref] and not (_is_known(tx, booking, line) or _is_return(tx, booking, line)):
            message = (
                "the account is blocked for identity theft, and is neither sold nor placed for"
                " collection: answer the dispute, or certify what the answer deleted, first"
            )
            yield field_rules.violation(
                f"records[{line.record_index}].{field}", "WRONG_STATE", message
            )


def _is_blocked(tx: Transaction, policy: Policy, booking: AccountBatch, ref: str) -> bool:
    """Return True if a person on an account blocks it, or its furnisher confirmed the theft and
    has restored nothing of the account since.
    """
    is_gone = not booking.accounts[ref].newest[0]
    return any(
        is_blocking(dispute) or (is_gone and dispute.outcome in DELETING)
        for dispute in thefts_of(tx.db, booking.names[ref], policy, tx.now_us)
    )


def _selling_field(line: BatchRecord) -> str:
    """Return the field by which a record sells or places its account; empty if none does."""
    if line.kind == ACTION:
        sells = line.record.action.kind == FACILITY_ACTION_KIND_TRANSFER
        return "action.kind" if sells else ""
    return "snapshot.status" if _is_sale(line) else ""


def _is_sale(line: BatchRecord) -> bool:
    return line.kind < DELETION and line.snapshot.status in SOLD_OR_PLACED


def _is_return(tx: Transaction, booking: AccountBatch, line: BatchRecord) -> bool:
    """Return True if a TRANSFER names the member that sold the account to this one, or the
    account itself: its furnisher takes a sale back.
    """
    action = line.record.action
    refs = {line.account_ref, line.record.account_ref}
    if line.kind != ACTION:
        return False
    if action.new_member_id == booking.member_id:
        return action.new_account_ref in refs
    people = people_of(booking.accounts[line.account_ref].people)
    return any(
        seller == action.new_member_id and sale.new_account_ref in refs
        for _, seller, sale in sales_to(tx.db, booking.member_id, people)
    )


def _is_known(tx: Transaction, booking: AccountBatch, line: BatchRecord) -> bool:
    """Return True if the newest month on file has the status of a snapshot already."""
    account = booking.accounts[line.account_ref]
    if line.kind == ACTION or not account.newest[0]:
        return False
    newest, _ = record_of(tx.db, TrailEntry(*account.newest, ORIGINAL, 0))
    return newest.snapshot.status == line.snapshot.status
