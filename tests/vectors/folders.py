"""Files that pass between people: the profile of a member, a person's binding."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from bureau_keys.envelope import seal
from bureau_keys.profile import settings_text
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.subjects_pb2 import KeyBinding
from tests.vectors.cast import (
    SUBJECT,
    TRUST,
    WITNESS_KEYS,
    encoded,
    header,
    key,
    trust_of,
)
from tests.vectors.envelopes import inquiry


def profiles() -> list[dict[str, Any]]:
    keys = tuple(WITNESS_KEYS.values())
    pinned = replace(TRUST, witnesses=keys, quorum=2)
    nodes = ("node-1.bureau.example:7443", "node-2.bureau.example:7443")
    good = settings_text("acme", nodes, ("directory.example:7444",), pinned)
    plain = settings_text("acme", nodes[:1], (), TRUST)
    lines = dict(line.split(" = ", 1) for line in good.splitlines())
    without = ("directory_addresses", "witnesses", "quorum")
    old = "".join(f"{name} = {value}\n" for name, value in lines.items() if name not in without)
    comment = "# From the operator, 2026-03-01\n" + plain
    cases = {
        "two nodes, a directory elsewhere, two witnesses": (good, pinned, True),
        "one node, no witnesses": (plain, TRUST, True),
        "a comment": (comment, TRUST, True),
        "without the settings that may be left out": (old, TRUST, True),
        "issued identifiers only": (
            _set(plain, "issued_identifiers_only", True),
            replace(TRUST, issued_identifiers_only=True),
            True,
        ),
        "issued identifiers only, in a text": (
            _set(plain, "issued_identifiers_only", "yes"),
            TRUST,
            False,
        ),
        "more cosignatures than witnesses": (_set(good, "quorum", 3), TRUST, False),
        "a negative quorum": (_set(good, "quorum", -1), TRUST, False),
        "a quorum in a text": (_set(good, "quorum", "2"), TRUST, False),
        "one witness twice, and a quorum of two": (
            _set(good, "witnesses", [keys[0], keys[0]]),
            TRUST,
            False,
        ),
        "a log's key among the witnesses": (_set(good, "witnesses", [TRUST.log_key]), TRUST, False),
        "17 witnesses": (
            _set(good, "witnesses", [keys[0], keys[1]] + [keys[0]] * 15),
            TRUST,
            False,
        ),
        "a key in base64": (_set(good, "operator_key", "AAAA="), TRUST, False),
        **{
            f"without {name}": (_unset(good, name), TRUST, False)
            for name in lines
            if name not in without
        },
    }
    return [
        {
            "name": name,
            "text": text,
            "valid": valid,
            **(
                {
                    "member": "acme",
                    "addresses": list(nodes if "node-2" in text else nodes[:1]),
                    "directory_addresses": ["directory.example:7444"] if text is good else [],
                    "trust": trust_of(trust),
                }
                if valid
                else {}
            ),
        }
        for name, (text, trust, valid) in cases.items()
    ]


def _set(text: str, name: str, value: object) -> str:
    return _unset(text, name) + f"{name} = {json.dumps(value)}\n"


def _unset(text: str, name: str) -> str:
    return "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith(f"{name} =")
    )


def bindings() -> list[dict[str, Any]]:
    own, signer = key("person"), f"subjects/{SUBJECT}"
    good = _binding(own, own, header(signer, "binding"))
    cases: dict[str, tuple[Envelope, bool]] = {
        "a binding": (good, True),
        "signed with another key than it names": (
            _binding(own, key("thief"), header(signer, "binding")),
            False,
        ),
        "about another subject than signs": (
            _binding(own, own, header(f"subjects/{'ef' * 16}", "binding")),
            False,
        ),
        "signed by a member": (_binding(own, own, header("members/acme", "binding")), False),
        "for another bureau": (
            _binding(own, own, header(signer, "binding", audience="other.example/log")),
            False,
        ),
        "of a weak key": (
            seal(
                KeyBinding(
                    header=header(signer, "binding"),
                    subject_id=SUBJECT,
                    public_key=(1).to_bytes(32, "little"),
                ),
                own,
            ),
            False,
        ),
        "an inquiry": (seal(inquiry(), own), False),
    }
    return [
        {
            "name": name,
            "file": encoded(envelope),
            "audience": TRUST.origin,
            "valid": valid,
            **({"subject_id": SUBJECT, "public_key": own.verify_key.raw.hex()} if valid else {}),
        }
        for name, (envelope, valid) in cases.items()
    ]


def _binding(own: SigningKey, signed: SigningKey, head: Any) -> Envelope:
    message = KeyBinding(header=head, subject_id=SUBJECT, public_key=own.verify_key.raw)
    return seal(message, signed)
