"""Subject ids: what the directory computes of an input."""

from __future__ import annotations

from typing import Any

from voprf import ristretto

from bureau_keys.pseudonym import SUBJECT_ID_BYTES, Evaluator
from tests.vectors.recorded import BLINDS, ELEMENTS, EVALUATED, INPUTS, SEED


def vectors() -> list[dict[str, Any]]:
    return [
        *_subject_ids(),
        *_evaluations(),
    ]


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
