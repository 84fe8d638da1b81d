"""Objects of other members: the bureau answers as if they did not exist."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bureau.testing import running_bureau
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    consent_pb2,
    consents_pb2,
    furnishing_pb2,
    log_pb2,
    members_pb2,
    reporting_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope
from tests.service.calls import (
    FURNISH,
    INQUIRE,
    asked_by,
    bound_person,
    change_of,
    credential,
    decision_on,
    granted,
    ok,
)
from tests.service.raw import Answer, Person, Raw, snapshot

# Member × object -----------------------------------------------------------------


@dataclass
class MembersWithData:
    """Two lenders with the same roles; all data belongs to the first one."""

    acme: Raw
    brook: Raw
    agent: Raw
    person: Person
    somebody: Person
    consent_id: str


@pytest.fixture(scope="module")
def members() -> Iterator[MembersWithData]:
    with running_bureau() as bureau:
        lender = ("furnisher", "subscriber", "attester")
        acme = Raw(bureau.add_member("acme", lender, ["credit-application"]))
        brook = Raw(bureau.add_member("brook", lender, ["credit-application"]))
        agent = Raw(bureau.add_member("agent", ["agent"]))
        person, somebody = bound_person(acme), bound_person(acme)
        granted(agent, person, "acme", FURNISH)
        consent_id = granted(agent, person, "acme", INQUIRE)
        yield MembersWithData(acme, brook, agent, person, somebody, consent_id)


def same(of_another: Answer, of_nobody: Answer, *, reason: str) -> None:
    """Assert that both answers agree in code, reason, fields, message and fix."""
    assert of_another.reason == reason, of_another
    assert replace(of_another, request_id="") == replace(of_nobody, request_id="")


def test_anothers_submission_is_as_none(members: MembersWithData) -> None:
    submission_id = ok(
        members.acme.submit([snapshot(members.person.subject_id)])
    ).submission.submission_id

    def asked(raw: Raw, submission_id: str) -> Answer:
        request = furnishing_pb2.GetSubmissionRequest(submission_id=submission_id)
        return raw.send("Furnishing/GetSubmission", request)

    ok(asked(members.acme, submission_id))
    same(
        asked(members.brook, submission_id),
        asked(members.brook, str(uuid.uuid4())),
        reason="NOT_FOUND",
    )
    assert asked(members.brook, submission_id).code == "NOT_FOUND"
    listed = ok(members.brook.send("Furnishing/ListSubmissions", b"")).submissions
    assert submission_id not in {one.submission_id for one in listed}


def test_anothers_receipt_is_as_none(members: MembersWithData) -> None:
    submitted = ok(
        members.acme.submit([snapshot(members.person.subject_id)])
    ).submission.submission_id
    inquiry = members.acme.header()
    ok(members.acme.query(members.person.subject_id, members.consent_id, header=inquiry))

    def asked(raw: Raw, request_id: str) -> Answer:
        return raw.send("Log/GetReceipt", log_pb2.GetReceiptRequest(request_id=request_id))

    nothing = asked(members.brook, str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    for request_id in (submitted, inquiry.request_id):
        ok(asked(members.acme, request_id))
        same(asked(members.brook, request_id), nothing, reason="NOT_FOUND")
    # A subject's statement is nobody's but the subject's.
    for raw in (members.acme, members.brook, members.agent):
        same(asked(raw, members.consent_id), nothing, reason="NOT_FOUND")


def test_anothers_consent_is_as_none(members: MembersWithData) -> None:
    def asked(raw: Raw, consent_id: str, request: Envelope | None = None) -> Answer:
        wanted = consents_pb2.GetConsentRequest(consent_id=consent_id, subject_request=request)
        return raw.send("Consents/GetConsent", wanted)

    ok(asked(members.acme, members.consent_id))
    ok(asked(members.agent, members.consent_id, asked_by(members.person, "Consents/GetConsent")))
    nothing = asked(members.brook, str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    same(asked(members.brook, members.consent_id), nothing, reason="NOT_FOUND")
    same(asked(members.agent, members.consent_id), nothing, reason="NOT_FOUND")
    # Nor does another subject see it, whoever carries the request.
    for raw in (members.agent, members.acme):
        request = asked_by(members.somebody, "Consents/GetConsent")
        same(asked(raw, members.consent_id, request), nothing, reason="NOT_FOUND")


def test_anothers_consents_are_listed_as_none(members: MembersWithData) -> None:
    def listed(raw: Raw, **wanted: Any) -> Any:
        return ok(raw.send("Consents/ListConsents", consents_pb2.ListConsentsRequest(**wanted)))

    nothing = consents_pb2.ListConsentsResponse()
    assert listed(members.acme, subject_id=members.person.subject_id) != nothing
    assert listed(members.brook) == nothing
    assert listed(members.brook, subject_id=members.person.subject_id) == nothing
    assert listed(members.brook, subject_id=uuid.uuid4().hex) == nothing
    request = asked_by(members.somebody, "Consents/ListConsents")
    subject_id = members.person.subject_id
    assert listed(members.agent, subject_request=request, subject_id=subject_id) == nothing


def test_anothers_consent_opens_no_report(members: MembersWithData) -> None:
    subject_id = members.person.subject_id
    nothing = members.brook.query(uuid.uuid4().hex, str(uuid.uuid4()))
    assert nothing.code == "PERMISSION_DENIED"
    same(members.brook.query(subject_id, members.consent_id), nothing, reason="CONSENT_REQUIRED")
    same(members.brook.query(subject_id, str(uuid.uuid4())), nothing, reason="CONSENT_REQUIRED")
    # Nor does one's own consent of another subject.
    other = members.acme.query(members.somebody.subject_id, members.consent_id)
    same(other, nothing, reason="CONSENT_REQUIRED")


def test_a_report_of_another_is_decided_on_as_none(members: MembersWithData) -> None:
    report = ok(members.acme.query(members.person.subject_id, members.consent_id)).report

    def decided(raw: Raw, **changes: Any) -> Answer:
        decision = decision_on(report, raw.header())
        for name, value in changes.items():
            setattr(decision, name, value)
        request = reporting_pb2.RecordDecisionRequest(decision=seal(decision, raw.key))
        return raw.send("Reporting/RecordDecision", request)

    ok(decided(members.acme))
    nothing = decided(members.brook, inquiry_id=str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    same(decided(members.brook), nothing, reason="NOT_FOUND")
    same(decided(members.brook, report_digest=bytes(32)), nothing, reason="NOT_FOUND")
    # Nor is a decision in another member's name.
    request = reporting_pb2.RecordDecisionRequest(
        decision=seal(decision_on(report, members.acme.header()), members.acme.key)
    )
    answer = members.brook.send("Reporting/RecordDecision", request)
    assert answer.reason == "SIGNER_MISMATCH"
    listed = ok(members.brook.send("Reporting/ListOwnDecisions", b"")).decisions
    assert not listed


def test_anothers_customer_is_furnished_as_nobody(members: MembersWithData) -> None:
    known = members.brook.submit([snapshot(members.person.subject_id)])
    unknown = members.brook.submit([snapshot(uuid.uuid4().hex)])
    assert known.code == "PERMISSION_DENIED"
    same(known, unknown, reason="CONSENT_REQUIRED")


def test_anothers_consent_is_not_changed(members: MembersWithData) -> None:
    def changed(consent_id: str) -> Answer:
        request = change_of(members.somebody, consent_id, consent_pb2.CONSENT_TRANSITION_REVOKE)
        return members.agent.send("Consents/ChangeConsent", request)

    nothing = changed(str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    same(changed(members.consent_id), nothing, reason="NOT_FOUND")
    ok(members.acme.query(members.person.subject_id, members.consent_id))


@pytest.mark.parametrize("method", ["GetFile", "ListInquiries", "ListDecisions"])
def test_anothers_file_is_as_none(members: MembersWithData, method: str) -> None:
    def asked(subject_id: str, key: SigningKey) -> Answer:
        person = Person(subject_id, key, members.person.origin)
        request_class = getattr(subjects_pb2, f"{method}Request")
        request = request_class(subject_request=asked_by(person, f"Subjects/{method}"))
        return members.agent.send(f"Subjects/{method}", request)

    ok(asked(members.person.subject_id, members.person.key))
    nothing = asked(uuid.uuid4().hex, members.somebody.key)
    assert nothing.code == "UNAUTHENTICATED"
    same(asked(members.person.subject_id, members.somebody.key), nothing, reason="BAD_SIGNATURE")


def test_a_subjects_request_to_read_opens_one_method_only(members: MembersWithData) -> None:
    request = asked_by(members.person, "Subjects/ListInquiries")
    answer = members.agent.send(
        "Subjects/GetFile", subjects_pb2.GetFileRequest(subject_request=request)
    )
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "SIGNER_MISMATCH")


def test_anothers_credentials_are_as_none(members: MembersWithData) -> None:
    def changed(member_id: str, **change: Any) -> Answer:
        request = credential(members.brook, member_id, **change)
        return members.brook.send("Members/ChangeCredential", request)

    # In another's name: whether the other exists or not.
    nobody = changed("nobody-at-all")
    assert nobody.code == "PERMISSION_DENIED"
    same(changed("acme"), nobody, reason="ROLE_REQUIRED")
    # In one's own name, another's key or certificate.
    profile = ok(
        members.acme.send("Members/GetMember", members_pb2.GetMemberRequest(member_id="acme"))
    )
    key_id = members.acme.key.verify_key.key_id
    (certificate,) = profile.member.certificate_fingerprints
    for name, others in (("withdraw_key", key_id), ("withdraw_certificate", certificate)):
        nothing = changed("brook", **{name: "0" * 64})
        assert nothing.code == "NOT_FOUND"
        same(changed("brook", **{name: others}), nothing, reason="NOT_FOUND")
    ok(members.acme.query(members.person.subject_id, members.consent_id))


def test_a_member_is_shown_to_others_without_what_is_its_own(members: MembersWithData) -> None:
    def shown(raw: Raw) -> Any:
        request = members_pb2.GetMemberRequest(member_id="acme")
        return ok(raw.send("Members/GetMember", request)).member

    own, others = shown(members.acme), shown(members.brook)
    assert own.directory_quota
    assert own.certificate_fingerprints
    own.ClearField("directory_quota")
    assert own.reciprocity
    own.ClearField("reciprocity")
    own.ClearField("certificate_fingerprints")
    assert own == others


def test_request_ids_of_others_are_free(members: MembersWithData) -> None:
    """A request id that is in use elsewhere tells a member nothing."""
    submission, inquiry = members.acme.header(), members.acme.header()
    ok(members.acme.submit([snapshot(members.person.subject_id)], header=submission))
    ok(members.acme.query(members.person.subject_id, members.consent_id, header=inquiry))
    granted(members.agent, members.somebody, "brook", FURNISH)
    consent_id = granted(members.agent, members.somebody, "brook", INQUIRE)

    def header(request_id: str) -> Any:
        return members.brook.header(request_id=request_id)

    record = snapshot(members.somebody.subject_id)
    ok(members.brook.submit([record], header=header(submission.request_id)))
    subject_id = members.somebody.subject_id
    ok(members.brook.query(subject_id, consent_id, header=header(inquiry.request_id)))
    # Each still has its own.
    wanted = furnishing_pb2.GetSubmissionRequest(submission_id=submission.request_id)
    for raw in (members.acme, members.brook):
        stored = ok(raw.send("Furnishing/GetSubmission", wanted))
        manifest = stored.manifest
        assert manifest.signatures[0].keyid == raw.key.verify_key.key_id


def test_account_numbers_of_others_are_free(members: MembersWithData) -> None:
    """An account number of another's, in another currency, tells a member nothing."""
    granted(members.agent, members.somebody, "brook", FURNISH)
    ours = snapshot(members.person.subject_id, account_ref="shared", currency="USD")
    theirs = snapshot(members.somebody.subject_id, account_ref="shared", currency="EUR")
    ok(members.acme.submit([ours]))
    ok(members.brook.submit([theirs]))
