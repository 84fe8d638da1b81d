"""Cosignatures of checkpoints by witnesses (C2SP tlog-cosignature, Ed25519)."""

from __future__ import annotations

from bureau_keys.errors import BadProof, BadSignature, MalformedMessage
from bureau_keys.lines import MAX_DECIMAL
from bureau_keys.note import COSIGNATURE_V1, check_name, key_hash, parse_note, signature_line
from bureau_keys.signing import SigningKey, VerifyKey

TIME_BYTES = 8


def cosign(note: str, name: str, key: SigningKey, time_s: int) -> str:
    """A checkpoint's note with a witness's cosignature added.

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
    return note + signature_line(name, key_hash(name, COSIGNATURE_V1, key.verify_key) + data)


def verify_cosignature(note: str, name: str, key: VerifyKey) -> int:
    """Checks a witness's cosignature on a checkpoint.

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


def _message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()
