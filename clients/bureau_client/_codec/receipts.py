"""Reads and writes receipts."""

from __future__ import annotations

from bureau_client._codec.scalars import moment_of, timestamp_of
from bureau_client.models.receipts import Receipt
from creditbureau.v1 import log_pb2


def read_receipt(message: log_pb2.Receipt) -> Receipt:
    """Read a receipt, unverified.

    Raises:
        ValueError: The checkpoint has no tree size.
    """
    return Receipt(
        leaf_index=message.leaf_index,
        tree_size=_size(message.checkpoint),
        kind=message.kind,
        log_time=moment_of(message.log_time),
        checkpoint=message.checkpoint,
        proof=tuple(message.proof),
        salt=message.salt,
        answer_digest=message.answer_digest,
    )


def write_receipt(receipt: Receipt) -> log_pb2.Receipt:
    """Write the message that `read_receipt` reads."""
    return log_pb2.Receipt(
        leaf_index=receipt.leaf_index,
        proof=receipt.proof,
        checkpoint=receipt.checkpoint,
        salt=receipt.salt,
        kind=receipt.kind,
        answer_digest=receipt.answer_digest,
        log_time=timestamp_of(receipt.log_time),
    )


def _size(checkpoint: str) -> int:
    # The second line of a C2SP checkpoint. Digits only: int() accepts more.
    lines = checkpoint.split("\n", 2)
    if len(lines) < 2 or not (lines[1].isascii() and lines[1].isdigit()):
        raise ValueError("the receipt's checkpoint has no tree size in its second line")
    return int(lines[1])
