"""The vector files: their names, what each is about, and their text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.documents import ROOT
from tests.vectors import (
    canonical,
    consent_requests,
    consents,
    envelopes,
    errors,
    evidence,
    folders,
    identifiers,
    keys,
    logs,
    members,
    notes,
    reports,
    subject_ids,
    trees,
)

FOLDER = ROOT / "protos" / "vectors"
Vector = dict[str, Any]

# What each file is about, and the function that makes its vectors.
FILES: dict[str, tuple[str, Callable[[], list[Vector]]]] = {
    "bindings": ("The file with which a person binds a key to a subject id.", folders.bindings),
    "canonical": ("Encodings of messages, canonical or not.", canonical.vectors),
    "consent_requests": (
        "Lists of consent requests, and the states that their answers lead to.",
        consent_requests.vectors,
    ),
    "consents": (
        "Lists of consents, and the states that their statements lead to.",
        consents.vectors,
    ),
    "envelopes": ("Signed envelopes, and the keys that verify them.", envelopes.vectors),
    "errors": ("Refusals as google.rpc.Status, and whether a retry helps.", errors.vectors),
    "evidence": ("Tradelines of reports, and what their furnisher signed.", evidence.vectors),
    "identifiers": (
        "The registry of identifier schemes, and identifiers in their one spelling.",
        identifiers.vectors,
    ),
    "keys": ("Ed25519 keys, their ids and spellings, and keys that are refused.", keys.vectors),
    "leaves": ("Leaves of the log: the text, the commitment and the hash.", logs.leaves),
    "members": ("Members with their statements, and the keys that follow.", members.vectors),
    "notes": ("Verifier keys, checkpoints and cosignatures.", notes.vectors),
    "payload_types": ("Payload types of the messages that are signed.", envelopes.payload_types),
    "profiles": ("Texts of profile.toml.", folders.profiles),
    "receipts": ("Receipts as messages and as text.", logs.receipts),
    "reports": ("Saved reports.", reports.vectors),
    "signatures": ("Ed25519 signatures.", keys.signatures),
    "subject_ids": ("Inputs of the directory, and their subject ids.", subject_ids.vectors),
    "submissions": ("Batches of records and the root that their furnisher signs.", trees.batches),
    "trees": ("Merkle roots, inclusion proofs and consistency proofs.", trees.vectors),
}

# What a file has beside its vectors.
BESIDE: dict[str, Callable[[], dict[str, Any]]] = {"identifiers": identifiers.schemes}


def texts() -> dict[str, str]:
    """Each file's text, by its name."""
    text_of = {}
    for name, (about, make) in FILES.items():
        vectors = make()
        names = [vector["name"] for vector in vectors]
        assert len(names) == len(set(names)), f"{name}: two vectors have one name"
        text = json.dumps(
            {"about": about, **BESIDE.get(name, dict)(), "vectors": vectors},
            indent=1,
            ensure_ascii=False,
        )
        text_of[f"{name}.json"] = text + "\n"
    return text_of
