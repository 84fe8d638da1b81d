"""Receipts under checkpoints that enough witnesses have cosigned.

The bureau answers a write at once, with a checkpoint that it alone has signed; the
witnesses cosign a moment later. A client that does not rely on the bureau's word waits:
then its leaf is proved to be in the tree that the witnesses have cosigned.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bureau_client._operations import log, methods
from bureau_client._operations.context import Context
from bureau_client._operations.operation import Operation, Sleep, call
from bureau_client.errors import (
    NotAuthenticated,
    NotFound,
    NotWitnessed,
    PermissionDenied,
    VerificationFailed,
)
from bureau_client.models.audits import Checkpoint
from bureau_client.models.receipts import Receipt
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_client.verify.log_view import Sighting
from bureau_client.verify.receipts import verify_checkpoint
from bureau_client.verify.witnesses import (
    trusted_witnesses,
    verify_witnessed,
    witnesses_of,
)
from bureau_keys import merkle
from creditbureau.v1 import log_pb2

# Longest wait for the witnesses; at the limit NotWitnessed is raised. Seconds between two
# requests for the cosigned checkpoint.
WITNESS_TIMEOUT = timedelta(seconds=30)
PAUSE_S = 0.25
# A cosignature further ahead of the client's clock does not count: as for a statement.
MAX_WITNESS_SKEW = timedelta(minutes=5)


def as_needed(context: Context, receipt: Receipt) -> Operation[Receipt]:
    """Return a receipt with the cosignatures that the profile's quorum requires.

    Raises:
        NotWitnessed: Fewer witnesses cosigned in time, or the bureau refuses the caller by now.
    """
    quorum = context.trust.quorum
    if not quorum:
        return receipt
    try:
        return (yield from wait_for_witnesses(context, receipt, quorum, WITNESS_TIMEOUT))
    except (NotAuthenticated, PermissionDenied) as refusal:
        # As it is, this error would say that the write was refused.
        error = NotWitnessed(
            f"The bureau refuses to show the cosignatures: {refusal.message}",
            reason="NOT_WITNESSED",
            fix=refusal.fix,
        )
        error.receipt = receipt
        raise error from refusal


def wait_for_witnesses(
    context: Context,
    receipt: Receipt,
    quorum: int | None = None,
    timeout: timedelta = WITNESS_TIMEOUT,
) -> Operation[Receipt]:
    """Return the receipt of the same entry under a checkpoint with enough cosignatures.

    Args:
        receipt: A receipt; its inclusion is verified.
        quorum: Number of witnesses needed; None for the profile's number, at least one.
        timeout: Longest time to wait.

    Raises:
        NotWitnessed: Fewer witnesses cosigned in time.
        VerificationFailed: Bureau, witnesses and receipt contradict each other.
    """
    quorum = max(context.trust.quorum, 1) if quorum is None else quorum
    if len(witnesses_of(receipt.checkpoint, context.trust)) >= quorum:
        return receipt
    try:
        checkpoint = yield from _awaited(context, quorum, receipt.leaf_index + 1, timeout)
        leaf = yield from _leaf_of(context, receipt)
    except NotWitnessed as error:
        error.receipt = receipt
        raise
    except NotFound as error:
        raise VerificationFailed(
            f"The bureau has lost leaf {receipt.leaf_index}, the leaf of the receipt: "
            f"{error.message}",
            reason="BAD_PROOF",
            fix=TELL,
        ) from error
    request = log_pb2.GetInclusionProofRequest(
        leaf_index=receipt.leaf_index, tree_size=checkpoint.size
    )
    reply = yield from call(methods.GET_INCLUSION_PROOF, request)
    proof = tuple(reply.proof)
    with verifying("The receipt, in the log that the witnesses have cosigned,"):
        merkle.verify_inclusion(leaf, receipt.leaf_index, checkpoint.size, proof, checkpoint.root)
    return replace(receipt, tree_size=checkpoint.size, checkpoint=checkpoint.note, proof=proof)


def cosigned_checkpoint(context: Context, quorum: int, at_least: int = 0) -> Operation[Checkpoint]:
    """Return the newest checkpoint that enough of the profile's witnesses have cosigned.

    Raises:
        NotWitnessed: The bureau has no such checkpoint of this size or above, or only one
            whose cosignatures are older than the profile allows.
        VerificationFailed: The checkpoint, its size or its cosignatures are not as requested.
    """
    names = [witness.name for witness in trusted_witnesses(context.trust)]
    if len(names) < quorum:
        raise NotWitnessed(
            f"The profile trusts {len(names)} witnesses; {quorum} must cosign",
            reason="NOT_WITNESSED",
            fix="Add their keys to `witnesses` in profile.toml",
        )
    request = log_pb2.GetCheckpointRequest(cosignatures=quorum, witnesses=names, tree_size=at_least)
    newest_size = context.log_view.cosigned_size(quorum)  # before the call: see `newest_checkpoint`
    reply = yield from call(methods.GET_CHECKPOINT, request)
    checkpoint = log.see_checkpoint(context, reply.checkpoint)
    verify_witnessed(checkpoint.note, context.trust, quorum)
    latest = context.clock() + MAX_WITNESS_SKEW
    times, faults = context.log_view.see_cosigned(checkpoint.note, latest.timestamp())
    if len(times) < quorum:
        raise VerificationFailed(
            f"The checkpoint has {len(times)} cosignatures that count, {quorum} are needed: "
            + "; ".join(faults),
            reason="BAD_PROOF",
            fix="Check this machine's clock; then show the checkpoint to the witness's operator",
        )
    if checkpoint.size < at_least:
        check_equal("The size of the cosigned checkpoint", checkpoint.size, at_least)
    if checkpoint.size < newest_size:
        raise VerificationFailed(
            f"The newest cosigned checkpoint has size {checkpoint.size}; one of size {newest_size} "
            "with as many cosignatures was seen before",
            reason="WRONG_ANSWER",
            fix=TELL,
        )
    # Each witness says that this was the largest tree at its time.
    newest_first = sorted(times.values(), reverse=True)
    needed = newest_first[max(quorum, 1) - 1 :]
    witnessed_at = datetime.fromtimestamp(needed[0], UTC) if needed else None
    _check_fresh(context, checkpoint, witnessed_at)
    return replace(checkpoint, witnesses=tuple(times), witnessed_at=witnessed_at)


def _check_fresh(context: Context, checkpoint: Checkpoint, witnessed_at: datetime | None) -> None:
    """Raise NotWitnessed if the cosignatures are older than the profile allows."""
    max_age = timedelta(seconds=context.trust.max_cosignature_age_seconds)
    if not max_age or witnessed_at is None:
        return
    age = context.clock() - witnessed_at
    if age > max_age:
        raise NotWitnessed(
            f"The newest cosigned checkpoint, of size {checkpoint.size}, is stale: it was "
            f"cosigned at {witnessed_at:%Y-%m-%d %H:%M:%S} UTC, {age.total_seconds():.0f} s ago; "
            f"at most {max_age.total_seconds():.0f} s are allowed",
            reason="NOT_WITNESSED",
            fix="Check this machine's clock, and compare with the witnesses' checkpoints; the "
            "limit is `max_cosignature_age_seconds` in profile.toml",
        )


def _awaited(
    context: Context, quorum: int, at_least: int, timeout: timedelta
) -> Operation[Checkpoint]:
    waited = 0.0
    while True:
        try:
            return (yield from cosigned_checkpoint(context, quorum, at_least))
        except NotWitnessed:
            if waited >= timeout.total_seconds():
                raise
        yield Sleep(PAUSE_S)
        waited += PAUSE_S


def _leaf_of(context: Context, receipt: Receipt) -> Operation[bytes]:
    """Fetch the receipt's leaf from the log, check it against the receipt, return its hash."""
    leaves = yield from log.leaf_page(receipt.leaf_index, receipt.leaf_index + 1)
    if not leaves:
        raise VerificationFailed(
            f"The log does not return leaf {receipt.leaf_index}, the leaf of the receipt",
            reason="BAD_PROOF",
            fix=TELL,
        )
    hashed = merkle.leaf_hash(leaves[0])
    signed = verify_checkpoint(receipt.checkpoint, context.trust)
    context.log_view.see(Sighting(signed, receipt.checkpoint))
    with verifying("The receipt"):
        merkle.verify_inclusion(hashed, receipt.leaf_index, signed.size, receipt.proof, signed.root)
    return hashed
