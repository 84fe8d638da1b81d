"""The vectors of the wire format hold for the code that the bureau and the SDK run."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from bureau_client import BureauError, Report
from bureau_client._transport.retry import is_retryable
from bureau_client._transport.status_errors import translate
from bureau_client.verify.bundles import verify_bundle
from bureau_keys import envelope as envelopes
from bureau_keys import merkle
from bureau_keys.checkpoint import open_checkpoint
from bureau_keys.cosignature import cosigners, parse_witness
from bureau_keys.errors import BadProof, KeysError
from bureau_keys.evidence import read_page
from bureau_keys.key_history import STILL, logged_keys
from bureau_keys.note import note_vkey, parse_vkey
from bureau_keys.profile import Profile, Trust
from bureau_keys.provenance import EvidenceCheck, check_complete
from bureau_keys.pseudonym import Blinded, Evaluator, normalise
from bureau_keys.receipt import LeafStatement, Receipt, commitment
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signing import SigningKey, VerifyKey
from creditbureau.v1 import (
    alert_pb2,
    consents_pb2,
    furnishing_pb2,
    log_pb2,
    members_pb2,
    report_pb2,
    reporting_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.record_pb2 import RecordBatch, SubmissionManifest
from creditbureau.v1.report_pb2 import EvidencePage
from tests.vectors.files import FOLDER, texts
from tests.vectors.recorded import SEED

Vector = dict[str, Any]
FILES = [
    alert_pb2,
    consents_pb2,
    furnishing_pb2,
    log_pb2,
    members_pb2,
    report_pb2,
    reporting_pb2,
    subjects_pb2,
]


def test_the_files_are_what_the_script_writes() -> None:
    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == texts()


def test_every_file_is_checked_here() -> None:
    assert {f"{name}.json" for name in CHECKS} == {path.name for path in FOLDER.iterdir()}


def test_every_file_has_both_kinds_of_vectors() -> None:
    # A payload type and a leaf are computed, a refusal is read: nothing of these is refused.
    one_sided = {"payload_types", "leaves", "errors"}
    for name in CHECKS.keys() - one_sided:
        assert {vector["valid"] for vector in vectors_of(name)} == {True, False}, name


@cache
def vectors_of(name: str) -> list[Vector]:
    found: list[Vector] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["vectors"]
    return found


def message_class(name: str) -> type[Message]:
    pool = report_pb2.DESCRIPTOR.pool
    return GetMessageClass(pool.FindMessageTypeByName(f"creditbureau.v1.{name}"))


def read(kind: type[Message], data: str) -> Any:
    return kind.FromString(bytes.fromhex(data))


def trust_in(vector: Vector) -> Trust:
    told = vector["trust"]
    return Trust(
        origin=told["origin"],
        log_key=told["log_key"],
        operator_key=bytes.fromhex(told["operator_key"]),
        report_keys=tuple(map(bytes.fromhex, told["report_keys"])),
        directory_key=bytes.fromhex(told["directory_key"]),
        witnesses=tuple(told["witnesses"]),
        quorum=told["quorum"],
    )


def canonical(at: Vector) -> None:
    envelopes.parse_canonical(message_class(at["message"]), bytes.fromhex(at["data"]))


def payload_type(at: Vector) -> None:
    assert envelopes.payload_type_of(message_class(at["name"])) == at["payload_type"]


def key(at: Vector) -> None:
    public = VerifyKey.from_raw(bytes.fromhex(at["public_key"]))
    own = SigningKey.from_seed(bytes.fromhex(at["seed"]))
    assert own == SigningKey.from_pem(at["pem"].encode())
    assert own.verify_key == public == VerifyKey.from_spki(bytes.fromhex(at["spki"]))
    assert public.key_id == at["key_id"]
    assert parse_vkey(at["verifier_key"]).key == public
    assert note_vkey(parse_vkey(at["verifier_key"]).name, public) == at["verifier_key"]


def signature(at: Vector) -> None:
    public = VerifyKey.from_raw(bytes.fromhex(at["public_key"]))
    public.verify(bytes.fromhex(at["signature"]), bytes.fromhex(at["message"]))


def envelope(at: Vector) -> None:
    sealed = read(Envelope, at["envelope"])
    assert envelopes.pae(sealed.payload_type, sealed.payload).hex() == at["pae"]
    assert envelopes.digest(sealed).hex() == at["digest"]
    keys = [VerifyKey.from_raw(bytes.fromhex(raw)) for raw in at["public_keys"]]
    kind = message_class(at["message"])
    message, _ = envelopes.verify_envelope(sealed, kind, {own.key_id: own for own in keys})
    if "seed" in at:
        assert envelopes.seal(message, SigningKey.from_seed(bytes.fromhex(at["seed"]))) == sealed


def tree(at: Vector) -> None:
    proof = [bytes.fromhex(part) for part in at.get("proof", [])]
    if at["check"] == "root":
        entries = [bytes.fromhex(entry) for entry in at["entries"]]
        assert merkle.root_of([merkle.leaf_hash(entry) for entry in entries]).hex() == at["root"]
    elif at["check"] == "inclusion":
        leaf, root = bytes.fromhex(at["leaf_hash"]), bytes.fromhex(at["root"])
        merkle.verify_inclusion(leaf, at["index"], at["size"], proof, root)
    else:
        roots = bytes.fromhex(at["first_root"]), bytes.fromhex(at["second_root"])
        merkle.verify_consistency(at["first"], at["second"], *roots, proof)


def submission(at: Vector) -> None:
    own = VerifyKey.from_raw(bytes.fromhex(at["public_key"]))
    signed, _ = envelopes.verify_envelope(
        read(Envelope, at["manifest"]), SubmissionManifest, {own.key_id: own}
    )
    raws = [bytes.fromhex(raw) for raw in at["records"]]
    assert list(read(RecordBatch, at["batch"]).records) == raws
    for raw in raws if at["valid"] else ():
        envelopes.parse_canonical(message_class("Record"), raw)
    root = merkle.root_of([merkle.leaf_hash(raw) for raw in raws])
    if (signed.record_count, signed.records_root) != (len(raws), root):
        raise BadProof("other records")


def note(at: Vector) -> None:
    if at["check"] == "verifier_key":
        parse_vkey(at["verifier_key"])
    elif at["check"] == "checkpoint":
        found = open_checkpoint(at["note"], at["origin"], parse_vkey(at["verifier_key"]).key)
        assert (found.size, found.root.hex()) == (at["size"], at["root"])
    else:
        witnesses = [parse_witness(text) for text in at["witnesses"]]
        assert cosigners(at["note"], witnesses) == at["cosigners"]


def leaf(at: Vector) -> None:
    digests = bytes.fromhex(at["envelope_digest"]), bytes.fromhex(at["answer_digest"])
    statement = LeafStatement(at["kind"], *digests, at["time_us"])
    assert statement.text().decode() == at["text"]
    entry = commitment(statement, bytes.fromhex(at["salt"]))
    assert entry.hex() == at["commitment"]
    assert merkle.leaf_hash(entry).hex() == at["leaf_hash"]


def receipt(at: Vector) -> None:
    trust = trust_in(at)
    if at["check"] == "text":
        found = Receipt.from_text(at["text"])
        found.verify(
            bytes.fromhex(at["envelope_digest"]), trust.origin, parse_vkey(trust.log_key).key
        )
        assert found.to_text() == at["text"]
        return
    message = read(log_pb2.Receipt, at["receipt"])
    check_receipt(message, read(Envelope, at["envelope"]), trust, at["kind"])


def member(at: Vector) -> None:
    members = [read(members_pb2.Member, data) for data in at["members"]]
    found = logged_keys(members, trust_in(at))
    told = {
        name: [
            {
                "key_id": own.key.key_id,
                "from": own.start,
                "to": 0 if own.end == STILL else own.end,
            }
            for own in keys
        ]
        for name, keys in found.items()
    }
    assert told == at["keys"]


def evidence(at: Vector) -> None:
    told = read(report_pb2.Report, at["report"])
    pieces = read_page(read(EvidencePage, at["evidence"]))
    if at["check"] == "completeness":
        check_complete(told, pieces, at["level"])
        return
    trust, [piece] = trust_in(at), pieces
    members = [read(members_pb2.Member, data) for data in at["members"]]
    keys = {at["furnisher"]: logged_keys(members, trust)[at["furnisher"]]}
    EvidenceCheck(told, keys, trust).check(piece)


def subject_id(at: Vector) -> None:
    if at["check"] == "input":
        found = normalise(at["country"], at["scheme"], at["identifier"]).decode()
        assert found == at.get("input", found)
        return
    evaluator = Evaluator.from_seed(SEED)
    if at["check"] == "subject_id":
        assert evaluator.public_key.hex() == at["directory_key"]
        blinded = Blinded([at["input"].encode()])
        answer = evaluator.evaluate(blinded.elements)
        assert blinded.finalize(answer, evaluator.public_key) == [at["subject_id"]]
        return
    # The library makes blinds of its own: what was recorded is compared with what the
    # same elements give now, and the lies are told about an answer of today.
    elements = [bytes.fromhex(element) for element in at["blinded_elements"]]
    recorded = bytes.fromhex(at["evaluated_elements"])
    if at["valid"]:
        assert evaluator.evaluate(elements)[64:] == recorded[64:]
    blinded = Blinded([text.encode() for text in at["inputs"]])
    answer = TOLD[at["name"].removeprefix("evaluation: ")](evaluator.evaluate(blinded.elements))
    found_ids = blinded.finalize(answer, bytes.fromhex(at["directory_key"]))
    assert found_ids == at["subject_ids"]


def reversed_elements(answer: bytes) -> bytes:
    parts = [answer[start : start + 32] for start in range(64, len(answer), 32)]
    return answer[:64] + b"".join(parts[::-1])


TOLD: dict[str, Callable[[bytes], bytes]] = {
    "the proof, then the elements": lambda answer: answer,
    "the elements, then the proof": lambda answer: answer[64:] + answer[:64],
    "the proof's numbers in another order": lambda answer: (
        answer[32:64] + answer[:32] + answer[64:]
    ),
    "the elements in another order": reversed_elements,
    "an element less": lambda answer: answer[:-32],
    "the key of another directory": lambda answer: answer,
}


def report(at: Vector, folder: Path) -> None:
    path = folder / "report.json"
    path.write_text(at["file"], "utf-8")
    verify_bundle(Report.load(path), trust_in(at))


def profile(at: Vector, folder: Path) -> None:
    for name in ("ca.pem", "tls.pem", "tls.key", "signing.pem"):
        (folder / name).write_bytes(b"")
    (folder / "profile.toml").write_text(at["text"], "utf-8")
    found = Profile.load(folder)
    assert found.member_id == at["member"]
    assert list(found.addresses) == at["addresses"]
    assert list(found.directory_addresses) == at["directory_addresses"]
    assert found.trust == trust_in(at)


def binding(at: Vector) -> None:
    sealed = read(Envelope, at["file"])
    message = envelopes.peek(sealed, subjects_pb2.KeyBinding)
    own = VerifyKey.from_raw(message.public_key)
    envelopes.verify_envelope(sealed, subjects_pb2.KeyBinding, {own.key_id: own})
    if message.header.signer != f"subjects/{message.subject_id}":
        raise BadProof("signed by somebody else")
    if message.header.audience != at["audience"]:
        raise BadProof("for another bureau")
    assert (message.subject_id, own.raw.hex()) == (at["subject_id"], at["public_key"])


def error(at: Vector) -> None:
    (code,) = (code for code in grpc.StatusCode if code.value[0] == at["code"])
    data = bytes.fromhex(at["status"])
    trailers = [("grpc-status-details-bin", data)] if data else []
    found = translate(code, "", trailers, address="bureau.example:7443")
    assert is_retryable(found) == at["retry"]
    if not data:
        return
    assert (found.reason, found.message) == (at["reason"], at["message"])
    assert (found.fix, found.request_id) == (at["fix"], at["request_id"])
    assert [
        {"field": fault.field, "rule": fault.rule, "message": fault.message}
        for fault in found.violations
    ] == at["violations"]
    delay = found.retry_after.total_seconds() if found.retry_after else 0
    assert delay * 1000 == at["retry_after_ms"]


CHECKS: dict[str, Callable[..., None]] = {
    "bindings": binding,
    "canonical": canonical,
    "envelopes": envelope,
    "errors": error,
    "evidence": evidence,
    "keys": key,
    "leaves": leaf,
    "members": member,
    "notes": note,
    "payload_types": payload_type,
    "profiles": profile,
    "receipts": receipt,
    "reports": report,
    "signatures": signature,
    "subject_ids": subject_id,
    "submissions": submission,
    "trees": tree,
}
CASES = [
    pytest.param(name, vector, id=f"{name}: {vector['name']}")
    for name in sorted(CHECKS)
    for vector in vectors_of(name)
]


@pytest.mark.parametrize(("name", "vector"), CASES)
def test_the_code_says_what_the_vector_says(name: str, vector: Vector, tmp_path: Path) -> None:
    more = [tmp_path] if name in {"reports", "profiles"} else []
    if vector.get("valid", True):
        CHECKS[name](vector, *more)
        return
    with pytest.raises((KeysError, BureauError, ValueError, DecodeError)) as raised:
        CHECKS[name](vector, *more)
    if reason := vector.get("reason"):
        assert getattr(raised.value, "reason", "") == reason


def test_an_answer_is_named_by_the_hash_of_its_payload() -> None:
    # As the documents say of Receipt.answer_digest.
    saved = json.loads(vectors_of("reports")[0]["file"])
    sealed = Envelope.FromString(base64.b64decode(saved["report"]))
    proof = log_pb2.Receipt.FromString(base64.b64decode(saved["receipt"]))
    assert proof.answer_digest == hashlib.sha256(sealed.payload).digest()
