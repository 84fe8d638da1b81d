"""Checkpoints (C2SP tlog-checkpoint): a tree's size and root, signed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from bureau_keys.c2sp_text import from_base64, from_decimal, to_base64
from bureau_keys.errors import BadProof, MalformedMessage
from bureau_keys.merkle import HASH_BYTES
from bureau_keys.note import Verifier, parse_note, sign_note, verify_note
from bureau_keys.signing import SigningKey, VerifyKey

# Checkpoints that verified last, for statements that share one; and the characters of a note up to
# which it is kept, which are those of a log with a dozen witnesses.
KEPT_NOTES = 256
LONGEST_KEPT_NOTE = 4096


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log.

    Attributes:
        origin: The log's name.
        size: Its leaves.
        root: RFC 6962 root, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """Return a checkpoint as a note signed under the log's origin.

    Raises:
        MalformedMessage: The origin cannot name a key: empty, or has spaces or a plus.
    """
    return sign_note(checkpoint.body(), checkpoint.origin, key)


def open_checkpoint(note: str, origin: str, key: VerifyKey) -> Checkpoint:
    """Verify a log's checkpoint.

    Raises:
        BadProof: It is no checkpoint of this log, or its signature does not verify.
    """
    if len(note) > LONGEST_KEPT_NOTE:
        return _opened(note, origin, key)
    return _kept(note, origin, key)


def _opened(note: str, origin: str, key: VerifyKey) -> Checkpoint:
    try:
        checkpoint = parse_checkpoint(verify_note(note, Verifier(origin, key)))
    except MalformedMessage as error:
        raise BadProof(f"no checkpoint: {error}") from error
    if checkpoint.origin != origin:
        raise BadProof(f"a checkpoint of {checkpoint.origin!r}, expected {origin!r}")
    return checkpoint


# One that does not verify is not kept: the call raises.
_kept = lru_cache(KEPT_NOTES)(_opened)


@lru_cache(1)  # the writer reads its newest after each commit, and before the next
def read_checkpoint(note: str) -> Checkpoint:
    """Read a signed checkpoint, unverified.

    Raises:
        MalformedMessage: It is none.
    """
    return parse_checkpoint(parse_note(note)[0])


def parse_checkpoint(body: str) -> Checkpoint:
    """Read a checkpoint's text, unverified.

    Raises:
        MalformedMessage: It is none.
    """
    lines = body.split("\n")
    if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]):
        raise MalformedMessage("a checkpoint has origin, size and root")
    origin, size, encoded = lines[:3]
    root = from_base64(encoded)
    if len(root) != HASH_BYTES:
        raise MalformedMessage("a checkpoint's root has 32 bytes")
    return Checkpoint(origin, from_decimal(size), root)
