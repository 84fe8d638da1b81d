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
from tests.service.raw_scenario import Scenario, ask, inquiry_of, open_scenario, refused, signed


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario() as scenario:
        yield scenario


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
    scenario: Scenario, changes: dict[str, Any], reason: str, field: str
) -> None:
    before = scenario.size()
    good = snapshot(scenario.person.subject_id)
    answer = scenario.acme.submit([good, snapshot(scenario.person.subject_id, **changes)])
    assert scenario.size() == before
    refused(scenario, answer, "INVALID_ARGUMENT", reason, f"records[1].snapshot.{field}")


def test_all_violations_come_at_once(scenario: Scenario) -> None:
    subject_id = scenario.person.subject_id
    answer = scenario.acme.submit(
        [
            snapshot(subject_id, amount_due_minor=-1),
            snapshot(subject_id, month=209901, currency="XQX"),
        ]
    )
    assert set(answer.fields) >= {
        "records[0].snapshot.amount_due_minor",
        "records[1].snapshot.month",
        "records[1].snapshot.currency",
    }


def test_a_batch_is_what_was_signed(scenario: Scenario) -> None:
    subject_id = scenario.person.subject_id
    twice = snapshot(subject_id, account_ref="same")
    refused(
        scenario,
        scenario.acme.submit([twice, snapshot(subject_id, account_ref="same")]),
        "INVALID_ARGUMENT",
        "DUPLICATE_RECORD",
        "records[1].account_ref",
    )
    wrong_root = scenario.acme.submit([snapshot(subject_id)], records_root=b"\0" * 32)
    refused(scenario, wrong_root, "INVALID_ARGUMENT", "ROOT_MISMATCH", "records_root")
    wrong_count = scenario.acme.submit([snapshot(subject_id)], record_count=2)
    refused(scenario, wrong_count, "INVALID_ARGUMENT", "ROOT_MISMATCH", "records_root")
    unknown = snapshot(subject_id).SerializeToString(deterministic=True) + b"\xf8\x07\x01"
    refused(scenario, scenario.acme.submit([unknown]), "INVALID_ARGUMENT", "NON_CANONICAL", "batch")
    refused(
        scenario,
        scenario.acme.submit([b"\xff" * 9]),
        "INVALID_ARGUMENT",
        "MALFORMED_MESSAGE",
        "batch",
    )
    many = [b"x"] * 10_001  # more than the limit of its operator may be
    answer = scenario.acme.submit(many, record_count=10_000)
    refused(scenario, answer, "INVALID_ARGUMENT", "TOO_MANY_ITEMS", "batch")
    long = scenario.acme.submit([b"x" * 5000])
    refused(scenario, long, "INVALID_ARGUMENT", "TOO_LONG", "batch")


def test_an_account_keeps_its_currency(scenario: Scenario) -> None:
    subject_id = scenario.person.subject_id
    assert scenario.acme.submit([snapshot(subject_id, account_ref="usd")]).code == "OK"
    answer = scenario.acme.submit(
        [snapshot(subject_id, account_ref="usd", month=202406, currency="EUR")]
    )
    refused(
        scenario, answer, "INVALID_ARGUMENT", "CURRENCY_MISMATCH", "records[0].snapshot.currency"
    )


def test_nobody_is_furnished_without_a_consent(scenario: Scenario) -> None:
    stranger = scenario.acme.submit([snapshot("00" * 16)])
    field = "records[0].snapshot.parties[0].subject_id"
    refused(scenario, stranger, "PERMISSION_DENIED", "CONSENT_REQUIRED", field)
    other = scenario.brook.submit([snapshot(scenario.person.subject_id)])
    refused(scenario, other, "PERMISSION_DENIED", "CONSENT_REQUIRED", field)


# Signatures and headers ------------------------------------------------------


def test_signatures(scenario: Scenario) -> None:
    key = scenario.acme.key
    forged = signed(key, inquiry_of(scenario), b"\x01" * 64)
    refused(scenario, ask(scenario, forged), "UNAUTHENTICATED", "BAD_SIGNATURE")
    foreign = signed(scenario.brook.key, inquiry_of(scenario))
    refused(scenario, ask(scenario, foreign), "UNAUTHENTICATED", "BAD_SIGNATURE")
    unknown = signed(SigningKey.generate(), inquiry_of(scenario))
    refused(scenario, ask(scenario, unknown), "UNAUTHENTICATED", "BAD_SIGNATURE")
    changed = signed(key, inquiry_of(scenario))
    changed.payload = inquiry_of(scenario).SerializeToString(deterministic=True)
    refused(scenario, ask(scenario, changed), "UNAUTHENTICATED", "BAD_SIGNATURE")


@pytest.mark.parametrize(
    "weak",
    [b"\x01" + b"\0" * 31, b"\0" * 32, b"\xec" + b"\xff" * 30 + b"\x7f", b"\xff" * 32],
    ids=["identity", "order four", "order two", "non-canonical"],
)
def test_a_weak_key_is_not_bound(scenario: Scenario, weak: bytes) -> None:
    before = scenario.size()
    person = Person(uuid.uuid4().hex, SigningKey.generate(), scenario.person.origin)
    binding = subjects_pb2.KeyBinding(
        header=person.header(), subject_id=person.subject_id, public_key=weak
    )
    statement = subjects_pb2.KeyAttestation(
        header=scenario.acme.header(),
        binding=signed(person.key, binding),
        method=subjects_pb2.IDENTIFICATION_METHOD_IN_PERSON,
    )
    statement.identify_time.GetCurrentTime()
    request = subjects_pb2.AttestKeyRequest(attestation=seal(statement, scenario.acme.key))
    answer = scenario.acme.send("Subjects/AttestKey", request)
    assert scenario.size() == before
    refused(scenario, answer, "INVALID_ARGUMENT", "WEAK_KEY", "binding.public_key")


def test_a_key_is_bound_by_who_holds_it(scenario: Scenario) -> None:
    person = Person(uuid.uuid4().hex, SigningKey.generate(), scenario.person.origin)
    stolen = attestation(scenario.acme, person, key=SigningKey.generate())
    answer = scenario.acme.send(
        "Subjects/AttestKey", subjects_pb2.AttestKeyRequest(attestation=stolen)
    )
    refused(scenario, answer, "UNAUTHENTICATED", "BAD_SIGNATURE")


def test_headers(scenario: Scenario) -> None:
    key, header = scenario.acme.key, scenario.acme.header
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
    for wrong, code, reason, field in cases:
        before = scenario.size()
        answer = ask(scenario, signed(key, inquiry_of(scenario, header=wrong)))
        assert scenario.size() == before
        refused(scenario, answer, code, reason, field)


def test_signed_bytes_are_canonical(scenario: Scenario) -> None:
    kind = payload_type_of(reporting_pb2.Inquiry)
    payload = inquiry_of(scenario).SerializeToString(deterministic=True) + b"\xf8\x07\x01"
    key = scenario.acme.key
    envelope = Envelope(
        payload=payload,
        payload_type=kind,
        signatures=[Signature(sig=key.sign(pae(kind, payload)), keyid=key.verify_key.key_id)],
    )
    refused(scenario, ask(scenario, envelope), "INVALID_ARGUMENT", "NON_CANONICAL")
    envelope.payload_type = payload_type_of(consent_pb2.Consent)
    refused(scenario, ask(scenario, envelope), "INVALID_ARGUMENT", "WRONG_PAYLOAD_TYPE")


def test_replays(scenario: Scenario) -> None:
    header = scenario.acme.header()
    first = signed(scenario.acme.key, inquiry_of(scenario, header=header))
    answer, again = ask(scenario, first), ask(scenario, first)
    assert answer.reply == again.reply
    other = inquiry_of(scenario, header=header, consent_id=str(uuid.uuid4()))
    conflict = ask(scenario, signed(scenario.acme.key, other))
    refused(scenario, conflict, "ALREADY_EXISTS", "IDEMPOTENCY_CONFLICT")


def test_a_retry_of_a_rotation_is_signed_with_the_key_that_it_replaced(scenario: Scenario) -> None:
    """Its reply was lost, and the key is retired by then."""
    key, newer = SigningKey.generate(), SigningKey.generate()
    person = Person(uuid.uuid4().hex, key, scenario.person.origin)
    request = subjects_pb2.AttestKeyRequest(attestation=attestation(scenario.acme, person))
    assert scenario.acme.send("Subjects/AttestKey", request).code == "OK"
    binding = subjects_pb2.KeyBinding(
        header=person.header(), subject_id=person.subject_id, public_key=newer.verify_key.raw
    )
    message = subjects_pb2.KeyRotation(header=person.header(), binding=seal(binding, newer))
    rotation = subjects_pb2.RotateKeyRequest(rotation=seal(message, key))
    first = scenario.agent.send("Subjects/RotateKey", rotation)
    again = scenario.agent.send("Subjects/RotateKey", rotation)
    assert (first.code, first.reply) == ("OK", again.reply)
    # Nothing else is accepted under it.
    message.header.request_id = str(uuid.uuid4())
    other = subjects_pb2.RotateKeyRequest(rotation=seal(message, key))
    answer = scenario.agent.send("Subjects/RotateKey", other)
    refused(scenario, answer, "UNAUTHENTICATED", "BAD_SIGNATURE")
