"""Holds every checkpoint that an operation sees to the newest one seen before.

Two checkpoints of one size must have one root; between two sizes the log proves that it only
grew. The operation returns after that proof, which costs one call for a checkpoint that is new
to the client; a receipt whose own inclusion proof reaches the newest checkpoint costs none.
Operations of one client that run at the same time wait a moment for one another's proof: of the
receipts of one commit the first one proves the checkpoint of all of them without a call.
Of the older statements that come with answers (consents, evidence, members) one checkpoint is
proved, chosen at random, at most once a second: the bureau cannot know which.
If the bureau gives no proof, because it cannot be reached or refuses the caller by now (a member
that was suspended meanwhile), the result is returned, for a write has taken effect, and the next
call begins with the proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from secrets import choice
from typing import Any

from google.protobuf.message import Message

from bureau_client._codec.receipts_in import receipts_in
from bureau_client._operations import methods
from bureau_client._operations.context import Context
from bureau_client._operations.operation import Operation, Result, Sleep, call
from bureau_client.errors import (
    BureauError,
    NotFound,
    VerificationFailed,
)
from bureau_client.verify.log_view import Sighting
from bureau_client.verify.receipts import verify_checkpoint
from bureau_keys.fork_evidence import Finding, conclude
from creditbureau.v1 import log_pb2

# Seconds that an operation waits for the proof by another one, and how often: as long in all as a
# call takes. After that it makes a call of its own.
WAIT_S = 0.002
MOST_WAITS = 3


def remembering(context: Context, operation: Operation[Result]) -> Operation[Result]:
    """Run an operation, and prove the checkpoints that it has seen before it returns.

    Raises:
        VerificationFailed: The log forked or shrank since the newest checkpoint was seen, in
            this call or an earlier one.
    """
    with context.log_view.operation():
        return (yield from _remembering(context, operation))


def _remembering(context: Context, operation: Operation[Result]) -> Operation[Result]:
    view = context.log_view
    view.open()
    yield from _prove_left(context)
    noted: list[Sighting] = []
    older: set[str] | None = set() if view.may_sample() else None
    try:
        result = yield from _noting(context, operation, noted, older)
        noted += _sample(context, noted, older)
    except BaseException:  # a cancelled call has seen what it has seen, too
        view.leave(noted)
        view.write()
        raise
    try:
        yield from _prove_all(context, noted)
        while (other := view.write()) is not None:
            noted.append(other)
            yield from _prove_all(context, noted)
    except BaseException as error:
        view.leave(noted)
        view.write()
        # An error would say that the write was refused.
        if not isinstance(error, BureauError) or isinstance(error, VerificationFailed):
            raise
    return result


def prove_or_leave(context: Context, sighting: Sighting) -> Operation[None]:
    """Prove a checkpoint at once; a call that does not come to it leaves it to the next one.

    Raises:
        VerificationFailed: The log is forked, or it shrank.
    """
    try:
        yield from prove(context, sighting)
    except VerificationFailed:
        raise
    except BaseException:
        context.log_view.leave([sighting])
        raise


def prove(context: Context, sighting: Sighting) -> Operation[None]:
    """Prove that a checkpoint is of the same log as the newest one seen, and remember it.

    Raises:
        VerificationFailed: The log is forked, or it shrank.
    """
    view, waits = context.log_view, 0
    while not view.is_proved(sighting):
        newest = view.newest
        if newest is not None:
            needs_call = sighting.prefix != newest.checkpoint
            if needs_call and view.has_several_operations and waits < MOST_WAITS:
                waits += 1
                yield Sleep(WAIT_S)
                continue
            yield from prove_growth(context, newest, sighting)
        if view.confirm(sighting, newest):
            return


def _prove_left(context: Context) -> Operation[None]:
    """Prove the checkpoints that earlier calls left, before anything is sent.

    Each stays left until it is proved: calls that begin meanwhile prove it, too.
    """
    for sighting in _by_size(context.log_view.left()):
        yield from prove(context, sighting)
        context.log_view.settle(sighting)


def _prove_all(context: Context, sightings: list[Sighting]) -> Operation[None]:
    """Prove checkpoints, the smallest first, and take each out of the list once it is proved."""
    for sighting in _by_size(sightings):
        yield from prove(context, sighting)
        sightings.remove(sighting)


def _by_size(sightings: Iterable[Sighting]) -> list[Sighting]:
    return sorted(sightings, key=lambda sighting: sighting.checkpoint.size)


def prove_growth(context: Context, newest: Sighting, seen: Sighting) -> Operation[None]:
    """Prove that one of two checkpoints extends the other."""
    if seen.prefix == newest.checkpoint:
        return
    older, newer = sorted((newest, seen), key=lambda sighting: sighting.checkpoint.size)
    proof: tuple[bytes, ...] = ()
    sizes = older.checkpoint.size, newer.checkpoint.size
    if 0 < sizes[0] < sizes[1]:
        request = log_pb2.GetConsistencyProofRequest(first_size=sizes[0], second_size=sizes[1])
        try:
            reply = yield from call(methods.GET_CONSISTENCY_PROOF, request)
        except NotFound as error:
            message = f"The log shrank: it signed size {sizes[1]}, and now says: {error.message}"
            raise context.log_view.contradiction(newest, seen, message=message) from error
        proof = tuple(reply.proof)
    if conclude(older.checkpoint, newer.checkpoint, proof) is not Finding.CONSISTENT:
        raise context.log_view.contradiction(newest, seen, proof)


def _noting(
    context: Context,
    operation: Operation[Result],
    noted: list[Sighting],
    older: set[str] | None,
) -> Operation[Result]:
    """Run an operation step by step, and collect the checkpoints that it sees.

    Other operations of the client take their steps in between, in this thread and in others.

    Args:
        noted: Receives the checkpoints that the operation has verified.
        older: Receives the notes of all receipts in its replies; None to pass them over.
    """
    answer: Any = None
    failure: BureauError | None = None
    while True:
        with context.log_view.noting(noted):
            try:
                effect = operation.send(answer) if failure is None else operation.throw(failure)
            except StopIteration as stop:
                result: Result = stop.value
                return result
        try:
            answer, failure = (yield effect), None
        except BureauError as error:
            answer, failure = None, error
        if older is not None and isinstance(answer, Message):
            older.update(receipt.checkpoint for receipt in receipts_in(answer))


def _sample(context: Context, noted: list[Sighting], older: set[str] | None) -> list[Sighting]:
    """Return one of the checkpoints of older statements, its signature verified."""
    notes = (older or set()) - {"", *(sighting.note for sighting in noted)}
    if not notes:
        return []
    note = choice(sorted(notes))
    return [Sighting(verify_checkpoint(note, context.trust), note)]
