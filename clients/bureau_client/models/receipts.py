"""Proof that a write is in the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the bureau hands out for every accepted write.

    Attributes:
        leaf_index: Index of the leaf, zero-based.
        tree_size: Size of the log that the checkpoint signs.
        kind: What kind of entry it is: `submission`, `inquiry`, `consent` …
        log_time: When the bureau accepted it.
        checkpoint: The signed checkpoint (C2SP signed note).
        proof: Inclusion proof, the leaf's sibling first; 32 bytes each.
        salt: Opens the leaf's commitment.
        answer_digest: SHA-256 of the answer's payload where the answer is signed
            too (a report); else empty.
    """

    leaf_index: int
    tree_size: int
    kind: str
    log_time: datetime
    checkpoint: str = field(repr=False)
    proof: tuple[bytes, ...] = field(repr=False)
    salt: bytes = field(repr=False)
    answer_digest: bytes = field(repr=False)
