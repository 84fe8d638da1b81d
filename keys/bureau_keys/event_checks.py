"""Checks that an event of a subject is in the log, at the place that it claims."""

from __future__ import annotations

from bureau_keys.envelope import digest
from bureau_keys.errors import MalformedMessage, WrongAnswer
from bureau_keys.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from bureau_keys.profile import Trust
from bureau_keys.receipt import LeafStatement, commitment
from bureau_keys.receipt_checks import check_checkpoint
from creditbureau.v1.subjects_pb2 import Event


def check_event(event: Event, number: int, trust: Trust) -> None:
    """Check that an event is a leaf of the log, and the statement of that leaf.

    An event without its statement is proved to be in the log all the same; its kind and its
    time are then the bureau's word.

    Args:
        number: Its position in the subject's chain.
        trust: The log's origin and key.

    Raises:
        WrongAnswer: The event has another number, or another leaf than its statement.
        KeysError: The leaf is not in the log.
    """
    receipt = event.statement.receipt
    if event.number != number:
        raise WrongAnswer(f"event {event.number} follows event {number - 1}")
    if len(event.leaf_hash) != HASH_BYTES:
        raise MalformedMessage(f"the leaf hash of event {number} has not {HASH_BYTES} bytes")
    try:
        time_us = receipt.log_time.ToMicroseconds()
    except ValueError as error:
        raise MalformedMessage("the receipt's time is not in the years 1 to 9999") from error
    if event.statement.HasField("envelope"):
        statement = LeafStatement(
            receipt.kind, digest(event.statement.envelope), receipt.answer_digest, time_us
        )
        if leaf_hash(commitment(statement, receipt.salt)) != event.leaf_hash:
            raise WrongAnswer(f"event {number} has another leaf than its statement")
    checkpoint = check_checkpoint(receipt.checkpoint, trust)
    verify_inclusion(
        event.leaf_hash,
        receipt.leaf_index,
        checkpoint.size,
        list(receipt.proof),
        checkpoint.root,
    )
