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
from bureau_keys.consent_history import check_consents
from bureau_keys.consent_request_checks import check_requests
from bureau_keys.cosignature import cosigners, parse_witness
from bureau_keys.errors import BadProof, KeysError
from bureau_keys.evidence import read_page
from bureau_keys.identifiers import normalise
from bureau_keys.key_history import STILL, logged_keys
from bureau_keys.note import note_vkey, parse_vkey
from bureau_keys.profile import Profile, Trust
from bureau_keys.provenance import EvidenceCheck, check_complete
from bureau_keys.pseudonym import Blinded, Evaluator
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
    vectors: list[Vector] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["vectors"]
    return vectors


def message_class(name: str) -> type[Message]:
    pool = report_pb2.DESCRIPTOR.pool
    return GetMessageClass(pool.FindMessageTypeByName(f"creditbureau.v1.{name}"))


def read(kind: type[Message], data: str) -> Any:
    return kind.FromString(bytes.fromhex(data))


def trust_in(vector: Vector) -> Trust:
    trust = vector["trust"]
    return Trust(
        origin=trust["origin"],
        log_key=trust["log_key"],
        operator_key=bytes.fromhex(trust["operator_key"]),
        report_keys=tuple(map(bytes.fromhex, trust["report_keys"])),
        directory_key=bytes.fromhex(trust["directory_key"]),
        witnesses=tuple(trust["witnesses"]),
        quorum=trust["quorum"],
        issued_identifiers_only=trust.get("issued_identifiers_only", False),
    )


def canonical(vector: Vector) -> None:
    envelopes.parse_canonical(message_class(vector["message"]), bytes.fromhex(vector["data"]))


def payload_type(vector: Vector) -> None:
    assert envelopes.payload_type_of(message_class(vector["name"])) == vector["payload_type"]


def key(vector: Vector) -> None:
    public = VerifyKey.from_raw(bytes.fromhex(vector["public_key"]))
    own = SigningKey.from_seed(bytes.fromhex(vector["seed"]))
    assert own == SigningKey.from_pem(vector["pem"].encode())
    assert own.verify_key == public == VerifyKey.from_spki(bytes.fromhex(vector["spki"]))
    assert public.key_id == vector["key_id"]
    assert parse_vkey(vector["verifier_key"]).key == public
    assert note_vkey(parse_vkey(vector["verifier_key"]).name, public) == vector["verifier_key"]


def signature(vector: Vector) -> None:
    public = VerifyKey.from_raw(bytes.fromhex(vector["public_key"]))
    public.verify(bytes.fromhex(vector["signature"]), bytes.fromhex(vector["message"]))


def envelope(vector: Vector) -> None:
    sealed = read(Envelope, vector["envelope"])
    assert envelopes.pae(sealed.payload_type, sealed.payload).hex() == vector["pae"]
    assert envelopes.digest(sealed).hex() == vector["digest"]
    keys = [VerifyKey.from_raw(bytes.fromhex(raw)) for raw in vector["public_keys"]]
    kind = message_class(vector["message"])
    message, _ = envelopes.verify_envelope(sealed, kind, {own.key_id: own for own in keys})
    if "seed" in vector:
        assert (
            envelopes.seal(message, SigningKey.from_seed(bytes.fromhex(vector["seed"]))) == sealed
        )


def tree(vector: Vector) -> None:
    proof = [bytes.fromhex(part) for part in vector.get("proof", [])]
    if vector["check"] == "root":
        entries = [bytes.fromhex(entry) for entry in vector["entries"]]
        assert (
            merkle.root_of([merkle.leaf_hash(entry) for entry in entries]).hex() == vector["root"]
        )
    elif vector["check"] == "inclusion":
        leaf, root = bytes.fromhex(vector["leaf_hash"]), bytes.fromhex(vector["root"])
        merkle.verify_inclusion(leaf, vector["index"], vector["size"], proof, root)
    else:
        roots = bytes.fromhex(vector["first_root"]), bytes.fromhex(vector["second_root"])
        merkle.verify_consistency(vector["first"], vector["second"], *roots, proof)


def submission(vector: Vector) -> None:
    own = VerifyKey.from_raw(bytes.fromhex(vector["public_key"]))
    signed, _ = envelopes.verify_envelope(
        read(Envelope, vector["manifest"]), SubmissionManifest, {own.key_id: own}
    )
    raws = [bytes.fromhex(raw) for raw in vector["records"]]
    assert list(read(RecordBatch, vector["batch"]).records) == raws
    for raw in raws if vector["valid"] else ():
        envelopes.parse_canonical(message_class("Record"), raw)
    root = merkle.root_of([merkle.leaf_hash(raw) for raw in raws])
    if (signed.record_count, signed.records_root) != (len(raws), root):
        raise BadProof("other records")


def note(vector: Vector) -> None:
    if vector["check"] == "verifier_key":
        parse_vkey(vector["verifier_key"])
    elif vector["check"] == "checkpoint":
        checkpoint = open_checkpoint(
            vector["note"], vector["origin"], parse_vkey(vector["verifier_key"]).key
        )
        assert (checkpoint.size, checkpoint.root.hex()) == (vector["size"], vector["root"])
    else:
        witnesses = [parse_witness(text) for text in vector["witnesses"]]
        assert cosigners(vector["note"], witnesses) == vector["cosigners"]


def leaf(vector: Vector) -> None:
    digests = bytes.fromhex(vector["envelope_digest"]), bytes.fromhex(vector["answer_digest"])
    statement = LeafStatement(vector["kind"], *digests, vector["time_us"])
    assert statement.text().decode() == vector["text"]
    entry = commitment(statement, bytes.fromhex(vector["salt"]))
    assert entry.hex() == vector["commitment"]
    assert merkle.leaf_hash(entry).hex() == vector["leaf_hash"]


def receipt(vector: Vector) -> None:
    trust = trust_in(vector)
    if vector["check"] == "text":
        opened = Receipt.from_text(vector["text"])
        opened.verify(
            bytes.fromhex(vector["envelope_digest"]), trust.origin, parse_vkey(trust.log_key).key
        )
        assert opened.to_text() == vector["text"]
        return
    message = read(log_pb2.Receipt, vector["receipt"])
    check_receipt(message, read(Envelope, vector["envelope"]), trust, vector["kind"])


def member(vector: Vector) -> None:
    members = [read(members_pb2.Member, data) for data in vector["members"]]
    keys_of = logged_keys(members, trust_in(vector))
    listed = {
        name: [
            {
                "key_id": own.key.key_id,
                "from": own.start,
                "to": 0 if own.end == STILL else own.end,
            }
            for own in keys
        ]
        for name, keys in keys_of.items()
    }
    assert listed == vector["keys"]


def consents(vector: Vector) -> None:
    trust, reply = trust_in(vector), read(consents_pb2.ListConsentsResponse, vector["reply"])
    members = [read(members_pb2.Member, data) for data in vector["members"]]
    keys = logged_keys(members, trust)
    states = {}
    for view, history in zip(
        reply.consents, check_consents(reply.consents, reply.keys, keys, trust), strict=True
    ):
        consent = history.consent
        if vector["caller"] not in {f"subjects/{consent.subject_id}", f"members/{consent.grantee}"}:
            raise BadProof("held by somebody else")
        states[view.consent_id] = history.state
    assert states == vector["states"]


def consent_requests(vector: Vector) -> None:
    trust = trust_in(vector)
    reply = read(consents_pb2.ListConsentRequestsResponse, vector["reply"])
    keys = logged_keys([read(members_pb2.Member, data) for data in vector["members"]], trust)
    states = {}
    for checked in check_requests(reply.requests, reply.keys, keys, trust):
        request = checked.request
        if vector["caller"] not in {f"subjects/{request.subject_id}", request.header.signer}:
            raise BadProof("made by somebody else")
        states[request.header.request_id] = checked.state
    assert states == vector["states"]


def evidence(vector: Vector) -> None:
    report = read(report_pb2.Report, vector["report"])
    pieces = read_page(read(EvidencePage, vector["evidence"]))
    if vector["check"] == "completeness":
        check_complete(report, pieces, vector["level"])
        return
    trust, [piece] = trust_in(vector), pieces
    members = [read(members_pb2.Member, data) for data in vector["members"]]
    keys = {vector["furnisher"]: logged_keys(members, trust)[vector["furnisher"]]}
    EvidenceCheck(report, keys, trust).check(piece)


def identifier(vector: Vector) -> None:
    parts = (vector["country"], vector["scheme"], vector["identifier"])
    normal = normalise(*parts, issued_only=vector["issued_only"]).decode()
    assert normal == vector.get("input", normal)


def subject_id(vector: Vector) -> None:
    evaluator = Evaluator.from_seed(SEED)
    if vector["check"] == "subject_id":
        assert evaluator.public_key.hex() == vector["directory_key"]
        blinded = Blinded([vector["input"].encode()])
        answer = evaluator.evaluate(blinded.elements)
        assert blinded.finalize(answer, evaluator.public_key) == [vector["subject_id"]]
        return
    # The library makes blinds of its own: what was recorded is compared with what the
    # same elements give now, and the lies are told about an answer of today.
    elements = [bytes.fromhex(element) for element in vector["blinded_elements"]]
    recorded = bytes.fromhex(vector["evaluated_elements"])
    if vector["valid"]:
        assert evaluator.evaluate(elements)[64:] == recorded[64:]
    blinded = Blinded([text.encode() for text in vector["inputs"]])
    answer = ANSWERS[vector["name"].removeprefix("evaluation: ")](
        evaluator.evaluate(blinded.elements)
    )
    subject_ids = blinded.finalize(answer, bytes.fromhex(vector["directory_key"]))
    assert subject_ids == vector["subject_ids"]


def reversed_elements(answer: bytes) -> bytes:
    parts = [answer[start : start + 32] for start in range(64, len(answer), 32)]
    return answer[:64] + b"".join(parts[::-1])


ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "the proof, then the elements": lambda answer: answer,
    "the elements, then the proof": lambda answer: answer[64:] + answer[:64],
    "the proof's numbers in another order": lambda answer: (
        answer[32:64] + answer[:32] + answer[64:]
    ),
    "the elements in another order": reversed_elements,
    "an element less": lambda answer: answer[:-32],
    "the key of another directory": lambda answer: answer,
}


def report(vector: Vector, folder: Path) -> None:
    path = folder / "report.json"
    path.write_text(vector["file"], "utf-8")
    verify_bundle(Report.load(path), trust_in(vector))


def profile(vector: Vector, folder: Path) -> None:
    for name in ("ca.pem", "tls.pem", "tls.key", "signing.pem"):
        (folder / name).write_bytes(b"")
    (folder / "profile.toml").write_text(vector["text"], "utf-8")
    loaded = Profile.load(folder)
    assert loaded.member_id == vector["member"]
    assert list(loaded.addresses) == vector["addresses"]
    assert list(loaded.directory_addresses) == vector["directory_addresses"]
    assert loaded.trust == trust_in(vector)


def binding(vector: Vector) -> None:
    sealed = read(Envelope, vector["file"])
    message = envelopes.peek(sealed, subjects_pb2.KeyBinding)
    own = VerifyKey.from_raw(message.public_key)
    envelopes.verify_envelope(sealed, subjects_pb2.KeyBinding, {own.key_id: own})
    if message.header.signer != f"subjects/{message.subject_id}":
        raise BadProof("signed by somebody else")
    if message.header.audience != vector["audience"]:
        raise BadProof("for another bureau")
    assert (message.subject_id, own.raw.hex()) == (vector["subject_id"], vector["public_key"])


def error(vector: Vector) -> None:
    (code,) = (code for code in grpc.StatusCode if code.value[0] == vector["code"])
    data = bytes.fromhex(vector["status"])
    trailers = [("grpc-status-details-bin", data)] if data else []
    translated = translate(code, "", trailers, address="bureau.example:7443")
    assert is_retryable(translated) == vector["retry"]
    if not data:
        return
    assert (translated.reason, translated.message) == (vector["reason"], vector["message"])
    assert (translated.fix, translated.request_id) == (vector["fix"], vector["request_id"])
    assert [
        {"field": fault.field, "rule": fault.rule, "message": fault.message}
        for fault in translated.violations
    ] == vector["violations"]
    delay = translated.retry_after.total_seconds() if translated.retry_after else 0
    assert delay * 1000 == vector["retry_after_ms"]


CHECKS: dict[str, Callable[..., None]] = {
    "bindings": binding,
    "canonical": canonical,
    "consent_requests": consent_requests,
    "consents": consents,
    "envelopes": envelope,
    "errors": error,
    "evidence": evidence,
    "identifiers": identifier,
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
