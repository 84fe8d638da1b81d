"""Verifier keys, checkpoints and cosignatures."""

from __future__ import annotations

from typing import Any

from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.cosignature import cosign
from bureau_keys.note import COSIGNATURE_V1, note_vkey, sign_note
from tests.vectors.cast import LOG, ORIGIN, TRUST, WITNESS_KEYS, WITNESSES, key, secret

NOON_S = 1_772_366_400


def vectors() -> list[dict[str, Any]]:
    return [*_verifier_keys(), *_checkpoints(), *_cosignatures()]


def _verifier_keys() -> list[dict[str, Any]]:
    good = note_vkey(ORIGIN, LOG.verify_key)
    name, hashed, encoded = good.split("+", 2)
    witness = WITNESS_KEYS["witness.example/a"]
    cases = {
        "of a log": (good, True),
        "of a witness": (witness, True),
        "with the hash of another name": (f"bureau.example/other+{hashed}+{encoded}", False),
        "with another hash": (f"{name}+00000000+{encoded}", False),
        "without a name": (f"+{hashed}+{encoded}", False),
        "with a space in its name": (f"a b+{hashed}+{encoded}", False),
        "without padding": (good.rstrip("="), False) if good.endswith("=") else (good[:-1], False),
        "of an algorithm that is not served": (
            note_vkey(ORIGIN, LOG.verify_key, b"\x02"),
            False,
        ),
    }
    return [
        {"name": f"key: {name}", "check": "verifier_key", "verifier_key": text, "valid": valid}
        for name, (text, valid) in cases.items()
    ]


def _checkpoints() -> list[dict[str, Any]]:
    root = secret("root")
    good = sign_checkpoint(Checkpoint(ORIGIN, 42, root), LOG)
    other = sign_checkpoint(Checkpoint("other.example/log", 42, root), LOG)
    body = Checkpoint(ORIGIN, 42, root).body()
    cases = {
        "a checkpoint": (good, True),
        "of an empty log": (sign_checkpoint(Checkpoint(ORIGIN, 0, root), LOG), True),
        "with a line of extension": (sign_note(f"{body}extension\n", ORIGIN, LOG), True),
        "with a signature that nobody knows": (
            good + sign_note("x\n", "stranger.example", key("brook")).partition("\n\n")[2],
            True,
        ),
        "of another log": (other, False),
        "by another key": (sign_checkpoint(Checkpoint(ORIGIN, 42, root), key("acme")), False),
        "of another size than was signed": (good.replace("\n42\n", "\n43\n"), False),
        "with a zero before its size": (
            sign_note(body.replace("\n42\n", "\n042\n"), ORIGIN, LOG),
            False,
        ),
        "of a size with a sign": (sign_note(body.replace("\n42\n", "\n+42\n"), ORIGIN, LOG), False),
        "with a root of 31 bytes": (
            sign_note(f"{ORIGIN}\n42\n{'A' * 40}AA==\n", ORIGIN, LOG),
            False,
        ),
        "without a root": (sign_note(f"{ORIGIN}\n42\n", ORIGIN, LOG), False),
        "without an empty line before its signatures": (good.replace("\n\n", "\n"), False),
        "without its last newline": (good[:-1], False),
        "without signatures": (f"{body}\n", False),
    }
    return [
        {
            "name": f"checkpoint: {name}",
            "check": "checkpoint",
            "note": note,
            "origin": ORIGIN,
            "verifier_key": TRUST.log_key,
            "valid": valid,
            **({"size": int(note.split("\n")[1]), "root": root.hex()} if valid else {}),
        }
        for name, (note, valid) in cases.items()
    ]


def _cosignatures() -> list[dict[str, Any]]:
    (first, one), (second, two) = WITNESSES.items()
    both_keys = list(WITNESS_KEYS.values())
    plain = sign_checkpoint(Checkpoint(ORIGIN, 42, secret("root")), LOG)
    by_one = cosign(plain, first, one, NOON_S)
    by_both = cosign(by_one, second, two, NOON_S + 1)
    # The same key, trusted under two names, is one witness.
    again = note_vkey("witness.example/alias", one.verify_key, COSIGNATURE_V1)
    twice = cosign(by_one, "witness.example/alias", one, NOON_S)
    late = by_both.replace(by_both.splitlines()[-1], by_one.splitlines()[-1])
    cases: dict[str, tuple[str, list[str], list[str]]] = {
        "by nobody": (plain, both_keys, []),
        "by one": (by_one, both_keys, [first]),
        "by two": (by_both, both_keys, [first, second]),
        "by one who is not trusted": (by_one, both_keys[1:], []),
        "by one key under two names": (twice, [both_keys[0], again], [first]),
        "one line twice": (late, both_keys, [first]),
        "of another checkpoint": (
            plain
            + cosign(
                sign_checkpoint(Checkpoint(ORIGIN, 43, secret("root")), LOG), first, one, NOON_S
            ).splitlines(keepends=True)[-1],
            both_keys,
            [],
        ),
    }
    return [
        {
            "name": f"cosignature: {name}",
            "check": "cosignatures",
            "note": note,
            "witnesses": keys,
            "cosigners": names,
            "valid": True,
        }
        for name, (note, keys, names) in cases.items()
    ]
