"""Two signed checkpoints of one log that contradict each other, as a file that anyone can check."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Self

from bureau_keys.c2sp_text import from_base64, to_base64
from bureau_keys.checkpoint import Checkpoint
from bureau_keys.errors import BadProof, MalformedMessage
from bureau_keys.merkle import EMPTY_ROOT, prefix_root, verify_consistency
from bureau_keys.profile import Trust
from bureau_keys.receipt import MAX_PROOF
from bureau_keys.receipt_checks import check_checkpoint

FORMAT = "creditbureau/fork-evidence/v1"
# Bytes: two notes of a hundred signatures each, and a full proof. A longer file is not read.
MAX_BYTES = 262_144


class Finding(Enum):
    """Conclusion from two checkpoints that one log has signed."""

    FORKED = "the log has two histories: no log can have signed both checkpoints and only grown"
    CONSISTENT = "the newer checkpoint extends the older one: this is no evidence of a fork"
    OPEN = "the log signed both checkpoints and gave no proof that the newer extends the older"


@dataclass(frozen=True, slots=True)
class ForkEvidence:
    """Two checkpoints that one client has seen, and the log's answer about them.

    Attributes:
        kept: Newest checkpoint that the client had verified before, a signed note.
        seen: Checkpoint that contradicts it, a signed note.
        proof: Consistency proof from the smaller to the larger tree, as the log gave it;
            empty if the log gave none.
    """

    kept: str
    seen: str
    proof: tuple[bytes, ...] = ()

    def check(self, trust: Trust) -> Finding:
        """Return the conclusion, from the two checkpoints and the log's key alone.

        Raises:
            BadProof: The log's key has not signed both checkpoints.
        """
        older, newer = sorted(
            (check_checkpoint(self.kept, trust), check_checkpoint(self.seen, trust)),
            key=lambda checkpoint: checkpoint.size,
        )
        return conclude(older, newer, self.proof)

    def to_json(self) -> bytes:
        """Return the content of an evidence file."""
        parts = {
            "format": FORMAT,
            "kept": self.kept,
            "seen": self.seen,
            "proof": [to_base64(part) for part in self.proof],
        }
        return (json.dumps(parts, indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read the content of an evidence file, unverified.

        Raises:
            MalformedMessage: The bytes are no evidence file.
        """
        if len(data) > MAX_BYTES:
            raise MalformedMessage(f"an evidence file has at most {MAX_BYTES} bytes")
        try:
            parts = json.loads(data)
            proof = tuple(from_base64(part) for part in parts["proof"])
            evidence = cls(parts["kept"], parts["seen"], proof)
            fits = parts["format"] == FORMAT and len(proof) <= MAX_PROOF
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MalformedMessage(f"no evidence of a fork: {error}") from error
        if not fits or not isinstance(evidence.kept, str) or not isinstance(evidence.seen, str):
            raise MalformedMessage("no evidence of a fork: another format")
        return evidence


def conclude(older: Checkpoint, newer: Checkpoint, proof: tuple[bytes, ...]) -> Finding:
    """Return the conclusion from two verified checkpoints of one log, the smaller one first."""
    if older.size == newer.size:
        return Finding.CONSISTENT if older.root == newer.root else Finding.FORKED
    if older.size == 0:
        return Finding.CONSISTENT if older.root == EMPTY_ROOT else Finding.FORKED
    try:
        verify_consistency(older.size, newer.size, older.root, newer.root, proof)
    except BadProof:
        pass
    else:
        return Finding.CONSISTENT
    try:
        # The proof leads to the newer root, so the log that signed it began otherwise.
        prefix_root(older.size, newer.size, newer.root, proof)
    except BadProof:
        return Finding.OPEN
    return Finding.FORKED
