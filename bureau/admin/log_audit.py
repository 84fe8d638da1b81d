"""Audit of a bureau's log from outside: every leaf is downloaded and every checkpoint
recomputed. The log's key is the only trust that it needs.
"""

from __future__ import annotations

from dataclasses import dataclass

from bureau.admin.operator import CallError, Operator
from bureau_keys.checkpoint import Checkpoint
from bureau_keys.errors import BadProof
from bureau_keys.log_audit import LogAudit, check_checkpoints
from bureau_keys.merkle import verify_consistency
from bureau_keys.receipt_checks import check_checkpoint, check_witnessed


@dataclass(frozen=True, slots=True)
class Audited:
    """The result of an audit.

    Attributes:
        checkpoint: The newest checkpoint, whose root the leaves give.
        checkpoints: The number of checkpoints recomputed.
        consistent_from: The size from which a consistency proof led to the newest
            checkpoint; 0 if none was requested.
        witnessed_size: The size of the newest checkpoint that enough of the profile's
            witnesses cosigned, whose root the leaves give too; None without witnesses.
        witnesses: The names of these witnesses.
    """

    checkpoint: Checkpoint
    checkpoints: int
    consistent_from: int
    witnessed_size: int | None
    witnesses: tuple[str, ...]


def audit_log(operator: Operator, from_size: int = 0) -> Audited:
    """Download the log and recompute every checkpoint.

    Args:
        operator: The connection to the bureau.
        from_size: Also check the bureau's consistency proof from this size on,
            as a client that kept only a checkpoint of that size would.

    Raises:
        BadProof: Leaves and checkpoints disagree; the message names the size.
        CallError: The bureau does not answer, or too few witnesses have cosigned.
    """
    trust = operator.profile.trust
    # 1. The signed checkpoints; the cosigned one first, so that it is not newer than `newest`.
    witnessed, names = _witnessed(operator)
    newest = check_checkpoint(operator.checkpoint(), trust)
    listed = [
        checkpoint
        for note in operator.checkpoints()
        if (checkpoint := check_checkpoint(note, trust)).size <= newest.size
    ]
    kept = [newest, *([witnessed] if witnessed else [])]
    check_checkpoints(listed, kept)
    if witnessed and witnessed.size > newest.size:
        raise BadProof(f"witnesses have cosigned {witnessed.size} leaves of {newest.size}")

    # 2. The leaves give each root.
    audit = LogAudit({checkpoint.size: checkpoint for checkpoint in (*listed, *kept)}.values())
    root_from = b""
    for leaf in operator.leaves(0, newest.size):
        if audit.wrong is not None:
            break
        audit.add(leaf)
        if audit.frontier.size == from_size:
            root_from = audit.frontier.root()
    if audit.wrong is not None:
        raise BadProof(
            f"the leaves do not give the root that the log signed for {audit.wrong.size}"
        )
    if audit.frontier.size != newest.size:
        raise BadProof(
            f"the log hands out {audit.frontier.size} leaves of the {newest.size} it signed"
        )

    # 3. The log's own proof that it only grew.
    if from_size:
        if from_size > newest.size:
            raise BadProof(f"the log has {newest.size} leaves, fewer than {from_size}")
        proof = operator.consistency_proof(from_size, newest.size)
        verify_consistency(from_size, newest.size, root_from, newest.root, proof)
    size = witnessed.size if witnessed else None
    return Audited(newest, audit.held, from_size, size, tuple(names))


def _witnessed(operator: Operator) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest checkpoint that enough witnesses cosigned, and their names.

    The profile's quorum is enough; one witness, if the quorum is 0.
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
