"""Reads the log: checkpoints, leaves, consistency."""

from __future__ import annotations

from collections.abc import Sequence

from bureau_client._operations import arguments, methods
from bureau_client._operations.context import Context
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import Order, collect
from bureau_client._operations.remembering import prove_growth, prove_or_leave
from bureau_client.models.audits import Checkpoint
from bureau_client.verify.log_view import Sighting
from bureau_client.verify.receipts import verify_checkpoint
from bureau_keys import merkle
from creditbureau.v1 import log_pb2

LEAF_PAGE = 10_000
TILE_HASHES = 256
BY_SIZE = Order[Checkpoint](name=lambda checkpoint: checkpoint.size, descending=False)


def see_checkpoint(context: Context, note: str) -> Checkpoint:
    """Return a checkpoint, verified and noted for its proof at the end of the operation.

    Raises:
        VerificationFailed: The signature does not verify, or the log is forked.
    """
    sighting = _sighting(context, note)
    context.log_view.see(sighting)
    return _value(sighting)


def newest_checkpoint(context: Context) -> Operation[Checkpoint]:
    """Return the newest checkpoint, proved to extend the newest one seen before.

    Raises:
        VerificationFailed: The signature does not verify, the log is forked, or it shrank.
    """
    known = context.log_view.newest  # before the call: another thread may see a later one
    reply = yield from call(methods.GET_CHECKPOINT, log_pb2.GetCheckpointRequest())
    sighting = _sighting(context, reply.checkpoint)
    if known is not None and sighting.checkpoint.size < known.checkpoint.size:
        raise context.log_view.contradiction(
            known,
            sighting,
            message="The log shrank: its newest checkpoint has size "
            f"{sighting.checkpoint.size}, after one of size {known.checkpoint.size}",
        )
    yield from prove_or_leave(context, sighting)
    return _value(sighting)


def list_notes() -> Operation[list[str]]:
    """List the signed note of every checkpoint, oldest first, unverified."""

    def page(token: str) -> Operation[tuple[Sequence[str], str]]:
        request = log_pb2.ListCheckpointsRequest(page_token=token)
        reply = yield from call(methods.LIST_CHECKPOINTS, request)
        return reply.checkpoints, reply.next_page_token

    return (yield from collect("The list of checkpoints", page, str, None))


def list_checkpoints(context: Context) -> Operation[list[Checkpoint]]:
    """List every checkpoint, oldest first: each signature is verified, and the newest one proved.

    `auditing.audit` compares each root with the leaves; a proof of each would take a call.
    """
    notes = yield from list_notes()
    sightings = [_sighting(context, note) for note in notes]
    checkpoints = [_value(sighting) for sighting in sightings]
    BY_SIZE.check("The list of checkpoints", checkpoints)
    for sighting in sightings:
        context.log_view.is_proved(sighting)
    for newest in sightings[-1:]:
        yield from prove_or_leave(context, newest)
    return checkpoints


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
    sightings = _sighting(context, first), _sighting(context, second)
    yield from prove_growth(context, *sightings)
    for sighting in sightings:
        context.log_view.see(sighting)


def _sighting(context: Context, note: str) -> Sighting:
    return Sighting(verify_checkpoint(note, context.trust), note)


def _value(sighting: Sighting) -> Checkpoint:
    checkpoint = sighting.checkpoint
    return Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root, sighting.note)
