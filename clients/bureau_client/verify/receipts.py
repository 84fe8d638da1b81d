"""Checks that a signed statement is in the log."""

from __future__ import annotations

from functools import lru_cache

from bureau_client._codec.scalars import micros_of
from bureau_client.models.receipts import Receipt
from bureau_client.verify.checks import check_equal, verifying
from bureau_keys import envelope as envelopes
from bureau_keys import merkle
from bureau_keys.checkpoint import Checkpoint, open_checkpoint
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.note import parse_vkey
from bureau_keys.profile import Trust
from bureau_keys.receipt import LeafStatement, commitment
from creditbureau.v1.envelope_pb2 import Envelope

_parsed_key = lru_cache(parse_vkey)


def verify_checkpoint(note: str, trust: Trust) -> Checkpoint:
    """Check that the bureau's log signed a checkpoint.

    Raises:
        VerificationFailed: It did not, or the note is of another log.
    """
    with verifying("The checkpoint"):
        return open_checkpoint(note, trust.origin, _parsed_key(trust.log_key).key)


def verify_receipt(
    receipt: Receipt, envelope: bytes, trust: Trust, *, kind: EntryKind | None = None
) -> Checkpoint:
    """Check that a signed statement is in the log, where its receipt says.

    Args:
        receipt: What the bureau handed out.
        envelope: The signed statement, a serialised DSSE envelope.
        trust: The log's origin and key.
        kind: What kind of entry it must be; None: any.

    Returns:
        The checkpoint that the receipt leads to.

    Raises:
        VerificationFailed: It is not in the log, or as something else.
    """
    with verifying("The signed statement"):
        parsed = Envelope.FromString(envelope)
    return verify_logged(receipt, envelopes.digest(parsed), trust, kind=kind)


def leaf_hash_of(receipt: Receipt, envelope: bytes) -> bytes:
    """Return the RFC 6962 leaf hash of a signed statement, which its verified receipt opens."""
    digest = envelopes.digest(Envelope.FromString(envelope))
    time_us = micros_of(receipt.log_time)
    statement = LeafStatement(receipt.kind, digest, receipt.answer_digest, time_us)
    return merkle.leaf_hash(commitment(statement, receipt.salt))


def verify_logged(
    receipt: Receipt, digest: bytes, trust: Trust, *, kind: EntryKind | None = None
) -> Checkpoint:
    """Verify a receipt against the statement's digest (SHA-256 of its PAE)."""
    if kind is not None:
        check_equal("The receipt's kind", receipt.kind, kind)
    checkpoint = verify_checkpoint(receipt.checkpoint, trust)
    with verifying("The receipt"):
        time_us = micros_of(receipt.log_time)
        statement = LeafStatement(receipt.kind, digest, receipt.answer_digest, time_us)
        leaf = merkle.leaf_hash(commitment(statement, receipt.salt))
        merkle.verify_inclusion(
            leaf, receipt.leaf_index, checkpoint.size, receipt.proof, checkpoint.root
        )
    return checkpoint
