"""Receipts that lead to a checkpoint which enough witnesses have cosigned.

A write is answered at once, with a checkpoint that the bureau alone has signed; its
witnesses see the log a moment later. Who does not take the bureau's word for its log
waits for them: the leaf is then proved to be in the tree that they have cosigned.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bureau_client._operations import log, methods
from bureau_client._operations.context import Context
from bureau_client._operations.operation import Operation, Sleep, call
from bureau_client.errors import NotFound, NotWitnessed, VerificationFailed
from bureau_client.models.audits import Checkpoint
from bureau_client.models.receipts import Receipt
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_client.verify.receipts import verify_checkpoint
from bureau_client.verify.witnesses import trusted_witnesses, verify_witnessed, witnesses_of
from bureau_keys import merkle
from creditbureau.v1 import log_pb2

# How long witnesses are waited for, and seconds between two questions.
WITNESS_TIMEOUT = timedelta(seconds=30)
PAUSE_S = 0.25


def as_needed(reader: Context, receipt: Receipt) -> Operation[Receipt]:
    """A receipt as the profile's quorum asks for it.

    Raises:
        NotWitnessed: There are not so many cosignatures in time.
    """
    if not reader.trust.quorum:
        return receipt
    return (yield from wait_for_witnesses(reader, receipt, reader.trust.quorum, WITNESS_TIMEOUT))


def wait_for_witnesses(
    reader: Context,
    receipt: Receipt,
    quorum: int | None = None,
    timeout: timedelta = WITNESS_TIMEOUT,
) -> Operation[Receipt]:
    """The same receipt, leading to a checkpoint that enough witnesses have cosigned.

    Args:
        receipt: One whose inclusion was verified, or any: it is verified again.
        quorum: How many are enough; None: as many as the profile says, at least one.
        timeout: How long they are waited for.

    Raises:
        NotWitnessed: There are not so many in time.
        VerificationFailed: Bureau, witnesses and receipt contradict each other.
    """
    quorum = max(reader.trust.quorum, 1) if quorum is None else quorum
    if len(witnesses_of(receipt.checkpoint, reader.trust)) >= quorum:
        return receipt
    try:
        checkpoint = yield from _awaited(reader, quorum, receipt.leaf_index + 1, timeout)
        leaf = yield from _leaf_of(reader, receipt)
    except NotWitnessed as error:
        error.receipt = receipt
        raise
    except NotFound as error:
        raise VerificationFailed(
            f"The bureau has lost leaf {receipt.leaf_index}, which the receipt is of: "
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


def cosigned_checkpoint(reader: Context, quorum: int, at_least: int = 0) -> Operation[Checkpoint]:
    """The newest checkpoint that enough of the profile's witnesses have cosigned.

    Raises:
        NotWitnessed: There is none of this size or above.
        VerificationFailed: What came is not so.
    """
    names = [witness.name for witness in trusted_witnesses(reader.trust)]
    if len(names) < quorum:
        raise NotWitnessed(
            f"The profile trusts {len(names)} witnesses; {quorum} are to cosign",
            reason="NOT_WITNESSED",
            fix="Add their keys to `witnesses` in profile.toml",
        )
    request = log_pb2.GetCheckpointRequest(cosignatures=quorum, witnesses=names, tree_size=at_least)
    reply = yield from call(methods.GET_CHECKPOINT, request)
    checkpoint = log.see_checkpoint(reader, reply.checkpoint)
    found = verify_witnessed(checkpoint.note, reader.trust, quorum)
    if checkpoint.size < at_least:
        check_equal("The size of the cosigned checkpoint", checkpoint.size, at_least)
    return replace(checkpoint, witnesses=found)


def _awaited(
    reader: Context, quorum: int, at_least: int, timeout: timedelta
) -> Operation[Checkpoint]:
    waited = 0.0
    while True:
        try:
            return (yield from cosigned_checkpoint(reader, quorum, at_least))
        except NotWitnessed:
            if waited >= timeout.total_seconds():
                raise
        yield Sleep(PAUSE_S)
        waited += PAUSE_S


def _leaf_of(reader: Context, receipt: Receipt) -> Operation[bytes]:
    """Hash of the receipt's leaf: as the log gives it out, held against the receipt."""
    leaves = yield from log.leaf_page(receipt.leaf_index, receipt.leaf_index + 1)
    if not leaves:
        raise VerificationFailed(
            f"The log does not give out leaf {receipt.leaf_index}, which the receipt is of",
            reason="BAD_PROOF",
            fix=TELL,
        )
    hashed = merkle.leaf_hash(leaves[0])
    signed = verify_checkpoint(receipt.checkpoint, reader.trust)
    reader.heads.remember(signed)
    with verifying("The receipt"):
        merkle.verify_inclusion(hashed, receipt.leaf_index, signed.size, receipt.proof, signed.root)
    return hashed
