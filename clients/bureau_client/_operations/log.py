"""Reads the log: checkpoints, leaves, consistency."""

from __future__ import annotations

from collections.abc import Sequence

from bureau_client._operations import arguments, methods
from bureau_client._operations.context import Context
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import collect
from bureau_client.errors import VerificationFailed
from bureau_client.models.audits import Checkpoint
from bureau_client.verify.checks import TELL, verifying
from bureau_client.verify.receipts import verify_checkpoint
from bureau_keys import merkle
from creditbureau.v1 import log_pb2

LEAF_PAGE = 10_000
TILE_HASHES = 256


def see_checkpoint(context: Context, note: str) -> Checkpoint:
    """Return a checkpoint, verified and compared with the checkpoints seen before.

    Raises:
        VerificationFailed: The signature does not verify, or the log is forked.
    """
    checkpoint = verify_checkpoint(note, context.trust)
    context.log_view.remember(checkpoint)
    return Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root, note)


def newest_checkpoint(context: Context) -> Operation[Checkpoint]:
    """Return the newest checkpoint, verified to extend the newest one seen before.

    Raises:
        VerificationFailed: The signature does not verify, the log is forked, or it shrank.
    """
    known = context.log_view.newest  # before the call: another thread may see a later one
    reply = yield from call(methods.GET_CHECKPOINT, log_pb2.GetCheckpointRequest())
    checkpoint = see_checkpoint(context, reply.checkpoint)
    if known is not None:
        if checkpoint.size < known.size:
            raise VerificationFailed(
                f"The log shrank: its newest checkpoint has size {checkpoint.size}, after one of "
                f"size {known.size}",
                reason="BAD_PROOF",
                fix=TELL,
            )
        seen = Checkpoint(known.origin, known.size, known.root, "")
        yield from _check_growth(seen, checkpoint)
    return checkpoint


def list_notes() -> Operation[list[str]]:
    """List the signed note of every checkpoint, oldest first, unverified."""

    def page(token: str) -> Operation[tuple[Sequence[str], str]]:
        request = log_pb2.ListCheckpointsRequest(page_token=token)
        reply = yield from call(methods.LIST_CHECKPOINTS, request)
        return reply.checkpoints, reply.next_page_token

    return (yield from collect("The list of checkpoints", page, str))


def list_checkpoints(context: Context) -> Operation[list[Checkpoint]]:
    """List every checkpoint, oldest first, each verified."""
    notes = yield from list_notes()
    return [see_checkpoint(context, note) for note in notes]


def list_leaves(start: int, stop: int) -> Operation[list[bytes]]:
    """Return the leaves from `start` up to, not including, `stop`, or to the log's end."""
    if not 0 <= start <= stop:
        message = f"is {start} with stop {stop}; write 0 <= start <= stop"
        raise arguments.refuse("start", "INVALID_FIELD", message)
    leaves: list[bytes] = []
    while start + len(leaves) < stop:
        page = yield from leaf_page(start + len(leaves), stop)
        if not page:
            break
        leaves += page
    return leaves


def leaf_page(start: int, stop: int) -> Operation[list[bytes]]:
    """Return one page of leaves from `start` on, all before `stop`; empty at the log's end."""
    request = log_pb2.ListLeavesRequest(start_index=start, page_size=min(LEAF_PAGE, stop - start))
    reply = yield from call(methods.LIST_LEAVES, request)
    return list(reply.commitments)[: stop - start]


def tile_hashes(index: int) -> Operation[list[bytes]]:
    """Return the leaf hashes of one of the log's tiles: 256 from `256 * index` on."""
    reply = yield from call(methods.GET_TILE, log_pb2.GetTileRequest(level=0, index=index))
    size = merkle.HASH_BYTES
    return [reply.hashes[start : start + size] for start in range(0, len(reply.hashes), size)]


def check_consistency(context: Context, first: str, second: str) -> Operation[None]:
    """Check that the log only grew between two checkpoints, in either order."""
    older, newer = sorted(
        (see_checkpoint(context, first), see_checkpoint(context, second)),
        key=lambda checkpoint: checkpoint.size,
    )
    yield from _check_growth(older, newer)


def _check_growth(older: Checkpoint, newer: Checkpoint) -> Operation[None]:
    """Check by a consistency proof that the log only grew between two checkpoints."""
    if older.size in (0, newer.size):
        # Every log extends the empty log; `remember` compared the roots of equal sizes.
        return
    request = log_pb2.GetConsistencyProofRequest(first_size=older.size, second_size=newer.size)
    reply = yield from call(methods.GET_CONSISTENCY_PROOF, request)
    with verifying(f"The log's growth from size {older.size} to {newer.size}"):
        merkle.verify_consistency(older.size, newer.size, older.root, newer.root, list(reply.proof))
