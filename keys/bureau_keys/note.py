"""Signed notes and their verifier keys (C2SP signed-note)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from bureau_keys.errors import BadProof, BadSignature, MalformedMessage
from bureau_keys.signing import SigningKey, VerifyKey

ED25519 = b"\x01"
COSIGNATURE_V1 = b"\x04"
DASH = "\u2014"
KEY_HASH_BYTES = 4
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class NoteSignature:
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
    """A name and the key that signs under it."""

    name: str
    key: VerifyKey

    @property
    def key_hash(self) -> bytes:
        """What marks this key's lines in a note."""
        return key_hash(self.name, ED25519, self.key)


def key_hash(name: str, kind: bytes, key: VerifyKey) -> bytes:
    """First 4 bytes of SHA-256(name || LF || type || key)."""
    return hashlib.sha256(name.encode() + b"\n" + kind + key.raw).digest()[:KEY_HASH_BYTES]


def note_vkey(name: str, key: VerifyKey, kind: bytes = ED25519) -> str:
    """A verifier key in text: `name+hash+base64`."""
    return f"{name}+{key_hash(name, kind, key).hex()}+{_encode(kind + key.raw)}"


def parse_vkey(vkey: str) -> Verifier:
    """Reads a verifier key.

    Raises:
        MalformedMessage: It is none, or not of Ed25519.
    """
    name, _, rest = vkey.partition("+")
    hashed, _, encoded = rest.partition("+")
    data = _decode(encoded)
    check_name(name)
    if data[:1] not in {ED25519, COSIGNATURE_V1} or len(data) != 33:
        raise MalformedMessage("not an Ed25519 verifier key")
    key = VerifyKey.from_raw(data[1:])
    if key_hash(name, data[:1], key).hex() != hashed:
        raise MalformedMessage("the verifier key's hash is not its own")
    return Verifier(name, key)


def sign_note(text: str, name: str, key: SigningKey) -> str:
    """A note with one Ed25519 signature.

    Args:
        text: One or more lines, with the last one's newline.
    """
    check_text(text)
    check_name(name)
    signature = key_hash(name, ED25519, key.verify_key) + key.sign(text.encode())
    return f"{text}\n{signature_line(name, signature)}"


def signature_line(name: str, data: bytes) -> str:
    """A signature line from key hash and signature."""
    return f"{DASH} {name} {_encode(data)}\n"


def parse_note(note: str) -> tuple[str, list[NoteSignature]]:
    """Splits a note into its text and its signatures.

    Raises:
        MalformedMessage: It is no signed note.
    """
    if len(note) > MAX_NOTE_BYTES:
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


def verify_note(note: str, verifier: Verifier) -> str:
    """The text of a note that a key signed.

    Raises:
        MalformedMessage: It is no signed note.
        BadProof: It has no valid signature of the key.
    """
    text, signatures = parse_note(note)
    mine = [s for s in signatures if (s.name, s.key_hash) == (verifier.name, verifier.key_hash)]
    if not mine:
        raise BadProof(f"the note is not signed by {verifier.name}")
    for signature in mine:
        try:
            verifier.key.verify(signature.signature, text.encode())
        except BadSignature as error:
            raise BadProof(f"the note's signature by {verifier.name} does not verify") from error
    return text


def check_text(text: str) -> None:
    """Raises MalformedMessage unless a text can be signed."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise MalformedMessage("a note's text ends with a newline and has no control characters")


def check_name(name: str) -> None:
    """Raises MalformedMessage unless a key can have this name."""
    if not name or "+" in name or any(c.isspace() for c in name):
        raise MalformedMessage("a key's name is not empty and has no spaces and no plus")


def _parse_line(line: str) -> NoteSignature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    data = _decode(encoded)
    if dash != DASH or not name or len(data) <= KEY_HASH_BYTES:
        raise MalformedMessage("not a signature line")
    return NoteSignature(name, data[:KEY_HASH_BYTES], data[KEY_HASH_BYTES:])


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedMessage("not base64") from error
