"""Messages between a log and a witness (C2SP tlog-witness), and what a witness makes of it; both
without the wire.

A witness keeps the newest checkpoint that it has cosigned of each log, and cosigns a
larger one only with the proof that the log has grown since and not changed. Two
checkpoints that cannot both be of one log are evidence against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from bureau_keys.c2sp_text import from_base64, from_decimal, to_base64
from bureau_keys.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from bureau_keys.cosignature import verify_cosignature
from bureau_keys.errors import BadProof, MalformedMessage
from bureau_keys.merkle import EMPTY_ROOT, HASH_BYTES, prefix_root, verify_consistency
from bureau_keys.note import Verifier, parse_note, signature_line
from bureau_keys.receipt import MAX_PROOF
from bureau_keys.signing import VerifyKey

PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
# Space for a full proof and a hundred signatures.
MAX_REQUEST = MAX_ANSWER = 65536


class Refused(Exception):
    """A witness does not cosign.

    Attributes:
        status: The HTTP status that says why.
        size: Of the checkpoint that it has cosigned, where the log is to start again
            from there; else None.
    """

    def __init__(self, status: HTTPStatus, why: str, size: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.size = size


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A log asks for a cosignature.

    Attributes:
        old_size: Of the tree that the witness is thought to have cosigned.
        proof: That this tree is the start of the checkpoint's: at most 63 hashes.
        note: The checkpoint, signed by the log.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    @property
    def checkpoint(self) -> Checkpoint:
        """Content of the checkpoint, unverified.

        Raises:
            MalformedMessage: It is no checkpoint; never after `from_bytes`.
        """
        return parse_checkpoint(parse_note(self.note)[0])

    def to_bytes(self) -> bytes:
        """Return the request's body."""
        lines = [f"old {self.old_size}", *map(to_base64, self.proof), "", self.note]
        return "\n".join(lines).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> AddCheckpoint:
        """Read a request's body.

        Raises:
            MalformedMessage: It is none.
        """
        if len(body) > MAX_REQUEST:
            raise MalformedMessage(f"a request has at most {MAX_REQUEST} bytes")
        head, separator, note = _text(body).partition("\n\n")
        old, *proof = head.split("\n")
        if not separator or not old.startswith("old "):
            raise MalformedMessage("a request has an old size, an empty line and a checkpoint")
        hashes = tuple(map(from_base64, proof))
        if len(hashes) > MAX_PROOF or any(len(part) != HASH_BYTES for part in hashes):
            raise MalformedMessage("a proof has at most 63 hashes of 32 bytes")
        request = cls(from_decimal(old.removeprefix("old ")), hashes, note)
        parse_checkpoint(parse_note(note)[0])
        return request


def nothing_of(origin: str) -> Checkpoint:
    """Return what a witness has seen of a log before its first checkpoint: the empty tree."""
    return Checkpoint(origin, 0, EMPTY_ROOT)


def grown(seen: Checkpoint, request: AddCheckpoint, key: VerifyKey) -> Checkpoint:
    """Return what a witness may cosign, and has seen from then on.

    Args:
        seen: The newest checkpoint that it has cosigned of this log, or `nothing_of` it.
        key: The log's.

    Raises:
        Refused: It may not; nothing has changed.
    """
    # 1. The log signed it.
    try:
        checkpoint = open_checkpoint(request.note, seen.origin, key)
    except BadProof as error:
        raise Refused(HTTPStatus.FORBIDDEN, str(error)) from error
    # 2. It goes on from what this witness has seen.
    if request.old_size > checkpoint.size:
        raise Refused(HTTPStatus.BAD_REQUEST, "the old size is above the checkpoint's")
    if checkpoint.size == seen.size and checkpoint.root != seen.root:
        why = f"the log has signed another root of size {checkpoint.size}"
        raise Refused(HTTPStatus.CONFLICT, why, seen.size)
    if request.old_size != seen.size:
        why = f"size {seen.size} was cosigned, not {request.old_size}"
        raise Refused(HTTPStatus.CONFLICT, why, seen.size)
    # 3. The log has only grown since.
    try:
        _check_growth(seen, checkpoint, request.proof)
    except BadProof as error:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
    return checkpoint


def _check_growth(seen: Checkpoint, checkpoint: Checkpoint, proof: Sequence[bytes]) -> None:
    if seen.size:
        verify_consistency(seen.size, checkpoint.size, seen.root, checkpoint.root, proof)
    elif proof:
        raise BadProof("everything goes on from the empty tree, without a proof")


def is_fork(seen: Checkpoint, request: AddCheckpoint) -> bool:
    """Return whether a request shows that a log which signed both has two histories.

    Either both are of one size, or the proof that came with it leads from another old
    root to the new one. A proof that leads nowhere shows nothing: anybody can send one
    along with a checkpoint of the log.
    """
    checkpoint = request.checkpoint
    if checkpoint.size == seen.size:
        return checkpoint.root != seen.root
    try:
        start = prefix_root(seen.size, checkpoint.size, checkpoint.root, request.proof)
    except BadProof:
        return False
    return request.old_size == seen.size and start != seen.root


def read_cosignature(answer: bytes, note: str, witness: Verifier) -> str:
    """Return a witness's own line in its answer, once it verifies; other lines are passed over.

    Args:
        note: The checkpoint that was sent.

    Raises:
        MalformedMessage: These are no signature lines.
        BadProof: It is not among them, or does not verify.
    """
    text, _ = parse_note(note)
    cosigned = f"{text}\n{_text(answer)}"
    if parse_note(cosigned)[0] != text:
        raise MalformedMessage("an answer has signature lines only")
    verify_cosignature(cosigned, witness.name, witness.key)
    mine = (witness.name, witness.key_hash)
    (own, *_) = [line for line in parse_note(cosigned)[1] if line[:2] == mine]
    return signature_line(own.name, own.key_hash + own.signature)


def read_size(answer: bytes) -> int:
    """Return the size in a witness's answer to an old size that is not its own.

    Raises:
        MalformedMessage: There is none.
    """
    text = _text(answer)
    if not text.endswith("\n"):
        raise MalformedMessage("a size has its newline")
    return from_decimal(text[:-1])


def write_size(size: int) -> bytes:
    """Return the body that `read_size` reads."""
    return f"{size}\n".encode()


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedMessage("not UTF-8") from error
