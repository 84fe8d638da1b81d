"""Ed25519 keys and signatures, as everybody must take or refuse them."""

from __future__ import annotations

from typing import Any

from nacl import bindings

from bureau_keys.note import note_vkey
from bureau_keys.signing import SigningKey
from tests.vectors.cast import ORIGIN, flipped, key, secret

# The prime of the field and the order of the group (RFC 8032 section 5.1).
PRIME = (1 << 255) - 19
ORDER = (1 << 252) + 27742317777372353535851937790883648493
# A point of order eight.
TORSION = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")


def vectors() -> list[dict[str, Any]]:
    own = [key(name) for name in ("log", "operator", "acme")]
    mixed = bindings.crypto_core_ed25519_add(own[0].verify_key.raw, TORSION)
    weak = {
        "the identity": (1).to_bytes(32, "little"),
        "a point of order two": (PRIME - 1).to_bytes(32, "little"),
        "a point of order four": bytes(32),
        "a point of order eight": TORSION,
        "a key with a part of small order": mixed,
        "the identity in another encoding": (PRIME + 1).to_bytes(32, "little"),
        "the identity with its sign bit": (1 << 255 | 1).to_bytes(32, "little"),
        "no point of the curve": (2).to_bytes(32, "little"),
        "31 bytes": own[0].verify_key.raw[:31],
        "33 bytes": own[0].verify_key.raw + b"\x00",
    }
    return [
        *(_good(f"a key, {number}", signing) for number, signing in enumerate(own)),
        *(
            {"name": name, "public_key": raw.hex(), "valid": False, "reason": "WEAK_KEY"}
            for name, raw in weak.items()
        ),
    ]


def _good(name: str, own: SigningKey) -> dict[str, Any]:
    return {
        "name": name,
        "seed": own.seed.hex(),
        "public_key": own.verify_key.raw.hex(),
        "spki": own.verify_key.spki.hex(),
        "key_id": own.verify_key.key_id,
        "pem": own.to_pem().decode("ascii"),
        "verifier_key": note_vkey(ORIGIN, own.verify_key),
        "valid": True,
        "reason": "",
    }


def signatures() -> list[dict[str, Any]]:
    own, message = key("acme"), secret("message")
    sig = own.sign(message)
    high = (int.from_bytes(sig[32:], "little") + ORDER).to_bytes(32, "little")
    cases = {
        "a signature": (message, sig, True),
        "of the empty message": (b"", own.sign(b""), True),
        "of another message": (flipped(message), sig, False),
        "with another R": (message, flipped(sig), False),
        "with another S": (message, flipped(sig, 32), False),
        "with S beyond the order": (message, sig[:32] + high, False),
        "of 63 bytes": (message, sig[:63], False),
        "of 65 bytes": (message, sig + b"\x00", False),
        "by another key": (message, key("brook").sign(message), False),
    }
    return [
        {
            "name": name,
            "public_key": own.verify_key.raw.hex(),
            "message": message.hex(),
            "signature": sig.hex(),
            "valid": valid,
        }
        for name, (message, sig, valid) in cases.items()
    ]
