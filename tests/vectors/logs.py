"""Leaves of the log, and receipts."""

from __future__ import annotations

import hashlib
from typing import Any

from bureau_keys.envelope import digest, seal
from bureau_keys.merkle import leaf_hash
from bureau_keys.receipt import LeafStatement, Receipt, commitment
from creditbureau.v1 import log_pb2
from tests.vectors.cast import (
    NOON_US,
    TRUST,
    Log,
    encoded,
    flipped,
    key,
    secret,
    trust_of,
)
from tests.vectors.envelopes import inquiry
from tests.vectors.trees import manifest, records


def leaves() -> list[dict[str, Any]]:
    own = digest(seal(manifest(records()), key("acme")))
    cases = {
        "without an answer": LeafStatement("submission", own, b"", NOON_US + 123_456),
        "with an answer": LeafStatement("inquiry", own, secret("answer"), NOON_US),
        "of the first microsecond": LeafStatement("member-change", own, b"", 0),
    }
    return [
        {
            "name": name,
            "kind": statement.kind,
            "envelope_digest": statement.envelope_digest.hex(),
            "answer_digest": statement.answer_digest.hex(),
            "time_us": statement.time_us,
            "salt": secret(name).hex(),
            "text": statement.text().decode("ascii"),
            "commitment": commitment(statement, secret(name)).hex(),
            "leaf_hash": leaf_hash(commitment(statement, secret(name))).hex(),
        }
        for name, statement in cases.items()
    ]


def receipts() -> list[dict[str, Any]]:
    log = Log()
    for number in range(5):
        log.append("submission", seal(manifest(records(), f"before/{number}"), key("acme")))
    envelope = seal(inquiry(), key("brook"))
    report = hashlib.sha256(b"the report").digest()
    good = log.append("inquiry", envelope, report)
    other = log.append("inquiry", seal(inquiry("another"), key("brook")), report)
    cases: dict[str, tuple[log_pb2.Receipt, bool]] = {
        "a receipt": (good, True),
        "of another statement": (other, False),
        "with another leaf index": (_changed(good, leaf_index=4), False),
        "with another salt": (_changed(good, salt=flipped(good.salt)), False),
        "with a salt of 31 bytes": (_changed(good, salt=good.salt[:31]), False),
        "with the salt and a zero behind it": (_changed(good, salt=good.salt + b"\x00"), False),
        "of another kind": (_changed(good, kind="submission"), False),
        "of a kind with a newline": (_changed(good, kind="inquiry\n"), False),
        "with another answer": (_changed(good, answer_digest=secret("other")), False),
        "without the answer": (_changed(good, answer_digest=b""), False),
        "with a later time": (_later(good), False),
        "with too short a proof": (_changed(good, proof=good.proof[:-1]), False),
        "with the checkpoint of another key": (
            _changed(good, checkpoint=Log(key("acme"), log.hashes[:6]).checkpoint()),
            False,
        ),
        "with a later checkpoint": (_changed(good, checkpoint=log.checkpoint()), False),
    }
    vectors: list[dict[str, Any]] = [
        {
            "name": name,
            "check": "message",
            "receipt": encoded(receipt),
            "envelope": encoded(envelope),
            "kind": "inquiry",
            "trust": trust_of(TRUST),
            "valid": valid,
        }
        for name, (receipt, valid) in cases.items()
    ]
    return vectors + _texts(good, digest(envelope))


def _texts(receipt: log_pb2.Receipt, envelope_digest: bytes) -> list[dict[str, Any]]:
    statement = LeafStatement(
        receipt.kind, envelope_digest, receipt.answer_digest, receipt.log_time.ToMicroseconds()
    )
    good = Receipt(
        receipt.leaf_index,
        tuple(receipt.proof),
        receipt.checkpoint,
        receipt.salt,
        statement,
    ).to_text()
    lines = good.split("\n")
    cases = {
        "a receipt in text": (good, True),
        "in text with another head": (good.replace("@v1", "@v2", 1), False),
        "in text without its index": (good.replace(lines[2] + "\n", "", 1), False),
        "in text with a zero before its index": (good.replace("index 5", "index 05", 1), False),
        "in text with a line of the proof less": (good.replace(lines[3] + "\n", "", 1), False),
        "in text with another checkpoint": (good.replace("\n6\n", "\n7\n", 1), False),
    }
    return [
        {
            "name": name,
            "check": "text",
            "text": text,
            "envelope_digest": envelope_digest.hex(),
            "trust": trust_of(TRUST),
            "valid": valid,
        }
        for name, (text, valid) in cases.items()
    ]


def _changed(receipt: log_pb2.Receipt, **changes: Any) -> log_pb2.Receipt:
    fields = {field.name: getattr(receipt, field.name) for field in receipt.DESCRIPTOR.fields}
    return log_pb2.Receipt(**(fields | changes))


def _later(receipt: log_pb2.Receipt) -> log_pb2.Receipt:
    changed = _changed(receipt)
    changed.log_time.nanos += 1000
    return changed
