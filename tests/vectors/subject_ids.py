"""Identifiers, the one input that all members make of them, and subject ids."""

from __future__ import annotations

from typing import Any

from voprf import ristretto

from bureau_keys.errors import MalformedMessage
from bureau_keys.pseudonym import SUBJECT_ID_BYTES, Evaluator, normalise
from tests.vectors.recorded import BLINDS, ELEMENTS, EVALUATED, INPUTS, SEED

GOOD = {
    "a number with dashes": ("US", "ssn", "000-12-3456"),
    "lower case": ("cn", "Resident", "11010519491231002x"),
    "spaces, dots and slashes": (" u s ", "s.s/n", "0.0/0 123456"),
    "full-width characters": ("ＵＳ", "ssn", "０００－１２－３４５６"),
    "dashes and spaces of other widths": ("US", "ssn", "000\u201312\u20143456\u3000\u00a0"),
    "a letter in two parts": ("DE", "steuerid", "a\u0308o\u03081"),
    "a letter whose upper case has two": ("DE", "steuerid", "straße"),
    "a ligature": ("DE", "steuerid", "ﬁ1"),
    "letters that a dash parted": ("DE", "steuerid", "a-\u0308"),
    "256 characters": ("US", "ssn", "1" * 256),
    "what is normalised already": ("US", "SSN", "000123456"),
}
BAD = {
    "an empty country": ("", "ssn", "1"),
    "a country of three letters": ("USA", "ssn", "1"),
    "nothing but dashes": ("US", "ssn", "--"),
    "a bar": ("US", "ssn", "1|2"),
    "a full-width bar": ("US", "ssn", "1｜2"),
    "a tab": ("US", "ssn", "1\t2"),
    "an invisible character": ("US", "ssn", "1\u200b2"),
    "257 characters": ("US", "ssn", "1" * 257),
}


def vectors() -> list[dict[str, Any]]:
    return [
        *(_normalised(f"input: {name}", *parts) for name, parts in (GOOD | BAD).items()),
        *_subject_ids(),
        *_evaluations(),
    ]


def _normalised(name: str, country: str, scheme: str, identifier: str) -> dict[str, Any]:
    vector: dict[str, Any] = {
        "name": name,
        "check": "input",
        "country": country,
        "scheme": scheme,
        "identifier": identifier,
        "valid": True,
    }
    try:
        vector["input"] = normalise(country, scheme, identifier).decode()
    except MalformedMessage:
        vector["valid"] = False
    return vector


def _subject_id(text: str) -> str:
    # What a client's own blinding gives, without its randomness.
    evaluator = ristretto.Evaluator.from_seed(SEED, b"creditbureau directory")
    return evaluator.evaluate_known_input(text.encode())[:SUBJECT_ID_BYTES].hex()


def _subject_ids() -> list[dict[str, Any]]:
    return [
        {
            "name": f"subject id: {text}",
            "check": "subject_id",
            "seed": SEED.hex(),
            "directory_key": Evaluator.from_seed(SEED).public_key.hex(),
            "input": text,
            "subject_id": _subject_id(text),
            "valid": True,
        }
        for text in INPUTS
    ]


def _evaluations() -> list[dict[str, Any]]:
    whole, key = bytes.fromhex(EVALUATED), Evaluator.from_seed(SEED).public_key
    proof, elements = whole[:64], whole[64:]
    parts = [elements[start : start + 32] for start in range(0, len(elements), 32)]
    cases = {
        "the proof, then the elements": (whole, key, True),
        "the elements, then the proof": (elements + proof, key, False),
        "the proof's numbers in another order": (proof[32:] + proof[:32] + elements, key, False),
        "the elements in another order": (proof + b"".join(parts[::-1]), key, False),
        "an element less": (whole[:-32], key, False),
        "the key of another directory": (
            whole,
            Evaluator.from_seed(b"\x01" * 32).public_key,
            False,
        ),
    }
    return [
        {
            "name": f"evaluation: {name}",
            "check": "evaluation",
            "directory_key": public.hex(),
            "inputs": list(INPUTS),
            "blinds": list(BLINDS),
            "blinded_elements": list(ELEMENTS),
            "evaluated_elements": evaluated.hex(),
            "subject_ids": [_subject_id(text) for text in INPUTS],
            "valid": valid,
        }
        for name, (evaluated, public, valid) in cases.items()
    ]
