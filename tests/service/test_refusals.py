"""Records, signatures and headers that are refused: code, reason, field; and nothing is stored."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bureau_keys.envelope import pae, payload_type_of, seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    consent_pb2,
    reporting_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope, Signature
from tests.service.raw import Person, attestation, snapshot
from tests.service.raw_scenario import Scene, ask, inquiry_of, open_scene, refused, signed


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        yield scene


# Records ---------------------------------------------------------------------


BAD_RECORDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("negative due", {"amount_due_minor": -1}, "AMOUNT_RANGE", "amount_due_minor"),
    ("huge balance", {"balance_minor": 10**16}, "AMOUNT_RANGE", "balance_minor"),
    ("unknown currency", {"currency": "XQX"}, "UNKNOWN_CURRENCY", "currency"),
    ("lower-case currency", {"currency": "usd"}, "INVALID_FIELD", "currency"),
    ("month ahead", {"month": 209901}, "DATE_ORDER", "month"),
    ("month thirteen", {"month": 202413}, "INVALID_FIELD", "month"),
    ("before opening", {"month": 201901}, "DATE_ORDER", "month"),
    ("impossible day", {"open_date": 20230230}, "INVALID_FIELD", "open_date"),
    ("closed before opened", {"close_date": 20190101}, "DATE_ORDER", "close_date"),
    ("unspecified status", {"status": 0}, "UNKNOWN_ENUM", "status"),
    ("unknown status", {"status": 99}, "UNKNOWN_ENUM", "status"),
    ("bidi creditor", {"original_creditor": "a\u202eb"}, "BAD_TEXT", "original_creditor"),
    ("control creditor", {"original_creditor": "a\x07b"}, "BAD_TEXT", "original_creditor"),
    ("long creditor", {"original_creditor": "x" * 65}, "TOO_LONG", "original_creditor"),
    ("nobody", {"parties": []}, "INVALID_FIELD", "parties"),
]


@pytest.mark.parametrize(
    ("changes", "reason", "field"), [r[1:] for r in BAD_RECORDS], ids=[r[0] for r in BAD_RECORDS]
)
def test_a_bad_record_refuses_its_batch(
    scene: Scene, changes: dict[str, Any], reason: str, field: str
) -> None:
    before = scene.size()
    good = snapshot(scene.person.subject_id)
    answer = scene.acme.submit([good, snapshot(scene.person.subject_id, **changes)])
    assert scene.size() == before
    refused(scene, answer, "INVALID_ARGUMENT", reason, f"records[1].snapshot.{field}")


def test_all_violations_come_at_once(scene: Scene) -> None:
    who = scene.person.subject_id
    answer = scene.acme.submit(
        [snapshot(who, amount_due_minor=-1), snapshot(who, month=209901, currency="XQX")]
    )
    assert set(answer.fields) >= {
        "records[0].snapshot.amount_due_minor",
        "records[1].snapshot.month",
        "records[1].snapshot.currency",
    }


def test_a_batch_is_what_was_signed(scene: Scene) -> None:
    who = scene.person.subject_id
    twice = snapshot(who, account_ref="same")
    refused(
        scene,
        scene.acme.submit([twice, snapshot(who, account_ref="same")]),
        "INVALID_ARGUMENT",
        "DUPLICATE_RECORD",
        "records[1].account_ref",
    )
    wrong_root = scene.acme.submit([snapshot(who)], records_root=b"\0" * 32)
    refused(scene, wrong_root, "INVALID_ARGUMENT", "ROOT_MISMATCH", "records_root")
    wrong_count = scene.acme.submit([snapshot(who)], record_count=2)
    refused(scene, wrong_count, "INVALID_ARGUMENT", "ROOT_MISMATCH", "records_root")
    unknown = snapshot(who).SerializeToString(deterministic=True) + b"\xf8\x07\x01"
    refused(scene, scene.acme.submit([unknown]), "INVALID_ARGUMENT", "NON_CANONICAL", "batch")
    refused(
        scene, scene.acme.submit([b"\xff" * 9]), "INVALID_ARGUMENT", "MALFORMED_MESSAGE", "batch"
    )
    many = [b"x"] * 10_001
    answer = scene.acme.submit(many, record_count=10_000)
    refused(scene, answer, "INVALID_ARGUMENT", "TOO_MANY_ITEMS", "batch")
    long = scene.acme.submit([b"x" * 5000])
    refused(scene, long, "INVALID_ARGUMENT", "TOO_LONG", "batch")


def test_an_account_keeps_its_currency(scene: Scene) -> None:
    who = scene.person.subject_id
    assert scene.acme.submit([snapshot(who, account_ref="usd")]).code == "OK"
    answer = scene.acme.submit([snapshot(who, account_ref="usd", month=202406, currency="EUR")])
    refused(scene, answer, "INVALID_ARGUMENT", "CURRENCY_MISMATCH", "records[0].snapshot.currency")


def test_nobody_is_furnished_without_a_consent(scene: Scene) -> None:
    stranger = scene.acme.submit([snapshot("00" * 16)])
    field = "records[0].snapshot.parties[0].subject_id"
    refused(scene, stranger, "PERMISSION_DENIED", "CONSENT_REQUIRED", field)
    other = scene.brook.submit([snapshot(scene.person.subject_id)])
    refused(scene, other, "PERMISSION_DENIED", "CONSENT_REQUIRED", field)


# Signatures and headers ------------------------------------------------------


def test_signatures(scene: Scene) -> None:
    key = scene.acme.key
    forged = signed(key, inquiry_of(scene), b"\x01" * 64)
    refused(scene, ask(scene, forged), "UNAUTHENTICATED", "BAD_SIGNATURE")
    foreign = signed(scene.brook.key, inquiry_of(scene))
    refused(scene, ask(scene, foreign), "UNAUTHENTICATED", "BAD_SIGNATURE")
    unknown = signed(SigningKey.generate(), inquiry_of(scene))
    refused(scene, ask(scene, unknown), "UNAUTHENTICATED", "BAD_SIGNATURE")
    changed = signed(key, inquiry_of(scene))
    changed.payload = inquiry_of(scene).SerializeToString(deterministic=True)
    refused(scene, ask(scene, changed), "UNAUTHENTICATED", "BAD_SIGNATURE")


@pytest.mark.parametrize(
    "weak",
    [b"\x01" + b"\0" * 31, b"\0" * 32, b"\xec" + b"\xff" * 30 + b"\x7f", b"\xff" * 32],
    ids=["identity", "order four", "order two", "non-canonical"],
)
def test_a_weak_key_is_not_bound(scene: Scene, weak: bytes) -> None:
    before = scene.size()
    person = Person(uuid.uuid4().hex, SigningKey.generate(), scene.person.origin)
    binding = subjects_pb2.KeyBinding(
        header=person.header(), subject_id=person.subject_id, public_key=weak
    )
    statement = subjects_pb2.KeyAttestation(
        header=scene.acme.header(),
        binding=signed(person.key, binding),
        method=subjects_pb2.IDENTIFICATION_METHOD_IN_PERSON,
    )
    statement.identify_time.GetCurrentTime()
    request = subjects_pb2.AttestKeyRequest(attestation=seal(statement, scene.acme.key))
    answer = scene.acme.send("Subjects/AttestKey", request)
    assert scene.size() == before
    refused(scene, answer, "INVALID_ARGUMENT", "WEAK_KEY", "binding.public_key")


def test_a_key_is_bound_by_who_holds_it(scene: Scene) -> None:
    person = Person(uuid.uuid4().hex, SigningKey.generate(), scene.person.origin)
    stolen = attestation(scene.acme, person, key=SigningKey.generate())
    answer = scene.acme.send(
        "Subjects/AttestKey", subjects_pb2.AttestKeyRequest(attestation=stolen)
    )
    refused(scene, answer, "UNAUTHENTICATED", "BAD_SIGNATURE")


def test_headers(scene: Scene) -> None:
    key, header = scene.acme.key, scene.acme.header
    cases: list[tuple[Any, str, str, str]] = [
        (header(audience="other/log"), "PERMISSION_DENIED", "WRONG_AUDIENCE", ""),
        (header(signer="members/brook"), "PERMISSION_DENIED", "SIGNER_MISMATCH", ""),
        (
            header(age=timedelta(minutes=6)),
            "FAILED_PRECONDITION",
            "EXPIRED_REQUEST",
            "header.issue_time",
        ),
        (
            header(age=-timedelta(minutes=2)),
            "FAILED_PRECONDITION",
            "CLOCK_SKEW",
            "header.issue_time",
        ),
        (header(request_id="7"), "INVALID_ARGUMENT", "INVALID_FIELD", "header.request_id"),
        (header(schema_version=2), "INVALID_ARGUMENT", "INVALID_FIELD", "header.schema_version"),
    ]
    for made, code, reason, field in cases:
        before = scene.size()
        answer = ask(scene, signed(key, inquiry_of(scene, header=made)))
        assert scene.size() == before
        refused(scene, answer, code, reason, field)


def test_signed_bytes_are_canonical(scene: Scene) -> None:
    kind = payload_type_of(reporting_pb2.Inquiry)
    payload = inquiry_of(scene).SerializeToString(deterministic=True) + b"\xf8\x07\x01"
    key = scene.acme.key
    envelope = Envelope(
        payload=payload,
        payload_type=kind,
        signatures=[Signature(sig=key.sign(pae(kind, payload)), keyid=key.verify_key.key_id)],
    )
    refused(scene, ask(scene, envelope), "INVALID_ARGUMENT", "NON_CANONICAL")
    envelope.payload_type = payload_type_of(consent_pb2.Consent)
    refused(scene, ask(scene, envelope), "INVALID_ARGUMENT", "WRONG_PAYLOAD_TYPE")


def test_replays(scene: Scene) -> None:
    header = scene.acme.header()
    first = signed(scene.acme.key, inquiry_of(scene, header=header))
    answer, again = ask(scene, first), ask(scene, first)
    assert answer.reply == again.reply
    other = inquiry_of(scene, header=header, consent_id=str(uuid.uuid4()))
    conflict = ask(scene, signed(scene.acme.key, other))
    refused(scene, conflict, "ALREADY_EXISTS", "IDEMPOTENCY_CONFLICT")


def test_a_retry_of_a_rotation_is_signed_with_the_key_that_it_replaced(scene: Scene) -> None:
    """Its reply was lost, and the key is retired by then."""
    key, newer = SigningKey.generate(), SigningKey.generate()
    person = Person(uuid.uuid4().hex, key, scene.person.origin)
    request = subjects_pb2.AttestKeyRequest(attestation=attestation(scene.acme, person))
    assert scene.acme.send("Subjects/AttestKey", request).code == "OK"
    binding = subjects_pb2.KeyBinding(
        header=person.header(), subject_id=person.subject_id, public_key=newer.verify_key.raw
    )
    message = subjects_pb2.KeyRotation(header=person.header(), binding=seal(binding, newer))
    rotation = subjects_pb2.RotateKeyRequest(rotation=seal(message, key))
    first = scene.agent.send("Subjects/RotateKey", rotation)
    again = scene.agent.send("Subjects/RotateKey", rotation)
    assert (first.code, first.reply) == ("OK", again.reply)
    # Nothing else is accepted under it.
    message.header.request_id = str(uuid.uuid4())
    other = subjects_pb2.RotateKeyRequest(rotation=seal(message, key))
    answer = scene.agent.send("Subjects/RotateKey", other)
    refused(scene, answer, "UNAUTHENTICATED", "BAD_SIGNATURE")
