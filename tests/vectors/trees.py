"""Merkle trees: of records that are submitted, and in general."""

from __future__ import annotations

from typing import Any

from bureau_keys.envelope import seal
from bureau_keys.merkle import (
    consistency_path,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
)
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import (
    SUBMISSION_KIND_ORIGINAL,
    Deletion,
    Party,
    Record,
    RecordBatch,
    SubmissionManifest,
    TradelineSnapshot,
)
from tests.vectors.cast import SUBJECT, encoded, flipped, header, key, secret

SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 13)
INCLUSIONS = ((0, 1), (0, 2), (1, 2), (2, 3), (4, 5), (3, 7), (6, 7), (7, 8), (8, 9), (9, 13))
CONSISTENCIES = ((1, 1), (1, 2), (2, 3), (3, 7), (4, 8), (6, 8), (5, 13), (8, 13), (12, 13))


class _Nodes:
    """The nodes of a tree, computed when asked for."""

    def __init__(self, hashes: list[bytes]) -> None:
        self._hashes = hashes

    def node(self, level: int, index: int) -> bytes:
        return root_of(self._hashes[index << level : (index + 1) << level])


def vectors() -> list[dict[str, Any]]:
    entries = [secret(f"entry/{number}")[: 8 + number] for number in range(max(SIZES))]
    hashes = [leaf_hash(entry) for entry in entries]
    vectors: list[dict[str, Any]] = [
        {
            "name": f"the root over {size} entries",
            "check": "root",
            "entries": [entry.hex() for entry in entries[:size]],
            "root": root_of(hashes[:size]).hex(),
            "valid": True,
        }
        for size in SIZES
    ]
    for index, size in INCLUSIONS:
        proof = inclusion_proof(hashes[:size], index)
        vectors.append(_inclusion(f"entry {index} of {size}", hashes, index, size, proof))
    vectors += _bad_inclusions(hashes)
    for first, second in CONSISTENCIES:
        proof = consistency_path(_Nodes(hashes), first, second)
        vectors.append(_consistency(f"{first} and {second} entries", hashes, first, second, proof))
    return vectors + _bad_consistencies(hashes)


def _inclusion(
    name: str,
    hashes: list[bytes],
    index: int,
    size: int,
    proof: list[bytes],
    *,
    root: bytes | None = None,
    valid: bool = True,
) -> dict[str, Any]:
    return {
        "name": f"inclusion: {name}",
        "check": "inclusion",
        "leaf_hash": hashes[index % len(hashes)].hex(),
        "index": index,
        "size": size,
        "proof": [part.hex() for part in proof],
        "root": (root or root_of(hashes[:size])).hex(),
        "valid": valid,
    }


def _bad_inclusions(hashes: list[bytes]) -> list[dict[str, Any]]:
    proof = inclusion_proof(hashes[:7], 3)
    top = node_hash(proof[0], hashes[3])
    cases: dict[str, tuple[int, int, list[bytes]]] = {
        "one bit of the proof": (3, 7, [flipped(proof[0]), *proof[1:]]),
        "another index": (2, 7, proof),
        "an index beyond the tree": (7, 7, proof),
        "too short a proof": (3, 7, proof[:-1]),
        "too long a proof": (3, 7, [*proof, proof[0]]),
        "the parts in another order": (3, 7, proof[::-1]),
        "a part of 64 bytes": (3, 7, [proof[0] + proof[1], *proof[2:]]),
        "a part of 31 bytes": (3, 7, [proof[0][:31], *proof[1:]]),
    }
    vectors = [
        _inclusion(name, hashes, index, size, parts, valid=False)
        for name, (index, size, parts) in cases.items()
    ]
    vectors.append(
        _inclusion("another root", hashes, 3, 7, proof, root=flipped(top), valid=False),
    )
    return vectors


def _consistency(
    name: str,
    hashes: list[bytes],
    first: int,
    second: int,
    proof: list[bytes],
    *,
    first_root: bytes | None = None,
    valid: bool = True,
) -> dict[str, Any]:
    return {
        "name": f"consistency: {name}",
        "check": "consistency",
        "first": first,
        "second": second,
        "first_root": (first_root or root_of(hashes[:first])).hex(),
        "second_root": root_of(hashes[:second]).hex(),
        "proof": [part.hex() for part in proof],
        "valid": valid,
    }


def _bad_consistencies(hashes: list[bytes]) -> list[dict[str, Any]]:
    proof = consistency_path(_Nodes(hashes), 3, 7)
    other = root_of([flipped(leaf) for leaf in hashes[:3]])
    cases: dict[str, tuple[int, int, list[bytes], bytes | None]] = {
        "a tree that did not grow from the first": (3, 7, proof, other),
        "one size with two roots": (3, 3, [], other),
        "one size with a proof": (3, 3, [proof[0]], None),
        "too short a proof": (3, 7, proof[:-1], None),
        "too long a proof": (3, 7, [*proof, proof[0]], None),
        "one bit of the proof": (3, 7, [flipped(proof[0]), *proof[1:]], None),
        "the larger tree first": (7, 3, proof, None),
        "from nothing": (0, 7, [], None),
    }
    return [
        _consistency(name, hashes, first, second, parts, first_root=root, valid=False)
        for name, (first, second, parts, root) in cases.items()
    ]


def snapshot(month: int, **changes: Any) -> Record:
    """Return the record of a month of acme's account."""
    fields: dict[str, Any] = {
        "month": month,
        "parties": [
            Party(subject_id=SUBJECT, role=codes_pb2.PARTY_ROLE_JOINT),
            Party(subject_id="cd" * 16, role=codes_pb2.PARTY_ROLE_JOINT),
        ],
        "portfolio_type": codes_pb2.PORTFOLIO_TYPE_REVOLVING,
        "account_type": "18",
        "currency": "USD",
        "open_date": 20200131,
        "credit_limit_minor": 500_000,
        "status": codes_pb2.ACCOUNT_STATUS_PAST_DUE_30,
        "balance_minor": 123_45,
        "amount_due_minor": 50_00,
        "amount_past_due_minor": 50_00,
        "days_past_due": 31,
        "first_delinquency_date": 20251231,
        "original_creditor": "Läufer & Söhne",
    }
    body = TradelineSnapshot(**(fields | changes))
    return Record(salt=secret(f"record/{month}"), account_ref="acc-0001", snapshot=body)


def records() -> list[bytes]:
    """Return the records of one batch, encoded."""
    batch = [
        snapshot(202601),
        snapshot(202512, status=codes_pb2.ACCOUNT_STATUS_CURRENT, balance_minor=-5),
        Record(salt=secret("record/d"), account_ref="acc-0002", deletion=Deletion(month=202511)),
    ]
    return [record.SerializeToString(deterministic=True) for record in batch]


def manifest(raws: list[bytes], name: str = "submission") -> SubmissionManifest:
    """Return the manifest that acme signs over records."""
    return SubmissionManifest(
        header=header("members/acme", name),
        kind=SUBMISSION_KIND_ORIGINAL,
        records_root=root_of([leaf_hash(raw) for raw in raws]),
        record_count=len(raws),
        label="january.dat",
    )


def batches() -> list[dict[str, Any]]:
    raws = records()
    signed = manifest(raws)
    cases = {
        "a batch of three records": (raws, True),
        "a batch of one": (raws[:1], True),
        "the records in another order": (raws[::-1], False),
        "a record less": (raws[:2], False),
        "one bit of a record": ([raws[0], flipped(raws[1], 3), raws[2]], False),
    }
    return [
        {
            "name": name,
            "records": [raw.hex() for raw in batch],
            "batch": encoded(RecordBatch(records=batch)),
            "manifest": encoded(
                seal(manifest(batch, name) if name == "a batch of one" else signed, key("acme"))
            ),
            "public_key": key("acme").verify_key.raw.hex(),
            "valid": valid,
        }
        for name, (batch, valid) in cases.items()
    ]
