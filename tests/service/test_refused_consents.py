"""Consents that do not cover, and what was withdrawn."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bureau.store import queries as q
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consent_pb2,
    consents_pb2,
    furnishing_pb2,
    subjects_pb2,
)
from tests.service.raw import Person, attestation, snapshot
from tests.service.raw_scenario import (
    FURNISH,
    INQUIRE,
    Scene,
    ask,
    inquiry_of,
    open_scene,
    refused,
    signed,
)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        yield scene


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
            return len(db.all(q.unlogged_before, **where))

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
            assert len(db.all(q.unlogged_before, **where)) == 1


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
