"""Proof that a write is in the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The bureau's proof of an accepted write.

    Attributes:
        leaf_index: Index of the leaf, zero-based.
        tree_size: Size of the log that the checkpoint signs.
        kind: Kind of the log entry: `submission`, `inquiry`, `consent` …
        log_time: Time at which the bureau accepted the write.
        checkpoint: The signed checkpoint (C2SP signed note).
        proof: Inclusion proof, the leaf's sibling first; 32 bytes each.
        salt: Salt of the leaf's commitment.
        answer_digest: SHA-256 of the payload of a signed answer (a report); empty for an
            answer without a signature.
    """

    leaf_index: int
    tree_size: int
    kind: str
    log_time: datetime
    checkpoint: str = field(repr=False)
    proof: tuple[bytes, ...] = field(repr=False)
    salt: bytes = field(repr=False)
    answer_digest: bytes = field(repr=False)
