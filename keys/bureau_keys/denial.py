"""The answer of a denied inquiry, as its leaf commits to it."""

from __future__ import annotations

from hashlib import sha256


def denial_digest(reason: str) -> bytes:
    """Return the answer digest of a denied inquiry.

    Args:
        reason: Name of the reason, as the error carries it, for example `HOLD`.

    Returns:
        SHA-256 of the lines `creditbureau/denial/v1` and the reason, each with its newline.
    """
    return sha256(f"creditbureau/denial/v1\n{reason}\n".encode()).digest()
