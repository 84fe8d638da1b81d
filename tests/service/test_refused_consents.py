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
    Scenario,
    ask,
    inquiry_of,
    open_scenario,
    refused,
    signed,
)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario() as scenario:
        yield scenario


def test_consents_that_do_not_cover(scenario: Scenario) -> None:
    subject_id, mine = scenario.person.subject_id, scenario.consent_id
    refused(scenario, scenario.acme.query("00" * 16, mine), "PERMISSION_DENIED", "CONSENT_REQUIRED")
    refused(
        scenario, scenario.brook.query(subject_id, mine), "PERMISSION_DENIED", "CONSENT_REQUIRED"
    )
    unknown = scenario.acme.query(subject_id, str(uuid.uuid4()))
    refused(scenario, unknown, "PERMISSION_DENIED", "CONSENT_REQUIRED")
    review = codes_pb2.PURPOSE_ACCOUNT_REVIEW
    refused(
        scenario,
        scenario.acme.query(subject_id, mine, purpose=review),
        "PERMISSION_DENIED",
        "CONSENT_SCOPE",
    )
    court = scenario.acme.query(subject_id, mine, purpose=codes_pb2.PURPOSE_COURT_ORDER)
    refused(scenario, court, "PERMISSION_DENIED", "PURPOSE_NOT_PERMITTED")
    furnish_only = scenario.granted("acme", FURNISH)
    refused(
        scenario,
        scenario.acme.query(subject_id, furnish_only),
        "PERMISSION_DENIED",
        "CONSENT_SCOPE",
    )
    now = datetime.now(UTC)
    past = scenario.granted(
        "acme", INQUIRE, start=now - timedelta(days=9), expire=now - timedelta(days=1)
    )
    refused(scenario, scenario.acme.query(subject_id, past), "PERMISSION_DENIED", "CONSENT_EXPIRED")
    ahead = scenario.granted("acme", INQUIRE, start=now + timedelta(days=1))
    refused(
        scenario, scenario.acme.query(subject_id, ahead), "PERMISSION_DENIED", "CONSENT_EXPIRED"
    )


def test_an_unknown_subject_answers_as_one_without_consent(scenario: Scenario) -> None:
    no_subject = scenario.acme.query("00" * 16, str(uuid.uuid4()))
    no_consent = scenario.acme.query(scenario.person.subject_id, str(uuid.uuid4()))
    assert replace(no_subject, request_id="") == replace(no_consent, request_id="")


def test_nobody_buries_an_inquiry_under_denied_ones(scenario: Scenario) -> None:
    """What is denied and sent again is one line, and denials crowd out nothing."""
    where = {"subject_id": scenario.person.subject_id, "before": 1 << 62, "limit": 10_000}

    def denied() -> int:
        with scenario.bureau.server.database.snapshot() as db:
            return len(db.all(q.other_inquiries_before, **where))

    before = denied()
    envelope = scenario.acme.inquiry(scenario.person.subject_id, str(uuid.uuid4()))
    for _ in range(5):
        assert ask(scenario, envelope).reason == "CONSENT_REQUIRED"
    assert denied() == before + 1


def test_one_request_id_asks_about_one_person(scenario: Scenario) -> None:
    """A member that takes one id for questions about several people gets one answer."""
    people = [attested(scenario) for _ in range(2)]
    header = scenario.acme.header()
    for person, reason in zip(people, ("CONSENT_REQUIRED", "IDEMPOTENCY_CONFLICT"), strict=True):
        envelope = scenario.acme.inquiry(person.subject_id, str(uuid.uuid4()), header=header)
        assert ask(scenario, envelope).reason == reason
    for person, seen in zip(people, (1, 0), strict=True):
        with scenario.bureau.server.database.snapshot() as db:
            where = {"subject_id": person.subject_id, "before": 1 << 62, "limit": 9}
            assert len(db.all(q.other_inquiries_before, **where)) == seen


def test_what_was_denied_stays_denied(scenario: Scenario) -> None:
    """A retry gets the denial that its leaf covers, whatever the person decides meanwhile."""
    subject_id = scenario.person.subject_id
    consent = scenario.granted("acme", INQUIRE)
    assert scenario.change(consent, consent_pb2.CONSENT_TRANSITION_PAUSE).code == "OK"
    envelope = scenario.acme.inquiry(subject_id, consent)
    refused(scenario, ask(scenario, envelope), "PERMISSION_DENIED", "CONSENT_PAUSED")
    assert scenario.change(consent, consent_pb2.CONSENT_TRANSITION_RESUME).code == "OK"
    refused(scenario, ask(scenario, envelope), "PERMISSION_DENIED", "CONSENT_PAUSED")
    assert scenario.acme.query(subject_id, consent).code == "OK"


def attested(scenario: Scenario) -> Person:
    person = Person(uuid.uuid4().hex, SigningKey.generate(), scenario.person.origin)
    request = subjects_pb2.AttestKeyRequest(attestation=attestation(scenario.acme, person))
    assert scenario.acme.send("Subjects/AttestKey", request).code == "OK"
    return person


def test_a_consent_to_furnish_covers_the_kinds_that_it_names(scenario: Scenario) -> None:
    person = attested(scenario)
    mortgage = codes_pb2.PORTFOLIO_TYPE_MORTGAGE
    consent = person.consent("acme", FURNISH, portfolio_types=[mortgage])
    assert scenario.grant(consent).code == "OK"
    answer = scenario.acme.submit([snapshot(person.subject_id)])
    field = "records[0].snapshot.parties[0].subject_id"
    refused(scenario, answer, "PERMISSION_DENIED", "CONSENT_REQUIRED", field)
    mortgage_snapshot = snapshot(person.subject_id, portfolio_type=mortgage, account_type="26")
    assert scenario.acme.submit([mortgage_snapshot]).code == "OK"


def test_uses_run_out(scenario: Scenario) -> None:
    subject_id = scenario.person.subject_id
    once = scenario.granted("acme", INQUIRE, max_uses=1)
    assert scenario.acme.query(subject_id, once).code == "OK"
    refused(
        scenario, scenario.acme.query(subject_id, once), "PERMISSION_DENIED", "CONSENT_EXHAUSTED"
    )


def test_the_subject_withdraws(scenario: Scenario) -> None:
    subject_id = scenario.person.subject_id
    consent = scenario.granted("acme", INQUIRE)
    assert scenario.change(consent, consent_pb2.CONSENT_TRANSITION_PAUSE).code == "OK"
    refused(
        scenario, scenario.acme.query(subject_id, consent), "PERMISSION_DENIED", "CONSENT_PAUSED"
    )
    assert scenario.change(consent, consent_pb2.CONSENT_TRANSITION_RESUME).code == "OK"
    header = scenario.acme.header()
    first = signed(scenario.acme.key, inquiry_of(scenario, header=header, consent_id=consent))
    assert ask(scenario, first).code == "OK"
    assert scenario.change(consent, consent_pb2.CONSENT_TRANSITION_REVOKE).code == "OK"
    refused(
        scenario, scenario.acme.query(subject_id, consent), "PERMISSION_DENIED", "CONSENT_REVOKED"
    )
    # A retry does not bring the report back either.
    refused(scenario, ask(scenario, first), "PERMISSION_DENIED", "CONSENT_REVOKED")
    resume = scenario.change(consent, consent_pb2.CONSENT_TRANSITION_RESUME)
    refused(scenario, resume, "FAILED_PRECONDITION", "WRONG_STATE")


def test_ceilings(scenario: Scenario) -> None:
    start = datetime.now(UTC)
    long = scenario.person.consent("acme", INQUIRE, start=start, expire=start + timedelta(days=60))
    refused(scenario, scenario.grant(long), "INVALID_ARGUMENT", "CONSENT_CEILING", "expire_time")
    many = scenario.person.consent("acme", INQUIRE, max_uses=11)
    refused(scenario, scenario.grant(many), "INVALID_ARGUMENT", "CONSENT_CEILING", "max_uses")
    backwards = scenario.person.consent(
        "acme", FURNISH, start=start, expire=start - timedelta(days=1)
    )
    refused(scenario, scenario.grant(backwards), "INVALID_ARGUMENT", "DATE_ORDER", "expire_time")
    someone = Person("11" * 16, scenario.person.key, scenario.person.origin)
    stranger = scenario.grant(someone.consent("acme", FURNISH))
    refused(scenario, stranger, "UNAUTHENTICATED", "BAD_SIGNATURE")


def test_what_is_not_the_callers_is_not_found(scenario: Scenario) -> None:
    submission = scenario.acme.submit([snapshot(scenario.person.subject_id)])
    submission_id = submission.reply.submission.submission_id
    request = furnishing_pb2.GetSubmissionRequest(submission_id=submission_id)
    assert scenario.acme.send("Furnishing/GetSubmission", request).code == "OK"
    refused(
        scenario, scenario.brook.send("Furnishing/GetSubmission", request), "NOT_FOUND", "NOT_FOUND"
    )
    wanted = consents_pb2.GetConsentRequest(consent_id=scenario.consent_id)
    refused(scenario, scenario.brook.send("Consents/GetConsent", wanted), "NOT_FOUND", "NOT_FOUND")
