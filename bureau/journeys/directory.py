"""Use case of the directory: blinded identifiers in, evaluated points out.

The bureau sees neither identifier nor subject id, only how many elements each member has
evaluated. That number is metered and logged.
"""

from __future__ import annotations

from bureau import signed_statement
from bureau.calendar import DAY_US, MICROSECONDS, date_of
from bureau.context import Bureau, Caller
from bureau.errors import Refusal
from bureau.ledger.log import LoggedEntry
from bureau.ledger.units import Transaction
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.errors import KeysError
from bureau_keys.pseudonym import Evaluator
from creditbureau.v1.directory_pb2 import EvaluateResponse, Evaluation
from creditbureau.v1.envelope_pb2 import Envelope


def evaluate(bureau: Bureau, caller: Caller, envelope: Envelope) -> EvaluateResponse:
    """Evaluate blinded elements under the directory's key.

    Raises:
        Refusal: All of `verify_statement`; QUOTA_EXCEEDED, INVALID_FIELD,
            NOT_SERVED.
    """
    evaluator = evaluator_of(bureau)
    now_us = bureau.clock.now_us()
    # 1. Open and verify; a member over its quota is not worked for.
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, Evaluation, kind="evaluation", signer=caller.signer
        )
        elements = list(opened.message.blinded_elements)
        signed = opened.signed
        known = db.one(q.entry_of_request, signer=signed.signer, request_id=signed.request_id)
        if known is None:
            _left(db, caller, now_us, len(elements))
        elif LoggedEntry(*known).digest != signed.digest:
            raise Refusal("IDEMPOTENCY_CONFLICT", "the request id was used for another request")
    # 2. Evaluate: the dear part, before the writer is asked.
    try:
        evaluated = evaluator.evaluate(elements)
    except KeysError as error:
        raise Refusal.of_field("INVALID_FIELD", "blinded_elements", str(error)) from error

    # 3. Meter, and log that it happened. A retry is metered once.
    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        tx.db.one(q.lock_member, member_id=caller.member_id)
        _left(tx.db, caller, tx.now_us, len(elements))
        tx.db.one(q.meter, member_id=caller.member_id, day=date_of(tx.now_us), count=len(elements))

    committed = bureau.ledger.commit(opened.signed, work)
    with bureau.database.snapshot() as db:
        left = _left(db, caller, now_us, 0)
    return EvaluateResponse(
        evaluated_elements=evaluated,
        remaining_quota=left,
        receipt=signed_statement.receipt_of(committed.proof),
    )


def _left(db: Connection, caller: Caller, now_us: int, wanted: int) -> int:
    """Count the evaluations that a member has left today.

    Raises:
        Refusal: QUOTA_EXCEEDED if that is less than it wants.
    """
    row = db.one(q.metered, member_id=caller.member_id, day=date_of(now_us))
    assert row is not None, "a caller is a member"
    quota, used = row
    if wanted and used + wanted > quota:
        raise Refusal(
            "QUOTA_EXCEEDED",
            f"the directory quota of {quota} elements a day does not hold {wanted} more; "
            "it renews at midnight UTC",
            retry_after_s=_until_midnight_s(now_us),
        )
    return max(int(quota - used), 0)


def evaluator_of(bureau: Bureau) -> Evaluator:
    """Return the directory's key.

    Raises:
        Refusal: NOT_SERVED where another operator runs the directory.
    """
    if bureau.evaluator is None:
        raise Refusal("NOT_SERVED", "the directory is run elsewhere")
    return bureau.evaluator


def _until_midnight_s(now_us: int) -> float:
    return (DAY_US - now_us % DAY_US) / MICROSECONDS
