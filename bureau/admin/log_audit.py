"""Audits a bureau's log from outside: every leaf downloaded, every checkpoint
recomputed. Needs no trust but the log's key.
"""

from __future__ import annotations

from dataclasses import dataclass

from bureau.admin.operator import CallError, Operator
from bureau_keys.checkpoint import Checkpoint
from bureau_keys.errors import BadProof
from bureau_keys.merkle import Frontier, leaf_hash, verify_consistency
from bureau_keys.receipt_checks import check_checkpoint, check_witnessed


@dataclass(frozen=True, slots=True)
class Audited:
    """What was found to be true.

    Attributes:
        checkpoint: The newest, whose root the leaves give.
        checkpoints: How many were recomputed.
        consistent_from: The size from which a consistency proof led to it; 0 if
            none was asked for.
        witnessed_size: Of the newest checkpoint that enough of the profile's witnesses
            have cosigned, and that the leaves give too; None if it trusts none.
        witnesses: Their names.
    """

    checkpoint: Checkpoint
    checkpoints: int
    consistent_from: int
    witnessed_size: int | None
    witnesses: tuple[str, ...]


def audit_log(operator: Operator, from_size: int = 0) -> Audited:
    """Downloads the log and recomputes it.

    Args:
        from_size: Also checks the bureau's consistency proof from this size on,
            as a client that kept only a checkpoint of that size would.

    Raises:
        BadProof: Leaves and checkpoints disagree; the message names the size.
        CallError: The bureau does not answer, or too few witnesses have cosigned.
    """
    trust = operator.profile.trust
    # 1. What the log has signed; the witnesses' first, so that it is not the newest.
    witnessed, names = _witnessed(operator)
    newest = check_checkpoint(operator.checkpoint(), trust)
    signed = {}
    for note in operator.checkpoints():
        checkpoint = check_checkpoint(note, trust)
        if checkpoint.size <= newest.size:
            signed[checkpoint.size] = checkpoint.root
    for checkpoint in filter(None, (newest, witnessed)):
        if signed.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            raise BadProof(f"the log has signed two roots of size {checkpoint.size}")

    if witnessed and witnessed.size > newest.size:
        raise BadProof(f"witnesses have cosigned {witnessed.size} leaves of {newest.size}")

    # 2. The leaves give each root.
    tree = Frontier()
    root_from = b""
    checked = _compare(tree, signed)
    for leaf in operator.leaves(0, newest.size):
        tree.append(leaf_hash(leaf))
        checked += _compare(tree, signed)
        if tree.size == from_size:
            root_from = tree.root()
    if tree.size != newest.size:
        raise BadProof(f"the log hands out {tree.size} leaves of the {newest.size} it signed")

    # 3. The log's own proof that it only grew.
    if from_size:
        if from_size > newest.size:
            raise BadProof(f"the log has {newest.size} leaves, fewer than {from_size}")
        proof = operator.consistency_proof(from_size, newest.size)
        verify_consistency(from_size, newest.size, root_from, newest.root, proof)
    size = witnessed.size if witnessed else None
    return Audited(newest, checked, from_size, size, tuple(names))


def _witnessed(operator: Operator) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that enough witnesses have cosigned: as many as the profile
    says, or else any at all.
    """
    trust = operator.profile.trust
    if not trust.witnesses:
        return None, []
    try:
        note = operator.checkpoint(max(trust.quorum, 1))
    except CallError as error:
        if error.reason == "NOT_WITNESSED" and not trust.quorum:
            return None, []
        raise
    return check_checkpoint(note, trust), check_witnessed(note, trust, max(trust.quorum, 1))


def _compare(tree: Frontier, signed: dict[int, bytes]) -> int:
    """1 if a checkpoint of the tree's size was signed and holds, 0 if none was."""
    root = signed.get(tree.size)
    if root is None:
        return 0
    if tree.root() != root:
        raise BadProof(f"the leaves do not give the root that the log signed for {tree.size}")
    return 1
