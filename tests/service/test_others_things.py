"""Every member with the things of others: they are as none."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bureau.testing import running_bureau
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    consent_pb2,
    consents_pb2,
    furnishing_pb2,
    log_pb2,
    members_pb2,
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
    granted,
    ok,
)
from tests.service.raw import Answer, Person, Raw, snapshot

# Member × object -----------------------------------------------------------------


@dataclass
class Pair:
    """Two lenders with the same roles. Everything there is, is the first one's."""

    acme: Raw
    brook: Raw
    agent: Raw
    person: Person
    somebody: Person
    consent_id: str


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with running_bureau() as bureau:
        lender = ("furnisher", "subscriber", "attester")
        acme = Raw(bureau.add_member("acme", lender, ["credit-application"]))
        brook = Raw(bureau.add_member("brook", lender, ["credit-application"]))
        agent = Raw(bureau.add_member("agent", ["agent"]))
        person, somebody = bound_person(acme), bound_person(acme)
        granted(agent, person, "acme", FURNISH)
        consent_id = granted(agent, person, "acme", INQUIRE)
        yield Pair(acme, brook, agent, person, somebody, consent_id)


def same(of_another: Answer, of_nobody: Answer, *, reason: str) -> None:
    """The two cannot be told apart: code, reason, fields, words and what to do."""
    assert of_another.reason == reason, of_another
    assert replace(of_another, request_id="") == replace(of_nobody, request_id="")


def test_anothers_submission_is_as_none(pair: Pair) -> None:
    made = ok(pair.acme.submit([snapshot(pair.person.subject_id)])).submission.submission_id

    def asked(raw: Raw, submission_id: str) -> Answer:
        request = furnishing_pb2.GetSubmissionRequest(submission_id=submission_id)
        return raw.send("Furnishing/GetSubmission", request)

    ok(asked(pair.acme, made))
    same(asked(pair.brook, made), asked(pair.brook, str(uuid.uuid4())), reason="NOT_FOUND")
    assert asked(pair.brook, made).code == "NOT_FOUND"
    listed = ok(pair.brook.send("Furnishing/ListSubmissions", b"")).submissions
    assert made not in {one.submission_id for one in listed}


def test_anothers_receipt_is_as_none(pair: Pair) -> None:
    submitted = ok(pair.acme.submit([snapshot(pair.person.subject_id)])).submission.submission_id
    inquiry = pair.acme.header()
    ok(pair.acme.query(pair.person.subject_id, pair.consent_id, header=inquiry))

    def asked(raw: Raw, request_id: str) -> Answer:
        return raw.send("Log/GetReceipt", log_pb2.GetReceiptRequest(request_id=request_id))

    nothing = asked(pair.brook, str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    for made in (submitted, inquiry.request_id):
        ok(asked(pair.acme, made))
        same(asked(pair.brook, made), nothing, reason="NOT_FOUND")
    # A subject's statement is nobody's but the subject's.
    for raw in (pair.acme, pair.brook, pair.agent):
        same(asked(raw, pair.consent_id), nothing, reason="NOT_FOUND")


def test_anothers_consent_is_as_none(pair: Pair) -> None:
    def asked(raw: Raw, consent_id: str, request: Envelope | None = None) -> Answer:
        wanted = consents_pb2.GetConsentRequest(consent_id=consent_id, subject_request=request)
        return raw.send("Consents/GetConsent", wanted)

    ok(asked(pair.acme, pair.consent_id))
    ok(asked(pair.agent, pair.consent_id, asked_by(pair.person, "Consents/GetConsent")))
    nothing = asked(pair.brook, str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    same(asked(pair.brook, pair.consent_id), nothing, reason="NOT_FOUND")
    same(asked(pair.agent, pair.consent_id), nothing, reason="NOT_FOUND")
    # Nor does another subject see it, whoever carries the request.
    for raw in (pair.agent, pair.acme):
        request = asked_by(pair.somebody, "Consents/GetConsent")
        same(asked(raw, pair.consent_id, request), nothing, reason="NOT_FOUND")


def test_anothers_consents_are_listed_as_none(pair: Pair) -> None:
    def listed(raw: Raw, **wanted: Any) -> Any:
        return ok(raw.send("Consents/ListConsents", consents_pb2.ListConsentsRequest(**wanted)))

    nothing = consents_pb2.ListConsentsResponse()
    assert listed(pair.acme, subject_id=pair.person.subject_id) != nothing
    assert listed(pair.brook) == nothing
    assert listed(pair.brook, subject_id=pair.person.subject_id) == nothing
    assert listed(pair.brook, subject_id=uuid.uuid4().hex) == nothing
    request = asked_by(pair.somebody, "Consents/ListConsents")
    subject_id = pair.person.subject_id
    assert listed(pair.agent, subject_request=request, subject_id=subject_id) == nothing


def test_anothers_consent_opens_no_report(pair: Pair) -> None:
    who = pair.person.subject_id
    nothing = pair.brook.query(uuid.uuid4().hex, str(uuid.uuid4()))
    assert nothing.code == "PERMISSION_DENIED"
    same(pair.brook.query(who, pair.consent_id), nothing, reason="CONSENT_REQUIRED")
    same(pair.brook.query(who, str(uuid.uuid4())), nothing, reason="CONSENT_REQUIRED")
    # Nor does one's own consent of another subject.
    other = pair.acme.query(pair.somebody.subject_id, pair.consent_id)
    same(other, nothing, reason="CONSENT_REQUIRED")


def test_anothers_customer_is_furnished_as_nobody(pair: Pair) -> None:
    known = pair.brook.submit([snapshot(pair.person.subject_id)])
    unknown = pair.brook.submit([snapshot(uuid.uuid4().hex)])
    assert known.code == "PERMISSION_DENIED"
    same(known, unknown, reason="CONSENT_REQUIRED")


def test_anothers_consent_is_not_changed(pair: Pair) -> None:
    def changed(consent_id: str) -> Answer:
        request = change_of(pair.somebody, consent_id, consent_pb2.CONSENT_TRANSITION_REVOKE)
        return pair.agent.send("Consents/ChangeConsent", request)

    nothing = changed(str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    same(changed(pair.consent_id), nothing, reason="NOT_FOUND")
    ok(pair.acme.query(pair.person.subject_id, pair.consent_id))


@pytest.mark.parametrize("method", ["GetFile", "ListInquiries"])
def test_anothers_file_is_as_none(pair: Pair, method: str) -> None:
    def asked(subject_id: str, key: SigningKey) -> Answer:
        person = Person(subject_id, key, pair.person.origin)
        request_class = getattr(subjects_pb2, f"{method}Request")
        request = request_class(subject_request=asked_by(person, f"Subjects/{method}"))
        return pair.agent.send(f"Subjects/{method}", request)

    ok(asked(pair.person.subject_id, pair.person.key))
    nothing = asked(uuid.uuid4().hex, pair.somebody.key)
    assert nothing.code == "UNAUTHENTICATED"
    same(asked(pair.person.subject_id, pair.somebody.key), nothing, reason="BAD_SIGNATURE")


def test_a_subjects_request_to_read_opens_one_method_only(pair: Pair) -> None:
    request = asked_by(pair.person, "Subjects/ListInquiries")
    answer = pair.agent.send(
        "Subjects/GetFile", subjects_pb2.GetFileRequest(subject_request=request)
    )
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "SIGNER_MISMATCH")


def test_anothers_credentials_are_as_none(pair: Pair) -> None:
    def changed(member_id: str, **change: Any) -> Answer:
        request = credential(pair.brook, member_id, **change)
        return pair.brook.send("Members/ChangeCredential", request)

    # In another's name: whether the other exists or not.
    nobody = changed("nobody-at-all")
    assert nobody.code == "PERMISSION_DENIED"
    same(changed("acme"), nobody, reason="ROLE_REQUIRED")
    # In one's own name, another's key or certificate.
    profile = ok(
        pair.acme.send("Members/GetMember", members_pb2.GetMemberRequest(member_id="acme"))
    )
    key_id = pair.acme.key.verify_key.key_id
    (certificate,) = profile.member.certificate_fingerprints
    for name, others in (("withdraw_key", key_id), ("withdraw_certificate", certificate)):
        nothing = changed("brook", **{name: "0" * 64})
        assert nothing.code == "NOT_FOUND"
        same(changed("brook", **{name: others}), nothing, reason="NOT_FOUND")
    ok(pair.acme.query(pair.person.subject_id, pair.consent_id))


def test_a_member_is_shown_to_others_without_what_is_its_own(pair: Pair) -> None:
    def shown(raw: Raw) -> Any:
        request = members_pb2.GetMemberRequest(member_id="acme")
        return ok(raw.send("Members/GetMember", request)).member

    own, others = shown(pair.acme), shown(pair.brook)
    assert own.directory_quota
    assert own.certificate_fingerprints
    own.ClearField("directory_quota")
    assert own.reciprocity
    own.ClearField("reciprocity")
    own.ClearField("certificate_fingerprints")
    assert own == others


def test_request_ids_of_others_are_free(pair: Pair) -> None:
    """A request id that is in use elsewhere tells a member nothing."""
    submission, inquiry = pair.acme.header(), pair.acme.header()
    ok(pair.acme.submit([snapshot(pair.person.subject_id)], header=submission))
    ok(pair.acme.query(pair.person.subject_id, pair.consent_id, header=inquiry))
    granted(pair.agent, pair.somebody, "brook", FURNISH)
    consent_id = granted(pair.agent, pair.somebody, "brook", INQUIRE)

    def header(request_id: str) -> Any:
        return pair.brook.header(request_id=request_id)

    record = snapshot(pair.somebody.subject_id)
    ok(pair.brook.submit([record], header=header(submission.request_id)))
    who = pair.somebody.subject_id
    ok(pair.brook.query(who, consent_id, header=header(inquiry.request_id)))
    # Each still has its own.
    wanted = furnishing_pb2.GetSubmissionRequest(submission_id=submission.request_id)
    for raw in (pair.acme, pair.brook):
        found = ok(raw.send("Furnishing/GetSubmission", wanted))
        manifest = found.manifest
        assert manifest.signatures[0].keyid == raw.key.verify_key.key_id


def test_account_numbers_of_others_are_free(pair: Pair) -> None:
    """An account number of another's, in another currency, tells a member nothing."""
    granted(pair.agent, pair.somebody, "brook", FURNISH)
    ours = snapshot(pair.person.subject_id, account_ref="shared", currency="USD")
    theirs = snapshot(pair.somebody.subject_id, account_ref="shared", currency="EUR")
    ok(pair.acme.submit([ours]))
    ok(pair.brook.submit([theirs]))
