"""The full audit: hashes every leaf and compares every checkpoint with the hashes."""

from __future__ import annotations

from bureau_client._operations import cosigning, log
from bureau_client._operations.context import Context
from bureau_client._operations.operation import Operation
from bureau_client.errors import BureauError, NotFound, NotWitnessed, VerificationFailed
from bureau_client.models.audits import AuditReport, Checkpoint, Fault
from bureau_client.models.progress import Progress
from bureau_client.verify.receipts import verify_checkpoint
from bureau_keys.log_audit import LogAudit, LogFault, check_checkpoints


def audit(context: Context, since: str | None) -> Operation[AuditReport]:
    """Download the whole log and check every checkpoint against it.

    Every root is computed from one list of leaves; so the checkpoints are consistent
    with one another if each has the computed root.
    """
    started = context.clock()
    witnessed, fault = yield from _witnessed(context)
    kept = [note for note in (since, witnessed and witnessed.note) if note]
    log_fault, state = yield from _run(context, kept)
    elapsed = context.clock() - started
    size, checkpoint_count, newest = state.frontier.size, state.held, state.newest
    return AuditReport(
        context.trust.origin,
        size,
        checkpoint_count,
        newest,
        witnessed,
        log_fault or fault,
        elapsed,
    )


def _witnessed(context: Context) -> Operation[tuple[Checkpoint | None, Fault | None]]:
    """Return the newest cosigned checkpoint, and the fault if the quorum lacks one."""
    if not context.trust.witnesses:
        return None, None
    try:
        checkpoint = yield from cosigning.cosigned_checkpoint(context, max(context.trust.quorum, 1))
    except NotWitnessed as error:
        return None, Fault(error.message) if context.trust.quorum else None
    except VerificationFailed as error:
        return None, Fault(error.message)
    return checkpoint, None


def _run(context: Context, kept: list[str]) -> Operation[tuple[Fault | None, LogAudit[Checkpoint]]]:
    listed = yield from log.list_notes()
    try:
        head = yield from log.newest_checkpoint(context)
    except VerificationFailed as error:
        if error.evidence is None:
            raise
        return Fault(error.message), LogAudit(())
    if head.note not in listed:
        listed.append(head.note)
    checkpoints: list[Checkpoint] = []
    for note in [*listed, *kept]:
        try:
            checkpoints.append(_open(context, note))
        except VerificationFailed as error:
            return Fault(f"{error.message}:\n{note}"), LogAudit(())
    try:
        check_checkpoints(checkpoints[: len(listed)], checkpoints[len(listed) :])
    except LogFault as error:
        text = str(error)
        return Fault(text[0].upper() + text[1:], size=error.size), LogAudit(())
    state = LogAudit(checkpoints)
    started = context.clock()
    size = max(checkpoint.size for checkpoint in checkpoints)
    while state.wrong is None and state.frontier.size < size:
        leaves = yield from _page(state.frontier.size, size)
        if not leaves:
            return _missing(state, size), state
        for leaf in leaves:
            state.add(leaf)
            if state.wrong is not None:
                break
        yield Progress(state.frontier.size, size, context.clock() - started)
    if state.wrong is None:
        return None, state
    return (yield from _locate(state, state.wrong)), state


def _open(context: Context, note: str) -> Checkpoint:
    checkpoint = verify_checkpoint(note, context.trust)
    return Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root, note)


def _page(start: int, stop: int) -> Operation[list[bytes]]:
    try:
        return (yield from log.leaf_page(start, stop))
    except NotFound:
        # The bureau says that the log ends before; its own checkpoint says otherwise.
        return []


def _missing(state: LogAudit[Checkpoint], size: int) -> Fault:
    index = state.frontier.size
    return Fault(
        f"Leaf {index} is missing: the log signed a size of {size} but gives out only {index}",
        size=size,
        first_index=index,
        last_index=size - 1,
    )


def _locate(state: LogAudit[Checkpoint], wrong: Checkpoint) -> Operation[Fault]:
    """Find the changed leaf, by comparing with the leaf hashes in the log's tiles."""
    first = wrong.size - len(state.unconfirmed)
    text = f"The leaves do not hash to the root that was signed at size {wrong.size}"
    try:
        kept = yield from _kept_hashes(first, wrong.size)
    except BureauError:
        kept = []
    for index, (ours, theirs) in enumerate(zip(state.unconfirmed, kept, strict=False), first):
        if ours != theirs:
            return Fault(f"{text}: leaf {index} was changed", wrong.size, index, index)
    text += f": one of the leaves {first} to {wrong.size - 1} was changed"
    return Fault(text, wrong.size, first, wrong.size - 1)


def _kept_hashes(first: int, stop: int) -> Operation[list[bytes]]:
    kept: list[bytes] = []
    tiles = range(first // log.TILE_HASHES, (stop - 1) // log.TILE_HASHES + 1)
    for tile in tiles:
        kept += yield from log.tile_hashes(tile)
    skipped = first - tiles.start * log.TILE_HASHES
    return kept[skipped : skipped + stop - first]
