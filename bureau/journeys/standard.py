"""The consortium's standard of credit: published by the operator, read by all."""

from __future__ import annotations

from bureau import signed_statement
from bureau.codes import currencies
from bureau.context import Bureau, Caller
from bureau.errors import Refusal
from bureau.ledger.units import Transaction
from bureau.store import queries as q
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.standard_pb2 import StandardOfCredit


def publish(bureau: Bureau, caller: Caller, envelope: Envelope) -> Receipt:
    """Publish a standard, in force from its effective time on.

    Raises:
        Refusal: All of `verify_statement`; UNKNOWN_CURRENCY; INVALID_FIELD for
            bands that do not ascend; WRONG_STATE unless it is the next version.
    """
    caller.require_operator()
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, StandardOfCredit, kind="standard", signer=caller.signer
        )
    standard = opened.message
    if standard.currency not in currencies():
        raise Refusal.of_field("UNKNOWN_CURRENCY", "currency", "not an ISO 4217 currency")
    days = [band.min_days_past_due for band in standard.bands]
    if days != sorted(set(days)):
        raise Refusal.of_field("INVALID_FIELD", "bands", "must ascend in min_days_past_due")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        row = tx.db.one(q.newest_standard)
        newest = (row[0] if row else None) or 0
        if standard.version != newest + 1:
            raise Refusal.of_field("WRONG_STATE", "version", f"the next one is {newest + 1}")
        tx.db.execute(
            q.add_standard,
            version=standard.version,
            entry_key=tx.entry_key,
            effective_us=standard.effective_time.ToMicroseconds(),
        )

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)


def get(bureau: Bureau, version: int) -> tuple[Envelope, Receipt]:
    """Return a standard as the operator signed it; version 0 is the one in force.

    Raises:
        Refusal: NOT_FOUND.
    """
    with bureau.database.snapshot() as db:
        if version:
            row = db.one(q.standard_of, version=version)
        else:
            row = db.one(q.standard_at, now_us=bureau.clock.now_us(), log_size=1 << 62)
        if row is None:
            raise Refusal.of_field("NOT_FOUND", "version", "no standard has this version")
        envelope, receipt = signed_statement.statement_and_receipt(db, row[1])
    return envelope, receipt
