"""Checkpoints (C2SP tlog-checkpoint): a tree's size and root, signed."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from bureau_keys.errors import BadProof, MalformedMessage
from bureau_keys.merkle import HASH_BYTES
from bureau_keys.note import Verifier, sign_note, verify_note
from bureau_keys.signing import SigningKey, VerifyKey


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
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """A checkpoint as a note signed under the log's origin."""
    return sign_note(checkpoint.body(), checkpoint.origin, key)


def open_checkpoint(note: str, origin: str, key: VerifyKey) -> Checkpoint:
    """Verifies a log's checkpoint.

    Raises:
        BadProof: It is not this log's, or its signature does not verify.
    """
    try:
        checkpoint = parse_checkpoint(verify_note(note, Verifier(origin, key)))
    except MalformedMessage as error:
        raise BadProof(f"no checkpoint: {error}") from error
    if checkpoint.origin != origin:
        raise BadProof(f"a checkpoint of {checkpoint.origin!r}, expected {origin!r}")
    return checkpoint


def parse_checkpoint(body: str) -> Checkpoint:
    """Reads a checkpoint's text, unverified.

    Raises:
        MalformedMessage: It is none.
    """
    lines = body.split("\n")
    if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]):
        raise MalformedMessage("a checkpoint has origin, size and root")
    origin, size, encoded = lines[:3]
    if not (size.isascii() and size.isdigit()) or (size[0] == "0" and size != "0"):
        raise MalformedMessage("a checkpoint's size is a decimal")
    try:
        root = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise MalformedMessage("a checkpoint's root is base64") from error
    if len(root) != HASH_BYTES:
        raise MalformedMessage("a checkpoint's root has 32 bytes")
    return Checkpoint(origin, int(size), root)
