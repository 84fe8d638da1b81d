"""Checks that a statement is in the log, against keys pinned beforehand."""

from __future__ import annotations

from bureau_keys.checkpoint import Checkpoint, open_checkpoint
from bureau_keys.cosignature import cosigned_at, parse_witness
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import digest
from bureau_keys.errors import MalformedMessage, NotWitnessed, WrongAnswer
from bureau_keys.merkle import leaf_hash, verify_inclusion
from bureau_keys.note import parse_vkey
from bureau_keys.profile import Trust
from bureau_keys.receipt import LeafStatement, commitment
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt


def check_checkpoint(note: str, trust: Trust) -> Checkpoint:
    """Verify the log's signature and return the checkpoint.

    Raises:
        KeysError: The log's key did not sign the note.
    """
    return open_checkpoint(note, trust.origin, parse_vkey(trust.log_key).key)


def witnesses_of(note: str, trust: Trust) -> list[str]:
    """Return the names of the trusted witnesses that cosigned a checkpoint.

    Raises:
        KeysError: A key in `trust` is not a witness key, or `note` is not a signed note.
    """
    return list(witness_times(note, trust))


def witness_times(note: str, trust: Trust) -> dict[str, int]:
    """Return the times of the cosignatures by trusted witnesses, in seconds since 1970 UTC.

    Raises:
        KeysError: See `witnesses_of`.
    """
    return cosigned_at(note, [parse_witness(vkey) for vkey in trust.witnesses])


def check_witnessed(note: str, trust: Trust, quorum: int) -> list[str]:
    """Check that at least `quorum` trusted witnesses cosigned a checkpoint.

    Returns:
        The witnesses' names.

    Raises:
        NotWitnessed: Fewer than `quorum` witnesses cosigned the checkpoint.
        KeysError: See `witnesses_of`.
    """
    witnesses = witnesses_of(note, trust)
    if len(witnesses) < quorum:
        raise NotWitnessed(
            f"the checkpoint has {len(witnesses)} cosignatures that count, {quorum} are needed"
        )
    return witnesses


def check_receipt(
    receipt: Receipt, envelope: Envelope, trust: Trust, kind: EntryKind
) -> Checkpoint:
    """Check that a receipt proves a statement to be in the log, as an entry of its kind.

    Raises:
        KeysError: See `check_logged`.
    """
    return check_logged(receipt, digest(envelope), trust, kind)


def check_logged(
    receipt: Receipt, statement_digest: bytes, trust: Trust, kind: EntryKind
) -> Checkpoint:
    """Check a receipt by the statement's digest (SHA-256 of its PAE).

    Returns:
        The checkpoint that the receipt's proof leads to.

    Raises:
        WrongAnswer: The receipt is that of another kind of entry.
        KeysError: The checkpoint or the inclusion proof does not verify.
    """
    if receipt.kind != kind:
        raise WrongAnswer(f"the receipt's kind is {receipt.kind or 'missing'}, expected {kind}")
    try:
        time_us = receipt.log_time.ToMicroseconds()
    except ValueError as error:
        raise MalformedMessage("the receipt's time is not in the years 1 to 9999") from error
    checkpoint = check_checkpoint(receipt.checkpoint, trust)
    statement = LeafStatement(receipt.kind, statement_digest, receipt.answer_digest, time_us)
    verify_inclusion(
        leaf_hash(commitment(statement, receipt.salt)),
        receipt.leaf_index,
        checkpoint.size,
        list(receipt.proof),
        checkpoint.root,
    )
    return checkpoint
