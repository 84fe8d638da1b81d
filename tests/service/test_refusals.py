"""Bad input is answered with the right code, reason, field and fix; nothing is
stored, and the next good request succeeds."""

from __future__ import annotations

import gc
import gzip
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bureau.clock import Clock
from bureau.rpc.services import CONTRACT
from bureau.store import statements as s
from bureau.testing import RunningBureau, running_bureau
from bureau_keys.authority import Authority, new_key_and_csr
from bureau_keys.envelope import pae, payload_type_of, seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consent_pb2,
    consents_pb2,
    furnishing_pb2,
    log_pb2,
    record_pb2,
    reporting_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope, Signature
from tests.service.raw import Answer, Person, Raw, answer_of, attestation, channel_of, snapshot

LENDER = ("furnisher", "subscriber", "attester")
FURNISH, INQUIRE = codes_pb2.ACTION_FURNISH, codes_pb2.ACTION_INQUIRE


@dataclass
class Scene:
    """A bureau, two lenders, an agent, a person with consents to the first lender."""

    bureau: RunningBureau
    acme: Raw
    brook: Raw
    agent: Raw
    person: Person
    consent_id: str

    def size(self) -> int:
        with self.bureau.server.database.snapshot() as db:
            row = db.one(s.log_size)
            assert row is not None
            return int(row[0])

    def grant(self, envelope: Envelope) -> Answer:
        request = consents_pb2.GrantConsentRequest(consent=envelope)
        return self.agent.send("Consents/GrantConsent", request)

    def granted(self, grantee: str, action: int, **changes: Any) -> str:
        answer = self.grant(self.person.consent(grantee, action, **changes))
        assert answer.code == "OK", answer
        return str(answer.reply.consent.consent_id)

    def change(self, consent_id: str, transition: int) -> Answer:
        message = consent_pb2.ConsentChange(
            header=self.person.header(),
            consent_id=consent_id,
            transition=transition,  # type: ignore[arg-type]
        )
        request = consents_pb2.ChangeConsentRequest(change=seal(message, self.person.key))
        return self.agent.send("Consents/ChangeConsent", request)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with running_bureau() as bureau:
        acme = Raw(bureau.add_member("acme", LENDER, ["credit-application", "account-review"]))
        brook = Raw(bureau.add_member("brook", LENDER, ["credit-application"]))
        agent = Raw(bureau.add_member("agent", ["agent"]))
        origin = acme.profile.trust.origin
        person = Person(uuid.uuid4().hex, SigningKey.generate(), origin)
        request = subjects_pb2.AttestKeyRequest(attestation=attestation(acme, person))
        assert acme.send("Subjects/AttestKey", request).code == "OK"
        made = Scene(bureau, acme, brook, agent, person, "")
        made.granted("acme", FURNISH)
        made.consent_id = made.granted("acme", INQUIRE)
        yield made


def refused(scene: Scene, answer: Answer, code: str, reason: str, field: str = "") -> None:
    assert (answer.code, answer.reason) == (code, reason), answer
    assert answer.fix
    assert uuid.UUID(answer.request_id)
    if field:
        assert field in answer.fields, answer
    good = scene.acme.submit([snapshot(scene.person.subject_id)])
    assert good.code == "OK", good


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


def signed(key: SigningKey, message: Any, signature: bytes | None = None) -> Envelope:
    payload = message.SerializeToString(deterministic=True)
    kind = payload_type_of(message)
    return Envelope(
        payload=payload,
        payload_type=kind,
        signatures=[
            Signature(sig=signature or key.sign(pae(kind, payload)), keyid=key.verify_key.key_id)
        ],
    )


def inquiry_of(scene: Scene, **changes: Any) -> reporting_pb2.Inquiry:
    fields: dict[str, Any] = {
        "header": scene.acme.header(),
        "subject_id": scene.person.subject_id,
        "purpose": codes_pb2.PURPOSE_CREDIT_APPLICATION,
        "consent_id": scene.consent_id,
    }
    return reporting_pb2.Inquiry(**(fields | changes))


def ask(scene: Scene, envelope: Envelope) -> Answer:
    request = reporting_pb2.QueryReportRequest(inquiry=envelope)
    return scene.acme.send("Reporting/QueryReport", request)


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


# Consents --------------------------------------------------------------------


def test_consents_that_do_not_cover(scene: Scene) -> None:
    who, mine = scene.person.subject_id, scene.consent_id
    refused(scene, scene.acme.query("00" * 16, mine), "PERMISSION_DENIED", "CONSENT_REQUIRED")
    refused(scene, scene.brook.query(who, mine), "PERMISSION_DENIED", "CONSENT_REQUIRED")
    unknown = scene.acme.query(who, str(uuid.uuid4()))
    refused(scene, unknown, "PERMISSION_DENIED", "CONSENT_REQUIRED")
    review = codes_pb2.PURPOSE_ACCOUNT_REVIEW
    refused(
        scene, scene.acme.query(who, mine, purpose=review), "PERMISSION_DENIED", "CONSENT_SCOPE"
    )
    court = scene.acme.query(who, mine, purpose=codes_pb2.PURPOSE_COURT_ORDER)
    refused(scene, court, "PERMISSION_DENIED", "PURPOSE_NOT_PERMITTED")
    furnish_only = scene.granted("acme", FURNISH)
    refused(scene, scene.acme.query(who, furnish_only), "PERMISSION_DENIED", "CONSENT_SCOPE")
    now = datetime.now(UTC)
    past = scene.granted(
        "acme", INQUIRE, start=now - timedelta(days=9), expire=now - timedelta(days=1)
    )
    refused(scene, scene.acme.query(who, past), "PERMISSION_DENIED", "CONSENT_EXPIRED")
    ahead = scene.granted("acme", INQUIRE, start=now + timedelta(days=1))
    refused(scene, scene.acme.query(who, ahead), "PERMISSION_DENIED", "CONSENT_EXPIRED")


def test_an_unknown_subject_answers_as_one_without_consent(scene: Scene) -> None:
    no_subject = scene.acme.query("00" * 16, str(uuid.uuid4()))
    no_consent = scene.acme.query(scene.person.subject_id, str(uuid.uuid4()))
    assert replace(no_subject, request_id="") == replace(no_consent, request_id="")


def test_nobody_buries_an_inquiry_under_denied_ones(scene: Scene) -> None:
    """What is denied and sent again is one line, and denials crowd out nothing."""
    where = {"subject_id": scene.person.subject_id, "before": 1 << 62, "limit": 10_000}

    def denied() -> int:
        with scene.bureau.server.database.snapshot() as db:
            return len(db.all(s.unlogged_before, **where))

    before = denied()
    envelope = scene.acme.inquiry(scene.person.subject_id, str(uuid.uuid4()))
    for _ in range(5):
        assert ask(scene, envelope).reason == "CONSENT_REQUIRED"
    assert denied() == before + 1


def test_whoever_is_asked_about_under_one_id_sees_it(scene: Scene) -> None:
    """A member that takes one id for questions about several people hides none."""
    people = [attested(scene) for _ in range(2)]
    header = scene.acme.header()
    for person in people:
        envelope = scene.acme.inquiry(person.subject_id, str(uuid.uuid4()), header=header)
        assert ask(scene, envelope).reason == "CONSENT_REQUIRED"
    for person in people:
        with scene.bureau.server.database.snapshot() as db:
            where = {"subject_id": person.subject_id, "before": 1 << 62, "limit": 9}
            assert len(db.all(s.unlogged_before, **where)) == 1


def attested(scene: Scene) -> Person:
    person = Person(uuid.uuid4().hex, SigningKey.generate(), scene.person.origin)
    request = subjects_pb2.AttestKeyRequest(attestation=attestation(scene.acme, person))
    assert scene.acme.send("Subjects/AttestKey", request).code == "OK"
    return person


def test_a_consent_to_furnish_covers_the_kinds_that_it_names(scene: Scene) -> None:
    person = attested(scene)
    mortgage = codes_pb2.PORTFOLIO_TYPE_MORTGAGE
    consent = person.consent("acme", FURNISH, portfolio_types=[mortgage])
    assert scene.grant(consent).code == "OK"
    answer = scene.acme.submit([snapshot(person.subject_id)])
    field = "records[0].snapshot.parties[0].subject_id"
    refused(scene, answer, "PERMISSION_DENIED", "CONSENT_REQUIRED", field)
    house = snapshot(person.subject_id, portfolio_type=mortgage, account_type="26")
    assert scene.acme.submit([house]).code == "OK"


def test_uses_run_out(scene: Scene) -> None:
    who = scene.person.subject_id
    once = scene.granted("acme", INQUIRE, max_uses=1)
    assert scene.acme.query(who, once).code == "OK"
    refused(scene, scene.acme.query(who, once), "PERMISSION_DENIED", "CONSENT_EXHAUSTED")


def test_the_subject_withdraws(scene: Scene) -> None:
    who = scene.person.subject_id
    consent = scene.granted("acme", INQUIRE)
    assert scene.change(consent, consent_pb2.CONSENT_TRANSITION_PAUSE).code == "OK"
    refused(scene, scene.acme.query(who, consent), "PERMISSION_DENIED", "CONSENT_PAUSED")
    assert scene.change(consent, consent_pb2.CONSENT_TRANSITION_RESUME).code == "OK"
    header = scene.acme.header()
    first = signed(scene.acme.key, inquiry_of(scene, header=header, consent_id=consent))
    assert ask(scene, first).code == "OK"
    assert scene.change(consent, consent_pb2.CONSENT_TRANSITION_REVOKE).code == "OK"
    refused(scene, scene.acme.query(who, consent), "PERMISSION_DENIED", "CONSENT_REVOKED")
    # A retry does not bring the report back either.
    refused(scene, ask(scene, first), "PERMISSION_DENIED", "CONSENT_REVOKED")
    resume = scene.change(consent, consent_pb2.CONSENT_TRANSITION_RESUME)
    refused(scene, resume, "FAILED_PRECONDITION", "WRONG_STATE")


def test_ceilings(scene: Scene) -> None:
    start = datetime.now(UTC)
    long = scene.person.consent("acme", INQUIRE, start=start, expire=start + timedelta(days=60))
    refused(scene, scene.grant(long), "INVALID_ARGUMENT", "CONSENT_CEILING", "expire_time")
    many = scene.person.consent("acme", INQUIRE, max_uses=11)
    refused(scene, scene.grant(many), "INVALID_ARGUMENT", "CONSENT_CEILING", "max_uses")
    backwards = scene.person.consent("acme", FURNISH, start=start, expire=start - timedelta(days=1))
    refused(scene, scene.grant(backwards), "INVALID_ARGUMENT", "DATE_ORDER", "expire_time")
    someone = Person("11" * 16, scene.person.key, scene.person.origin)
    stranger = scene.grant(someone.consent("acme", FURNISH))
    refused(scene, stranger, "UNAUTHENTICATED", "BAD_SIGNATURE")


def test_what_is_not_the_callers_is_not_found(scene: Scene) -> None:
    made = scene.acme.submit([snapshot(scene.person.subject_id)])
    submission_id = made.reply.submission.submission_id
    request = furnishing_pb2.GetSubmissionRequest(submission_id=submission_id)
    assert scene.acme.send("Furnishing/GetSubmission", request).code == "OK"
    refused(scene, scene.brook.send("Furnishing/GetSubmission", request), "NOT_FOUND", "NOT_FOUND")
    wanted = consents_pb2.GetConsentRequest(consent_id=scene.consent_id)
    refused(scene, scene.brook.send("Consents/GetConsent", wanted), "NOT_FOUND", "NOT_FOUND")


# The wire --------------------------------------------------------------------


def test_wire(scene: Scene) -> None:
    send = scene.acme.send
    garbage = send("Reporting/QueryReport", b"\xff\xff\xff")
    refused(scene, garbage, "INVALID_ARGUMENT", "MALFORMED_MESSAGE")
    empty = send("Reporting/QueryReport", b"")
    refused(scene, empty, "INVALID_ARGUMENT", "INVALID_FIELD", "inquiry")
    huge = send("Reporting/QueryReport", b"\0" * 20_000)
    refused(scene, huge, "RESOURCE_EXHAUSTED", "TOO_LARGE")
    monster = send("Furnishing/SubmitRecords", b"\0" * 9_000_000)
    assert monster.code == "RESOURCE_EXHAUSTED", monster
    short = send("Log/GetCheckpoint", log_pb2.GetCheckpointRequest(), timeout=0.05)
    assert short.code == "DEADLINE_EXCEEDED", short
    text = reporting_pb2.QueryReportRequest(inquiry=Envelope(payload_type="x")).SerializeToString()
    bad_utf8 = text.replace(b"x", b"\xff")
    refused(scene, send("Reporting/QueryReport", bad_utf8), "INVALID_ARGUMENT", "MALFORMED_MESSAGE")
    beyond = send("Log/GetInclusionProof", log_pb2.GetInclusionProofRequest(leaf_index=10**9))
    refused(scene, beyond, "OUT_OF_RANGE", "BEYOND_LOG")


def test_a_gzip_bomb_is_not_unpacked(scene: Scene) -> None:
    bomb = b"\0" * 200_000_000
    assert len(gzip.compress(bomb, 1)) < 1_000_000
    call: Any = scene.acme.channel.unary_unary("/creditbureau.v1.Reporting/QueryReport")
    with pytest.raises(grpc.RpcError) as error:
        call(bomb, timeout=20, compression=grpc.Compression.Gzip)
    assert answer_of(error.value).code == "RESOURCE_EXHAUSTED"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1), byte=st.integers(0, 255), cut=st.booleans())
def test_no_mutation_is_an_internal_error(scene: Scene, place: float, byte: int, cut: bool) -> None:
    raw = snapshot(scene.person.subject_id).SerializeToString(deterministic=True)
    request = scene.acme.submission([raw]).SerializeToString()
    at = min(int(place * len(request)), len(request) - 1)
    mutated = request[:at] + (b"" if cut else bytes([byte])) + request[at + 1 :]
    answer = scene.acme.send("Furnishing/SubmitRecords", mutated)
    assert answer.code not in {"INTERNAL", "UNKNOWN"}, answer


# Certificates ----------------------------------------------------------------


def every_method() -> list[str]:
    return [
        f"/{service.full_name}/{method.name}" for service in CONTRACT for method in service.methods
    ]


def test_a_certificate_that_is_not_registered_opens_nothing(scene: Scene) -> None:
    settings_ = scene.bureau.settings
    from bureau.office.folder import load_authority, moment  # noqa: PLC0415  (only here)

    authority = load_authority(settings_)
    key, csr = new_key_and_csr("acme")
    now = moment(scene.bureau.clock.now_us())
    stranger = replace(
        scene.acme.profile,
        tls_key_pem=key,
        tls_certificate_pem=authority.issue_member(csr, "acme", now),
    )
    channel: Any = channel_of(stranger)
    others = [
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ]
    for method in [*every_method(), others[0]]:
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(method)(b"", timeout=10)
        assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED, method
    with pytest.raises(grpc.RpcError) as error:
        list(channel.stream_stream(others[1])(iter([b""]), timeout=10))
    assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED
    channel.close()


def test_no_expired_or_foreign_certificate_gets_in(scene: Scene) -> None:
    from bureau.office.folder import load_authority  # noqa: PLC0415  (only here)

    long_ago = datetime.now(UTC) - timedelta(days=900)
    own, foreign = load_authority(scene.bureau.settings), Authority.create("x", datetime.now(UTC))
    for issue in (
        lambda csr: own.issue_member(csr, "acme", long_ago, 30),
        lambda csr: foreign.issue_member(csr, "acme", datetime.now(UTC)),
        None,
    ):
        key, csr = new_key_and_csr("acme")
        pem = issue(csr) if issue else b""
        profile = replace(
            scene.acme.profile, tls_key_pem=key if issue else b"", tls_certificate_pem=pem
        )
        answer = Raw.send(_as(scene.acme, profile), "Log/GetCheckpoint", b"")
        assert answer.code == "UNAVAILABLE", answer


def _as(raw: Raw, profile: Any) -> Raw:
    made = Raw.__new__(Raw)
    made.profile, made.key, made.channel = profile, raw.key, channel_of(profile)
    return made


def test_a_certificate_expires_on_a_live_connection() -> None:
    clock = Clock()
    with running_bureau(clock=clock) as bureau:
        acme = Raw(bureau.add_member("acme", LENDER))
        assert acme.send("Log/GetCheckpoint", b"").code == "OK"
        clock.offset_us = 500 * 86_400 * 1_000_000
        answer = acme.send("Log/GetCheckpoint", b"")
        assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "UNKNOWN_CERTIFICATE")


def test_a_suspended_member_is_refused_at_the_next_call(scene: Scene) -> None:
    from bureau.office.operator import Operator  # noqa: PLC0415  (only here)

    carol = Raw(scene.bureau.add_member("carol", LENDER))
    assert carol.send("Log/GetCheckpoint", b"").code == "OK"
    with Operator(scene.bureau.operator) as operator:
        operator.set_state("carol", 2, "audit")
        answer = carol.send("Log/GetCheckpoint", b"")
        refused(scene, answer, "PERMISSION_DENIED", "MEMBER_SUSPENDED")
        operator.set_state("carol", 1, "")
        assert carol.send("Log/GetCheckpoint", b"").code == "OK"


def test_roles_open_methods(scene: Scene) -> None:
    denied = scene.agent.query(scene.person.subject_id, scene.consent_id)
    refused(scene, denied, "PERMISSION_DENIED", "ROLE_REQUIRED")
    request = consents_pb2.GrantConsentRequest(consent=scene.person.consent("acme", FURNISH))
    refused(
        scene,
        scene.acme.send("Consents/GrantConsent", request),
        "PERMISSION_DENIED",
        "ROLE_REQUIRED",
    )


# What is no time, and no page -------------------------------------------------

NO_TIMES = [(-62135596801, 0), (253402300800, 0), (-1, 0), (0, -1), (0, 10**9), (2**63 - 1, 0)]


@pytest.mark.parametrize(("seconds", "nanos"), NO_TIMES)
def test_what_is_no_time_is_refused_by_field(scene: Scene, seconds: int, nanos: int) -> None:
    def with_time(field: str) -> Answer:
        consent = consent_pb2.Consent.FromString(scene.person.consent("acme", FURNISH).payload)
        message = consent.header if field == "header.issue_time" else consent
        time = getattr(message, field.rpartition(".")[2])
        time.seconds, time.nanos = seconds, nanos
        return scene.grant(seal(consent, scene.person.key))

    for field in ("start_time", "expire_time", "header.issue_time"):
        refused(scene, with_time(field), "INVALID_ARGUMENT", "INVALID_FIELD", field)


@pytest.mark.parametrize(("seconds", "nanos"), NO_TIMES)
def test_an_action_at_no_time_is_refused_by_field(scene: Scene, seconds: int, nanos: int) -> None:
    action = record_pb2.FacilityAction(
        kind=record_pb2.FACILITY_ACTION_KIND_FREEZE,
        initiator=record_pb2.INITIATOR_LENDER,
        reasons=[1],  # type: ignore[list-item]
    )
    action.effective_time.seconds, action.effective_time.nanos = seconds, nanos
    record = record_pb2.Record(salt=bytes(32), account_ref="a1", action=action)
    answer = scene.acme.submit([record])
    field = "records[0].action.effective_time"
    refused(scene, answer, "INVALID_ARGUMENT", "INVALID_FIELD", field)


def test_a_flood_of_violations_still_says_what_is_wrong(scene: Scene) -> None:
    """The answer travels in headers, which have few kilobytes."""
    bad = {"currency": "x", "account_type": "?", "original_creditor": "y" * 80, "open_date": -1}
    answer = scene.acme.submit([snapshot(scene.person.subject_id, **bad) for _ in range(200)])
    assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD"), answer
    assert len(answer.fields) > 10
    assert "more)" in answer.message


def test_a_flood_of_empty_items_is_not_told_one_by_one(scene: Scene) -> None:
    """Two bytes each, and several rules broken by each: telling all would take gigabytes."""
    record = snapshot(scene.person.subject_id, parties=[record_pb2.Party()] * 1900)
    answer = scene.acme.submit([record] * 200)
    refused(scene, answer, "INVALID_ARGUMENT", "TOO_MANY_ITEMS", "records[0].snapshot.parties")
    assert "at least 1000 more" in answer.message
    nobody = reporting_pb2.PortfolioInquiry(header=scene.acme.header(), subject_ids=[""] * 200_000)
    asked = reporting_pb2.QueryPortfolioRequest(inquiry=seal(nobody, scene.acme.key))
    answer = scene.acme.send("Reporting/QueryPortfolio", asked)
    refused(scene, answer, "INVALID_ARGUMENT", "UNKNOWN_ENUM", "subject_ids[0]")


@pytest.mark.parametrize("token", ["²", "١", "-1", "9" * 30, "1x", "\0", "1.\0", "1.x"])
def test_what_is_no_page_token_is_refused(scene: Scene, token: str) -> None:
    checkpoints = log_pb2.ListCheckpointsRequest(page_token=token)
    answer = scene.acme.send("Log/ListCheckpoints", checkpoints)
    refused(scene, answer, "INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "page_token")
    submissions = furnishing_pb2.ListSubmissionsRequest(page_token=token)
    answer = scene.acme.send("Furnishing/ListSubmissions", submissions)
    refused(scene, answer, "INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "page_token")
    consents = consents_pb2.ListConsentsRequest(page_token=token)
    answer = scene.acme.send("Consents/ListConsents", consents)
    refused(scene, answer, "INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "page_token")


# What a refusal leaves behind ----------------------------------------------------


def test_refusals_are_freed_without_the_collector(scene: Scene) -> None:
    """A call that a circle of references kept open would count against the streams of
    its connection: after 100 of them the next is turned away.
    """
    revoked = scene.granted("acme", codes_pb2.ACTION_INQUIRE)
    assert scene.change(revoked, consent_pb2.CONSENT_TRANSITION_REVOKE).code == "OK"
    wanted: dict[str, Callable[[], Answer]] = {
        "CONSENT_REVOKED": lambda: scene.acme.query(scene.person.subject_id, revoked),
        "CONSENT_REQUIRED": lambda: scene.acme.submit([snapshot(uuid.uuid4().hex)]),
        "MALFORMED_MESSAGE": lambda: scene.acme.send("Reporting/QueryReport", b"\xff"),
    }
    gc.collect()
    gc.disable()
    try:
        for reason, send in wanted.items():
            assert [send().reason for _ in range(120)] == [reason] * 120
    finally:
        gc.enable()
