"""Receipts: proof, offline and without end, that a statement is in the log.

The log's entry is a commitment, HMAC-SHA256 under a random salt over what is said
about the statement, so that the log tells nothing to those who do not hold it.
The text form is C2SP tlog-proof; its extra data opens the commitment: the salt,
then the lines that are committed to.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from bureau_keys.c2sp_text import from_base64, from_decimal, to_base64
from bureau_keys.checkpoint import Checkpoint, open_checkpoint
from bureau_keys.errors import BadProof, MalformedMessage
from bureau_keys.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from bureau_keys.signing import VerifyKey

HEAD = "c2sp.org/tlog-proof@v1"
SALT_BYTES = 32
# A proof has at most one hash for each level of a tree of 2^63 leaves.
MAX_PROOF = 63
_KIND = re.compile(r"[a-z][a-z0-9-]*")
_SIZES = frozenset({(HASH_BYTES, HASH_BYTES), (HASH_BYTES, 0)})


@dataclass(frozen=True, slots=True)
class LeafStatement:
    """Statement that a leaf commits to.

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
        """Return the lines that are committed to.

        Raises:
            MalformedMessage: The fields do not make one line each.
        """
        sizes = len(self.envelope_digest), len(self.answer_digest)
        if not _KIND.fullmatch(self.kind) or sizes not in _SIZES or self.time_us < 0:
            raise MalformedMessage("a leaf has a kind, digests of 32 bytes and a time")
        answer = self.answer_digest.hex() or "-"
        return (
            f"creditbureau/leaf/v1\n{self.kind}\n{self.envelope_digest.hex()}\n"
            f"{answer}\n{self.time_us}\n"
        ).encode()

    @classmethod
    def from_text(cls, text: bytes) -> LeafStatement:
        """Read the lines.

        Raises:
            MalformedMessage: They are not such lines.
        """
        try:
            head, kind, envelope, answer, time_us, end = text.decode("ascii").split("\n")
            statement = cls(
                kind,
                bytes.fromhex(envelope),
                b"" if answer == "-" else bytes.fromhex(answer),
                int(time_us),
            )
        except ValueError as error:
            raise MalformedMessage("not the lines of a leaf") from error
        if head != "creditbureau/leaf/v1" or end or statement.text() != text:
            raise MalformedMessage("not the lines of a leaf")
        return statement


def commitment(statement: LeafStatement, salt: bytes) -> bytes:
    """Return the log's entry for a statement: HMAC-SHA256 under a salt of 32 bytes.

    Raises:
        MalformedMessage: The salt has another length, or see `LeafStatement.text`.
    """
    # HMAC would take a shorter salt and one with zeros after it for the same.
    if len(salt) != SALT_BYTES:
        raise MalformedMessage("a salt has 32 bytes")
    return hmac.digest(salt, statement.text(), "sha256")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as a file of its own.

    Attributes:
        index: The leaf's index, zero-based.
        proof: Inclusion proof, the leaf's sibling first.
        checkpoint: The signed checkpoint that the proof leads to.
        salt: Opens the commitment, 32 bytes.
        statement: What is committed to.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    salt: bytes
    statement: LeafStatement

    def verify(self, envelope_digest: bytes, origin: str, key: VerifyKey) -> Checkpoint:
        """Check that a statement is in the log.

        Args:
            envelope_digest: `envelope.digest` of the statement in question.
            origin: The log.
            key: The log's key.

        Raises:
            BadProof: It is another statement's receipt, or does not hold.
            MalformedMessage: Its salt or statement is none; never after `from_text`.
        """
        # 1. It speaks of this statement.
        if self.statement.envelope_digest != envelope_digest:
            raise BadProof("the receipt is for another statement")
        # 2. The log signed this tree.
        checkpoint = open_checkpoint(self.checkpoint, origin, key)
        # 3. The leaf is in it.
        hashed = leaf_hash(commitment(self.statement, self.salt))
        verify_inclusion(hashed, self.index, checkpoint.size, self.proof, checkpoint.root)
        return checkpoint

    def to_text(self) -> str:
        """Return the C2SP tlog-proof."""
        lines = [HEAD, f"extra {to_base64(self.salt + self.statement.text())}"]
        lines += [f"index {self.index}", *map(to_base64, self.proof), "", self.checkpoint]
        return "\n".join(lines)

    @classmethod
    def from_text(cls, text: str) -> Receipt:
        """Read a C2SP tlog-proof with our extra data.

        Raises:
            MalformedMessage: It is none.
        """
        head, separator, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not separator or len(lines) < 3 or lines[0] != HEAD:
            raise MalformedMessage("not a tlog-proof")
        extra, index, *proof = lines[1:]
        if not extra.startswith("extra ") or not index.startswith("index "):
            raise MalformedMessage("a receipt has extra data and an index")
        hashes = tuple(map(from_base64, proof))
        if len(hashes) > MAX_PROOF or any(len(part) != HASH_BYTES for part in hashes):
            raise MalformedMessage("a proof has at most 63 hashes of 32 bytes")
        opening = from_base64(extra.removeprefix("extra "))
        return cls(
            index=from_decimal(index.removeprefix("index ")),
            proof=hashes,
            checkpoint=checkpoint,
            salt=opening[:SALT_BYTES],
            statement=LeafStatement.from_text(opening[SALT_BYTES:]),
        )
