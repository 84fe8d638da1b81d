"""Checks that a statement is in the log, against keys pinned beforehand."""

from __future__ import annotations

from bureau_keys.checkpoint import Checkpoint, open_checkpoint
from bureau_keys.cosignature import cosigners, parse_witness
from bureau_keys.envelope import digest
from bureau_keys.errors import BadProof
from bureau_keys.merkle import leaf_hash, verify_inclusion
from bureau_keys.note import parse_vkey
from bureau_keys.profile import Trust
from bureau_keys.receipt import LeafStatement, commitment
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt


def check_checkpoint(note: str, trust: Trust) -> Checkpoint:
    """A checkpoint that the log signed.

    Raises:
        KeysError: It did not.
    """
    return open_checkpoint(note, trust.origin, parse_vkey(trust.log_key).key)


def witnesses_of(note: str, trust: Trust) -> list[str]:
    """Names of the trusted witnesses that have cosigned a checkpoint.

    Raises:
        KeysError: A key in the trust is none of a witness, or it is no signed note.
    """
    return cosigners(note, [parse_witness(vkey) for vkey in trust.witnesses])


def check_witnessed(note: str, trust: Trust, quorum: int) -> list[str]:
    """Names of the trusted witnesses that have cosigned a checkpoint, once they are
    enough.

    Raises:
        KeysError: They are not, or see `witnesses_of`.
    """
    found = witnesses_of(note, trust)
    if len(found) < quorum:
        raise BadProof(f"the checkpoint has {len(found)} cosignatures, {quorum} are needed")
    return found


def check_receipt(receipt: Receipt, envelope: Envelope, trust: Trust) -> Checkpoint:
    """The checkpoint that proves a statement to be in the log.

    Raises:
        KeysError: It does not.
    """
    checkpoint = check_checkpoint(receipt.checkpoint, trust)
    told = LeafStatement(
        receipt.kind,
        digest(envelope),
        receipt.answer_digest,
        receipt.log_time.ToMicroseconds(),
    )
    verify_inclusion(
        leaf_hash(commitment(told, receipt.salt)),
        receipt.leaf_index,
        checkpoint.size,
        list(receipt.proof),
        checkpoint.root,
    )
    return checkpoint
