"""Cosignatures of checkpoints by witnesses (C2SP tlog-cosignature, Ed25519)."""

from __future__ import annotations

from collections.abc import Iterable

from bureau_keys.c2sp_text import MAX_DECIMAL
from bureau_keys.errors import BadProof, BadSignature, KeysError, MalformedMessage
from bureau_keys.note import (
    COSIGNATURE_V1,
    Verifier,
    check_name,
    key_hash,
    parse_note,
    parse_vkey,
    signature_line,
)
from bureau_keys.signing import SigningKey, VerifyKey

TIME_BYTES = 8


def parse_witness(vkey: str) -> Verifier:
    """Read a witness's verifier key.

    Raises:
        MalformedMessage: It is none, or it is a log's.
        WeakKey: See `VerifyKey.from_raw`.
    """
    verifier = parse_vkey(vkey)
    if verifier.kind != COSIGNATURE_V1:
        raise MalformedMessage(f"the key {verifier.name} signs notes, a witness's key cosigns")
    return verifier


def cosignature_line(note: str, name: str, key: SigningKey, time_s: int) -> str:
    """Return a witness's cosignature of a checkpoint, as the line that joins its note.

    The witness states that, as of the time, this is the largest consistent tree
    that it has seen of the log: it must have checked that before.

    Args:
        note: The log's signed checkpoint.
        name: The witness's key name.
        time_s: Seconds since 1970 UTC.

    Raises:
        MalformedMessage: It is no signed note, or the time is not a 63-bit number.
    """
    text, _ = parse_note(note)
    check_name(name)
    if not 0 <= time_s <= MAX_DECIMAL:
        raise MalformedMessage("a cosignature's time is below 2^63 seconds")
    data = time_s.to_bytes(TIME_BYTES, "big") + key.sign(_message(text, time_s))
    return signature_line(name, key_hash(name, COSIGNATURE_V1, key.verify_key) + data)


def cosign(note: str, name: str, key: SigningKey, time_s: int) -> str:
    """Return a checkpoint's note with a witness's cosignature added: see `cosignature_line`."""
    return note + cosignature_line(note, name, key, time_s)


def verify_cosignature(note: str, name: str, key: VerifyKey) -> int:
    """Check a witness's cosignature on a checkpoint.

    Returns:
        When it was made, seconds since 1970 UTC.

    Raises:
        MalformedMessage: It is no signed note.
        BadProof: The witness has not cosigned it, or its cosignature does not verify.
    """
    text, signatures = parse_note(note)
    wanted = (name, key_hash(name, COSIGNATURE_V1, key))
    for signature in signatures:
        if signature[:2] == wanted:
            stamp, own = signature.signature[:TIME_BYTES], signature.signature[TIME_BYTES:]
            time_s = int.from_bytes(stamp, "big")
            try:
                key.verify(own, _message(text, time_s))
            except BadSignature as error:
                raise BadProof(f"the cosignature by {name} does not verify") from error
            if time_s > MAX_DECIMAL:
                raise BadProof(f"the cosignature by {name} has an impossible time")
            return time_s
    raise BadProof(f"the checkpoint is not cosigned by {name}")


def cosigners(note: str, witnesses: Iterable[Verifier]) -> list[str]:
    """Return the names of the witnesses in `cosigned_at`."""
    return list(cosigned_at(note, witnesses))


def cosigned_at(note: str, witnesses: Iterable[Verifier]) -> dict[str, int]:
    """Return the times of the cosignatures of a checkpoint that verify, by the witness's name.

    A key counts once, whatever names it goes by: a cosignature does not say for whom
    it was made. Times are seconds since 1970 UTC.

    Raises:
        MalformedMessage: It is no signed note.
    """
    parse_note(note)
    times: dict[str, int] = {}
    counted = set[bytes]()
    for witness in witnesses:
        try:
            time_s = verify_cosignature(note, witness.name, witness.key)
        except KeysError:
            continue  # not cosigned by this one, or not well: it does not count
        if witness.key.raw not in counted:
            counted.add(witness.key.raw)
            times[witness.name] = time_s
    return times


def _message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()
