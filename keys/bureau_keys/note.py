"""Signed notes and their verifier keys (C2SP signed-note)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from bureau_keys.c2sp_text import from_base64, to_base64
from bureau_keys.errors import BadProof, BadSignature, MalformedMessage
from bureau_keys.signing import KEY_BYTES, SigningKey, VerifyKey

ED25519 = b"\x01"
COSIGNATURE_V1 = b"\x04"
DASH = "\u2014"
KEY_HASH_BYTES = 4
# Characters; the format asks to accept 16 signatures at least.
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
# Control characters, and halves of characters that UTF-8 cannot write.
_UNFIT = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_UNFIT_IN_NAMES = re.compile(r"[\s+\x00-\x1f\ud800-\udfff]")
# Verifier keys that were read last: a client has a few, and reads one with each receipt.
KEPT_KEYS = 64


class NoteSignature(NamedTuple):
    """One signature line.

    Attributes:
        name: The key's name.
        key_hash: First 4 bytes of its hash.
        signature: What follows; 64 bytes for Ed25519.
    """

    name: str
    key_hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Verifier:
    """A name and the key that signs under it.

    Attributes:
        kind: Type of its signatures: notes, or cosignatures of checkpoints.
    """

    name: str
    key: VerifyKey
    kind: bytes = ED25519

    @property
    def key_hash(self) -> bytes:
        """Mark of this key's lines in a note."""
        return key_hash(self.name, self.kind, self.key)


def key_hash(name: str, kind: bytes, key: VerifyKey) -> bytes:
    """Return the first 4 bytes of SHA-256(name || LF || type || key)."""
    return hashlib.sha256(name.encode() + b"\n" + kind + key.raw).digest()[:KEY_HASH_BYTES]


def note_vkey(name: str, key: VerifyKey, kind: bytes = ED25519) -> str:
    """Return a verifier key in text: `name+hash+base64`.

    Raises:
        MalformedMessage: A key cannot have this name.
    """
    check_name(name)
    return f"{name}+{key_hash(name, kind, key).hex()}+{to_base64(kind + key.raw)}"


@lru_cache(KEPT_KEYS)
def parse_vkey(vkey: str) -> Verifier:
    """Read a verifier key.

    Raises:
        MalformedMessage: It is none, or not of Ed25519.
        WeakKey: See `VerifyKey.from_raw`.
    """
    name, _, rest = vkey.partition("+")
    hashed, _, encoded = rest.partition("+")
    data = from_base64(encoded)
    check_name(name)
    kind, raw = data[:1], data[1:]
    if kind not in {ED25519, COSIGNATURE_V1} or len(raw) != KEY_BYTES:
        raise MalformedMessage("not an Ed25519 verifier key")
    verifier = Verifier(name, VerifyKey.from_raw(raw), kind)
    if verifier.key_hash.hex() != hashed:
        raise MalformedMessage("the verifier key's hash is not its own")
    return verifier


def sign_note(text: str, name: str, key: SigningKey) -> str:
    """Return a note with one Ed25519 signature.

    Args:
        text: One or more lines, with the last one's newline.

    Raises:
        MalformedMessage: The text or the name cannot stand in a note.
    """
    check_text(text)
    check_name(name)
    signature = key_hash(name, ED25519, key.verify_key) + key.sign(text.encode())
    return f"{text}\n{signature_line(name, signature)}"


def signature_line(name: str, data: bytes) -> str:
    """Return a signature line from key hash and signature."""
    return f"{DASH} {name} {to_base64(data)}\n"


def parse_note(note: str) -> tuple[str, list[NoteSignature]]:
    """Split a note into its text and its signatures.

    Raises:
        MalformedMessage: It is no signed note.
    """
    if len(note) > MAX_NOTE:
        raise MalformedMessage("the note is too long")
    head, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise MalformedMessage("a note has text, an empty line and signatures")
    text = head + "\n"
    check_text(text)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedMessage("the note has too many signatures")
    return text, [_parse_line(line) for line in lines]


def verify_note(note: str, *verifiers: Verifier) -> str:
    """Return the text of a note that at least one of some keys signed.

    Signatures of other keys are passed over.

    Raises:
        MalformedMessage: It is no signed note.
        BadProof: It has no signature by one of the keys, or one that does not verify.
    """
    text, signatures = parse_note(note)
    known = {(verifier.name, verifier.key_hash): verifier.key for verifier in verifiers}
    mine = [signature for signature in signatures if signature[:2] in known]
    if not mine:
        names = " or ".join(verifier.name for verifier in verifiers)
        raise BadProof(f"the note is not signed by {names}")
    for signature in mine:
        try:
            known[signature[:2]].verify(signature.signature, text.encode())
        except BadSignature as error:
            raise BadProof(f"the note's signature by {signature.name} does not verify") from error
    return text


def check_text(text: str) -> None:
    """Raise MalformedMessage unless a text can be signed."""
    if not text.endswith("\n") or _UNFIT.search(text):
        raise MalformedMessage("a note's text ends with a newline and has no control characters")


def check_name(name: str) -> None:
    """Raise MalformedMessage unless a key can have this name."""
    if not name or _UNFIT_IN_NAMES.search(name):
        raise MalformedMessage("a key's name is not empty and has no spaces and no plus")


def _parse_line(line: str) -> NoteSignature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    check_name(name)
    data = from_base64(encoded)
    if dash != DASH or len(data) <= KEY_HASH_BYTES:
        raise MalformedMessage("not a signature line")
    return NoteSignature(name, data[:KEY_HASH_BYTES], data[KEY_HASH_BYTES:])
