"""Use cases of auditors: read the log and its proofs.

Open to every member. Only a subject's request for a receipt is signed, because the log
itself holds no readable data.
"""

from __future__ import annotations

from bureau import paging, signed_statement
from bureau.context import Bureau, Caller
from bureau.errors import Refusal
from bureau.ledger import cosignatures, log
from bureau.ledger.log import LoggedEntry
from bureau.store import queries as q
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import (
    GetCheckpointRequest,
    GetInclusionProofResponse,
    ListLeavesResponse,
    Receipt,
)


def get_checkpoint(bureau: Bureau, asked: GetCheckpointRequest) -> str:
    """Return the newest checkpoint, or the newest with the required cosignatures.

    Raises:
        Refusal: NOT_WITNESSED, BEYOND_LOG.
    """
    with bureau.database.snapshot() as db:
        if asked.tree_size > log.size_of(db):
            raise Refusal("BEYOND_LOG", f"the log has {log.size_of(db)} leaves")
        if not asked.cosignatures:
            return log.newest_checkpoint(db)
        return cosignatures.newest_checkpoint(
            db, asked.cosignatures, asked.witnesses, asked.tree_size
        )


def list_checkpoints(bureau: Bureau, page_size: int, page_token: str) -> tuple[list[str], str]:
    """List checkpoints by page, oldest first."""
    limit = page_size or 1000
    after = paging.number_in(page_token, otherwise=-1)
    with bureau.database.snapshot() as db:
        rows = db.all(q.checkpoints_after, after=after, limit=limit + 1)
    page, token = paging.cut(rows, limit, lambda row: row[0])
    return [note for _, note in page], token


def list_leaves(bureau: Bureau, start: int, page_size: int) -> ListLeavesResponse:
    """List leaf hashes from an index on.

    Raises:
        Refusal: BEYOND_LOG.
    """
    with bureau.database.snapshot() as db:
        size = log.size_of(db)
        if start > size:
            raise Refusal("BEYOND_LOG", f"the log has {size} leaves")
        leaves = log.leaves(db, start, page_size or 10_000)
    return ListLeavesResponse(commitments=leaves, tree_size=size)


def inclusion_proof(bureau: Bureau, index: int, size: int) -> GetInclusionProofResponse:
    """Prove that a leaf is in the tree of a size; 0 means the newest size.

    Raises:
        Refusal: BEYOND_LOG.
    """
    with bureau.database.snapshot() as db:
        size = size or log.size_of(db)
        proof = log.inclusion_proof(db, index, size)
    return GetInclusionProofResponse(proof=proof, tree_size=size)


def consistency_proof(bureau: Bureau, first: int, second: int) -> list[bytes]:
    """Prove that one tree is a prefix of another.

    Raises:
        Refusal: BEYOND_LOG.
    """
    with bureau.database.snapshot() as db:
        return log.consistency_proof(db, first, second)


def tile(bureau: Bureau, level: int, index: int) -> bytes:
    """Return the hashes of a tile.

    Raises:
        Refusal: BEYOND_LOG.
    """
    with bureau.database.snapshot() as db:
        return log.tile(db, level, index)


def receipt(
    bureau: Bureau, caller: Caller, request_id: str, subject_request: Envelope | None
) -> Receipt:
    """Return the receipt of a statement of the caller, or of the subject that signed the
    request to read.

    Raises:
        Refusal: NOT_FOUND, also for the statements of others; WRONG_STATE if it was
            erased; all of `verify_subject_request`.
    """
    # A writing transaction: the receipt confirms the statement, so its commit must be
    # durable before the receipt is returned.
    with bureau.database.transaction() as db:
        log.confirm_durable(db)
        signer = signed_statement.authenticated_reader(
            db, bureau.origin, caller, subject_request, "Log/GetReceipt", bureau.clock.now_us()
        )
        row = db.one(q.entry_of_request, signer=signer, request_id=request_id)
        if row is None:
            raise Refusal.of_field(
                "NOT_FOUND", "request_id", "the reader signed no statement with this request id"
            )
        entry = LoggedEntry(*row)
        if not entry.salt:
            raise Refusal("WRONG_STATE", "the statement was erased since")
        return signed_statement.receipt_of(log.proof_of(db, entry))
