"""Receipts: proof, for ever and offline, that a statement is in the log.

The log's entry is a commitment, HMAC-SHA256 under a random salt over what is said
about the statement, so that the log tells nothing to who does not hold it. Text
form: C2SP tlog-proof, with salt and statement line in its extra data.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeafStatement:
    """What a leaf commits to.

    Attributes:
        kind: Kind of entry, for example `consent`.
        envelope_digest: SHA-256 of the signed envelope's PAE.
        answer_digest: SHA-256 of a signed answer's payload, or empty.
        time_us: When it was accepted, microseconds since 1970 UTC.
    """

    kind: str
    envelope_digest: bytes
    answer_digest: bytes
    time_us: int

    def text(self) -> bytes:
        """The lines that are committed to."""
        answer = self.answer_digest.hex() or "-"
        return (
            f"creditbureau/leaf/v1\n{self.kind}\n{self.envelope_digest.hex()}\n"
            f"{answer}\n{self.time_us}\n"
        ).encode()


def commitment(statement: LeafStatement, salt: bytes) -> bytes:
    """The log's entry for a statement: HMAC-SHA256 under a salt of 32 bytes."""
    return hmac.digest(salt, statement.text(), "sha256")
