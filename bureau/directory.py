"""The journey of the directory: blinded identifiers in, evaluated points out.

The bureau sees neither identifier nor subject id. What it sees is how many
elements each member has evaluated, and that is metered and logged.
"""

from __future__ import annotations

from bureau import statement
from bureau.clock import date_of
from bureau.errors import Refusal
from bureau.house import Bureau, Caller
from bureau.ledger.queue import Transaction
from bureau.store import statements as s
from bureau_keys.errors import KeysError
from bureau_keys.pseudonym import Evaluator
from creditbureau.v1.directory_pb2 import EvaluateResponse, Evaluation
from creditbureau.v1.envelope_pb2 import Envelope


def evaluate(bureau: Bureau, caller: Caller, envelope: Envelope) -> EvaluateResponse:
    """Evaluates blinded elements under the directory's key.

    Raises:
        Refusal: What `open_statement` raises; QUOTA_EXCEEDED, INVALID_FIELD,
            NOT_SERVED.
    """
    evaluator = evaluator_of(bureau)
    # 1. Open and verify.
    with bureau.database.snapshot() as db:
        opened = statement.open_statement(
            bureau, db, envelope, Evaluation, kind="evaluation", signer=caller.signer
        )
    elements = opened.message.blinded_elements
    # 2. Evaluate: the dear part, before the writer is asked.
    try:
        evaluated = evaluator.evaluate(list(elements))
    except KeysError as error:
        raise Refusal.of_field("INVALID_FIELD", "blinded_elements", str(error)) from error

    # 3. Meter, and log that it happened. A retry is metered once.
    def work(tx: Transaction) -> int:
        opened.admit(tx)
        member = tx.db.one(s.lock_member, member_id=caller.member_id)
        assert member is not None, "a caller is a member"
        quota = int(member[s.MEMBER_COLUMNS.index("directory_quota")])
        used = tx.db.one(
            s.meter, member_id=caller.member_id, day=date_of(tx.now_us), count=len(elements)
        )
        assert used is not None, "the meter returns its reading"
        if used[0] > quota:
            raise Refusal(
                "QUOTA_EXCEEDED",
                f"the directory quota of {quota} elements a day does not hold "
                f"{len(elements)} more; it renews at midnight UTC",
                retry_after_s=_until_midnight_s(tx.now_us),
            )
        return quota - int(used[0])

    committed = bureau.ledger.commit(opened.signed, work)
    return EvaluateResponse(
        evaluated_elements=evaluated,
        remaining_quota=committed.result or 0,
        receipt=statement.receipt_of(committed.proof),
    )


def evaluator_of(bureau: Bureau) -> Evaluator:
    """The directory's key.

    Raises:
        Refusal: NOT_SERVED where another operator runs the directory.
    """
    if bureau.evaluator is None:
        raise Refusal("NOT_SERVED", "the directory is run elsewhere")
    return bureau.evaluator


def _until_midnight_s(now_us: int) -> float:
    day_us = 86_400 * 1_000_000
    return (day_us - now_us % day_us) / 1_000_000
